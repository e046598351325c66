const WINDOW_MS = 60_000;

/** Counts calls per caller over the last minute. */
export class CallRate {
  private readonly calls = new Map<string, number[]>();

  /** Whether one more is within `limit`; it counts only then. */
  take(caller: string, limit: number, now_ms: number): boolean {
    for (const [name, times] of this.calls) if ((times.at(-1) ?? 0) <= now_ms - WINDOW_MS) this.calls.delete(name);
    const recent = (this.calls.get(caller) ?? []).filter((at_ms) => at_ms > now_ms - WINDOW_MS);
    if (recent.length >= limit) return false;
    this.calls.set(caller, [...recent, now_ms]);
    return true;
  }
}
