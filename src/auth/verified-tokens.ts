/** What a verified access token says. */
export interface AccessClaims {
  readonly username: string;
  /** The login that it belongs to; revoking that ends the token. */
  readonly family: string;
  readonly expires_at_ms: number;
}

/** Remembers tokens that were verified, the most recently used ones, so that each is verified once and not per request. */
export class VerifiedTokens<T extends AccessClaims> {
  private readonly entries = new Map<string, T>();

  constructor(private readonly max_entries = 1000) {}

  get(token: string, now_ms: number): T | undefined {
    const entry = this.entries.get(token);
    if (entry === undefined) return undefined;
    this.entries.delete(token);
    if (entry.expires_at_ms <= now_ms) return undefined;
    // A Map keeps the order of insertion: the first is the one not used for longest.
    this.entries.set(token, entry);
    return entry;
  }

  add(token: string, entry: T): void {
    this.entries.set(token, entry);
    if (this.entries.size <= this.max_entries) return;
    const [oldest] = this.entries.keys();
    if (oldest !== undefined) this.entries.delete(oldest);
  }

  forget(family: string): void {
    for (const [token, entry] of this.entries) if (entry.family === family) this.entries.delete(token);
  }
}
