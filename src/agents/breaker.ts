/**
 * The circuit breaker of one agent. `open`: it crashed too often and is left alone; `half_open`: one probe is under way,
 * and its next failure opens the breaker again. Pure; times in milliseconds since the epoch.
 */
export type Breaker =
  | { readonly state: 'closed' }
  | {
      readonly state: 'open';
      readonly reason: string;
      /** When a probe may start; null: only a person closes it. */
      readonly open_until_ms: number | null;
      /** Openings in a row. */
      readonly trips: number;
    }
  | { readonly state: 'half_open'; readonly reason: string; readonly trips: number };

export const CLOSED: Breaker = { state: 'closed' };

const FIRST_COOL_DOWN_MS = 60_000;
const LONGEST_COOL_DOWN_MS = 3_600_000;

/** One minute, doubled with each opening in a row, at most an hour. */
export const coolDownMs = (trips: number): number =>
  Math.min(LONGEST_COOL_DOWN_MS, FIRST_COOL_DOWN_MS * 2 ** (trips - 1));

/** Opens it: with a probe after the cool-down, or, when trying again cannot help, until a person closes it. */
export function openBreaker(before: Breaker, reason: string, probe: { readonly now_ms: number } | null): Breaker {
  const trips = before.state === 'closed' ? 1 : before.trips + 1;
  return { state: 'open', reason, trips, open_until_ms: probe === null ? null : probe.now_ms + coolDownMs(trips) };
}

/** Lets one probe start when the cool-down is over; otherwise nothing changes. */
export function halfOpen(before: Breaker, now_ms: number): Breaker {
  if (before.state !== 'open' || before.open_until_ms === null || before.open_until_ms > now_ms) return before;
  return { state: 'half_open', reason: before.reason, trips: before.trips };
}
