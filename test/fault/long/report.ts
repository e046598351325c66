/** What a long run answers: figures to be quoted, and each broken promise as a sentence. */
export interface LongReport {
  readonly violations: readonly string[];
  /** The figures that count, in one line. */
  readonly verdict?: string;
  readonly [figure: string]: unknown;
}

export type Say = (text: string) => void;

export const secondsSince = (began: number): number => Math.round((performance.now() - began) / 100) / 10;

/** The share `q` (0 to 1) of these is not larger. */
export function quantile(all: readonly number[], q: number): number {
  const sorted = [...all].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}
