/** Time and timers, so that tests own both. The default is the real one. */
export abstract class Clock {
  /** Milliseconds since the epoch. */
  abstract now(): number;
  /** Runs `fn` once after `delay_ms`, unless cancelled by the returned function. Never keeps the process alive. */
  abstract after(delay_ms: number, fn: () => void): () => void;

  /** Now, as RFC 3339 in UTC. */
  iso(at_ms: number = this.now()): string {
    return new Date(at_ms).toISOString();
  }
}

export class SystemClock extends Clock {
  now(): number {
    return Date.now();
  }

  after(delay_ms: number, fn: () => void): () => void {
    let timer: NodeJS.Timeout;
    // Node's timers hold 24.8 days at most; longer waits go in steps.
    const wait = (left_ms: number): void => {
      const step_ms = Math.min(left_ms, 2 ** 31 - 1);
      timer = setTimeout(() => (left_ms > step_ms ? wait(left_ms - step_ms) : fn()), step_ms);
      timer.unref();
    };
    wait(delay_ms);
    return () => clearTimeout(timer);
  }
}

/** A clock that stands still until `advance` is called; timers run in order of their time. For tests. */
export class ManualClock extends Clock {
  private readonly timers = new Set<{ at: number; fn: () => void }>();

  constructor(private time_ms = Date.UTC(2026, 0, 1)) {
    super();
  }

  now(): number {
    return this.time_ms;
  }

  after(delay_ms: number, fn: () => void): () => void {
    const timer = { at: this.time_ms + delay_ms, fn };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  advance(by_ms: number): void {
    const end = this.time_ms + by_ms;
    for (;;) {
      const due = [...this.timers].filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers.delete(due);
      this.time_ms = Math.max(this.time_ms, due.at);
      due.fn();
    }
    this.time_ms = end;
  }
}
