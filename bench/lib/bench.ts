/** A limit or a peer, measured in the same run. */
export interface Beside {
  readonly name: string;
  readonly median: number;
  readonly p99?: number;
}

/** One line of the table: what Nox needs, what it may need, and what others need for the same. */
export interface Row {
  readonly what: string;
  readonly unit: 'ms' | 'MB' | '/s' | '%';
  readonly median: number;
  readonly p99?: number;
  /** Of the targets that the project has set itself; judged by the median unless `of` says otherwise. */
  readonly target?: { readonly below?: number; readonly at_least?: number; readonly of?: 'p99' };
  readonly beside: readonly Beside[];
  /** How often it was measured, and what a reader must know to read the figure. */
  readonly runs: number;
  readonly note?: string;
}

export interface BenchOptions {
  /** Fewer repetitions: to see that everything works, not to quote. */
  readonly quick: boolean;
}

export interface Bench {
  readonly name: string;
  run(options: BenchOptions): Promise<Row[]>;
}
