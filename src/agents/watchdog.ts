/** Silence of an open turn is a warning after `silent_turn_warn_s`, and a hang after this many times as long. */
export const HUNG_AFTER_WARNINGS = 3;
/** A process reads its input while it works; one that has not read for this long never will. */
export const UNREAD_LIMIT_MS = 60_000;

/** What is known of one running agent, in milliseconds since the epoch. */
export interface WatchFacts {
  /** Since when the open turn has the pipe; null when none is open. */
  readonly turn_started_ms: number | null;
  readonly last_output_ms: number | null;
  readonly unread_since_ms: number | null;
  /** Somebody else is to act: a person who approves or answers, a quota that comes back. */
  readonly waits_for_others: boolean;
  /** A tool call has no result yet, and its tree has children or uses the processor. */
  readonly tool_is_alive: boolean;
  /** When `waits_for_others` or `tool_is_alive` last held. */
  readonly last_excused_ms: number | null;
}

export type WatchVerdict =
  | { readonly verdict: 'ok' }
  | { readonly verdict: 'warn' | 'hung'; readonly reason: string; readonly silent_ms: number };

const OK: WatchVerdict = { verdict: 'ok' };

/**
 * Whether an agent still does something. Only a process of which nothing at all is heard while it owes an answer is
 * suspected; slow ones, long tools and calls that wait for a person are well. Pure.
 */
export function decideWatch(facts: WatchFacts, silent_turn_warn_s: number, now_ms: number): WatchVerdict {
  const unread_ms = facts.unread_since_ms === null ? 0 : now_ms - facts.unread_since_ms;
  if (unread_ms >= UNREAD_LIMIT_MS) return hung('its input was not read', unread_ms);
  if (facts.turn_started_ms === null || facts.waits_for_others || facts.tool_is_alive) return OK;
  const heard_ms = Math.max(facts.turn_started_ms, facts.last_output_ms ?? 0, facts.last_excused_ms ?? 0);
  const silent_ms = now_ms - heard_ms;
  const warn_ms = silent_turn_warn_s * 1000;
  if (silent_ms >= HUNG_AFTER_WARNINGS * warn_ms) return hung('nothing was heard of its turn', silent_ms);
  if (silent_ms < warn_ms) return OK;
  return { verdict: 'warn', reason: `nothing was heard of its turn for ${seconds(silent_ms)} s`, silent_ms };
}

const hung = (what: string, silent_ms: number): WatchVerdict => ({
  verdict: 'hung',
  reason: `hung: ${what} for ${seconds(silent_ms)} s`,
  silent_ms,
});

const seconds = (ms: number): number => Math.round(ms / 1000);
