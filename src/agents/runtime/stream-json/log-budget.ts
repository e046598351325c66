const LINES_PER_WINDOW = 200;
const WINDOW_MS = 10_000;

/**
 * Keeps a program that floods its output from flooding the journal: so many log lines in a window of time, the rest is
 * counted. `take` answers whether this line may pass, and how many were left out since the last one that did.
 */
export class LogBudget {
  private window_start_ms = Number.NEGATIVE_INFINITY;
  private taken = 0;
  private left_out = 0;

  constructor(
    private readonly lines = LINES_PER_WINDOW,
    private readonly window_ms = WINDOW_MS,
  ) {}

  take(now_ms: number): { pass: boolean; left_out: number } {
    if (now_ms - this.window_start_ms >= this.window_ms) {
      this.window_start_ms = now_ms;
      this.taken = 0;
    }
    if (this.taken >= this.lines) {
      this.left_out += 1;
      return { pass: false, left_out: this.left_out };
    }
    this.taken += 1;
    const left_out = this.left_out;
    this.left_out = 0;
    return { pass: true, left_out };
  }

  /** Lines left out and not told of yet; forgets them. */
  drain(): number {
    const left_out = this.left_out;
    this.left_out = 0;
    return left_out;
  }
}
