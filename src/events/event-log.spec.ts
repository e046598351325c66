import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { EventLog } from './event-log.js';

const DAY_MS = 86_400_000;

describe(EventLog.name, () => {
  let db: StateDb;
  let clock: ManualClock;
  let events: EventLog;
  beforeEach(() => {
    db = new StateDb(':memory:');
    clock = new ManualClock();
    events = new EventLog(db, clock);
  });
  afterEach(() => db.close());
  const kept = (): number[] => events.since(0).map(({ seq }) => seq);
  const append = async (): Promise<number> => (await events.append('system.started', { version: '1' })).seq;

  it('forgets what is older than so many days, and nothing else', async () => {
    expect(await events.prune(1)).toBe(0);
    const days = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(days, fc.integer({ min: 1, max: 4 }), async (steps, limit) => {
        await db.write((tx) => tx.run('DELETE FROM events'));
        const made: { seq: number; at_ms: number }[] = [];
        for (const step of steps) {
          clock.advance(step * DAY_MS);
          made.push({ seq: await append(), at_ms: clock.now() });
        }
        const young = made.filter(({ at_ms }) => at_ms >= clock.now() - limit * DAY_MS).map(({ seq }) => seq);
        expect(await events.prune(limit)).toBe(made.length - young.length);
        expect(kept()).toEqual(young);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps young events that a clock put back has put before old ones', async () => {
    const [first, second] = [await append(), await append()];
    await db.write((tx) => tx.run('UPDATE events SET at_ms = at_ms + ? WHERE seq = ?', 9 * DAY_MS, first));
    clock.advance(5 * DAY_MS);
    await append();
    await events.prune(1);
    expect(kept()).toContain(first);
    expect(second).toBe(first + 1);
  });
});
