import type { AnyNoxEvent } from '../contracts/event.js';

/** The part of the event log that a replay reads. */
export interface StoredEvents {
  since(seq: number, filter?: { limit?: number }): AnyNoxEvent[];
  firstSeq(): number;
  lastSeq(): number;
}

/**
 * Whether the events after `after_seq` are no longer all there: older ones were pruned, or the journal began anew and
 * never came so far.
 */
export function isGone(log: Pick<StoredEvents, 'firstSeq' | 'lastSeq'>, after_seq: number): boolean {
  const last = log.lastSeq();
  if (after_seq >= last) return after_seq > last;
  const first = log.firstSeq();
  return first === 0 || first > after_seq + 1;
}

const PAGE = 500;

/**
 * The stored events after `after_seq` that are wanted, in order; undefined when they are gone, or when there are so many
 * to look through that a snapshot is the shorter way.
 */
export function replay(
  log: StoredEvents,
  after_seq: number,
  wants: (event: AnyNoxEvent) => boolean,
  max_looked_at = 5000,
): AnyNoxEvent[] | undefined {
  if (isGone(log, after_seq) || log.lastSeq() - after_seq > max_looked_at) return undefined;
  const found: AnyNoxEvent[] = [];
  let last = after_seq;
  for (;;) {
    const page = log.since(last, { limit: PAGE });
    found.push(...page.filter(wants));
    last = page.at(-1)?.seq ?? last;
    if (page.length < PAGE) return found;
  }
}
