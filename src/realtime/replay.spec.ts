import { describe, expect, it } from '@jest/globals';
import type { AnyNoxEvent } from '../contracts/event.js';
import { isGone, replay, type StoredEvents } from './replay.js';

/** A log that holds these events; `last` is the newest that ever was. */
function logOf(seqs: number[], last = seqs.at(-1) ?? 0): StoredEvents {
  const events = seqs.map((seq) => ({ seq }) as AnyNoxEvent);
  return {
    since: (seq, filter) => events.filter((event) => event.seq > seq).slice(0, filter?.limit ?? 1000),
    firstSeq: () => seqs[0] ?? 0,
    lastSeq: () => last,
  };
}
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe(isGone.name, () => {
  it.each([
    ['nothing was ever said', logOf([]), 0, false],
    ['nothing is new', logOf([1, 2, 3]), 3, false],
    ['all is there', logOf([1, 2, 3]), 0, false],
    ['what is new is there, older is not', logOf([3, 4]), 2, false],
    ['one is missing', logOf([3, 4]), 1, true],
    ['all was pruned', logOf([], 9), 8, true],
    ['all was pruned, but it was seen', logOf([], 9), 9, false],
    ['the journal began anew', logOf([1, 2]), 7, true],
  ] as const)('%s', (_, log, after_seq, gone) => expect(isGone(log, after_seq)).toBe(gone));
});

describe(replay.name, () => {
  it('tells what is wanted, over any number of pages', () => {
    const found = replay(logOf(upTo(1250)), 3, ({ seq }) => seq % 2 === 0);
    expect(found?.map(({ seq }) => seq)).toEqual(upTo(1250).filter((seq) => seq > 3 && seq % 2 === 0));
  });

  it('does not mind holes: deltas are dropped when their turn ends', () => {
    expect(replay(logOf([1, 4, 9]), 1, () => true)?.map(({ seq }) => seq)).toEqual([4, 9]);
  });

  it('gives up when the events are gone, or are too many', () => {
    expect(replay(logOf([5, 6]), 1, () => true)).toBeUndefined();
    expect(replay(logOf(upTo(11)), 0, () => true, 10)).toBeUndefined();
    expect(replay(logOf(upTo(10)), 0, () => true, 10)).toHaveLength(10);
  });
});
