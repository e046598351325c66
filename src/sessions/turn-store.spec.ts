import { expect, it } from '@jest/globals';
import { EventLog } from '../events/event-log.js';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { scansOf } from '../../test/support/query-plans.js';
import { TurnStore } from './turn-store.js';

it('regression: finding the open turns took the longer the more turns there had been', () => {
  const db = new StateDb(':memory:');
  const turns = new TurnStore(db, new EventLog(db, new ManualClock()), new ManualClock());
  const scans = scansOf(db, () => {
    for (const status of ['queued', 'running', 'deferred'] as const) {
      turns.withStatus(status);
      turns.withStatus(status, 'worker');
    }
    turns.queuedCount('worker');
    turns.next('worker');
    turns.totals('worker', 'running');
  });
  expect(scans).toEqual([]);
  db.close();
});
