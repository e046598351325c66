import { Inject, Injectable } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { Clock } from '../shared/clock.js';

const MAX_KEYS = 10_000;

/** Counts attempts to log in, per key, over a sliding window. One that succeeded is taken back. */
@Injectable()
export class LoginAttempts implements ThrottlerStorage {
  private readonly attempts = new Map<string, number[]>();

  constructor(@Inject(Clock) private readonly clock: Clock) {}

  increment(key: string, ttl_ms: number, limit: number) {
    const now = this.clock.now();
    const recent = (this.attempts.get(key) ?? []).filter((at) => at > now - ttl_ms);
    const isBlocked = recent.length >= limit;
    if (!isBlocked) recent.push(now);
    this.keep(key, recent);
    const timeToExpire = Math.ceil(((recent[0] ?? now) + ttl_ms - now) / 1000);
    const totalHits = recent.length;
    return Promise.resolve({ totalHits, timeToExpire, isBlocked, timeToBlockExpire: isBlocked ? timeToExpire : 0 });
  }

  takeBack(key: string | undefined): void {
    if (key !== undefined) this.attempts.get(key)?.pop();
  }

  private keep(key: string, recent: number[]): void {
    this.attempts.delete(key);
    this.attempts.set(key, recent);
    if (this.attempts.size <= MAX_KEYS) return;
    const [oldest] = this.attempts.keys();
    if (oldest !== undefined) this.attempts.delete(oldest);
  }
}
