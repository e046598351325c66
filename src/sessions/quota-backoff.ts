import type { SystemConfig } from '../contracts/config.js';

/** Share of a delay by which it varies, so that many agents do not come back at one moment. */
const JITTER = 0.25;

export interface QuotaTry {
  readonly config: SystemConfig['quota'];
  /** Tries of this turn that have failed, this one included. */
  readonly tries: number;
  /** What the model asked for, if it did. */
  readonly retry_after_ms: number | null;
  readonly now_ms: number;
  /** 0 to 1. */
  readonly random: number;
}

/**
 * When a turn that failed for want of a model is tried again; null when it has been tried often enough. Doubles from
 * `initial_ms` to `max_ms`, but never comes back before the model wants it. Pure.
 */
export function nextTryMs({ config, tries, retry_after_ms, now_ms, random }: QuotaTry): number | null {
  if (tries >= config.max_tries) return null;
  const full_ms = Math.min(config.max_ms, config.initial_ms * 2 ** Math.min(tries - 1, 40));
  const delay_ms = full_ms * (1 - JITTER * random);
  return now_ms + Math.round(Math.max(delay_ms, retry_after_ms ?? 0));
}
