import type { StateSource } from '../contracts/agent.js';

/** One axis of an agent's state: what it is, since when, and who last said so. */
export class StateAxis<T extends string> {
  private current: T;
  private since: number;
  private seen: { source: StateSource; at_ms: number };

  constructor(initial: T, source: StateSource, now_ms: number) {
    this.current = initial;
    this.since = now_ms;
    this.seen = { source, at_ms: now_ms };
  }

  get value(): T {
    return this.current;
  }

  get since_ms(): number {
    return this.since;
  }

  get observed(): { readonly source: StateSource; readonly at_ms: number } {
    return this.seen;
  }

  /** Takes what was seen; answers whether the value is another than before. The same value is confirmed. */
  see(value: T, source: StateSource, now_ms: number): boolean {
    this.seen = { source, at_ms: now_ms };
    if (value === this.current) return false;
    this.current = value;
    this.since = now_ms;
    return true;
  }
}
