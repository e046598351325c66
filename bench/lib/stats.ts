/** The value below which `part` (0 to 1) of the samples lie. Throws without samples: a figure must not be made up. */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  if (value === undefined) throw new Error('nothing was measured');
  return value;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** Median and, when there are enough samples for one to mean something, the 99th percentile. */
export const figures = (samples: readonly number[]): { median: number; p99?: number } =>
  samples.length < 100 ? { median: median(samples) } : { median: median(samples), p99: quantile(samples, 0.99) };

/** Wall-clock milliseconds with fractions, comparable between processes of one machine. */
export const wallClock = (): number => performance.timeOrigin + performance.now();

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
