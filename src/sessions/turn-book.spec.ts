import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../shared/clock.js';
import { TurnBook } from './turn-book.js';
import type { TurnStore } from './turn-store.js';

const usage = { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0, cost_usd: 0 };
const delay = { cause: 'model', reason: 'overloaded', resume_ms: 1 } as const;

/** A book on a store that answers when it is told to. */
function book() {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const turns = { putBack: () => promise } as unknown as TurnStore;
  const told = new TurnBook({
    turns,
    clock: new ManualClock(),
    warn: () => undefined,
    spent: () => undefined,
  });
  return { told, resolve, reject };
}

describe('turns that wait', () => {
  it('regression: a turn that was put back counts while that is being stored', async () => {
    const { told, resolve } = book();
    const stored = told.putBack('worker', 't-1', delay, usage, () => undefined);
    expect(told.queuedCount('worker')).toBe(1);
    resolve(true);
    expect(await stored).toBe(true);
    expect(told.queuedCount('worker')).toBe(1);
  });

  it('does not count one that had ended, nor one that the journal refused', async () => {
    const ended = book();
    ended.resolve(false);
    expect(await ended.told.putBack('worker', 't-1', delay, usage, () => undefined)).toBe(false);
    expect(ended.told.queuedCount('worker')).toBe(0);
    const refused = book();
    refused.reject(new Error('the disk is full'));
    await expect(refused.told.putBack('worker', 't-1', delay, usage, () => undefined)).rejects.toThrow('full');
    expect(refused.told.queuedCount('worker')).toBe(0);
  });
});
