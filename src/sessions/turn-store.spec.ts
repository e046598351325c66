import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EventLog } from '../events/event-log.js';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { scansOf } from '../../test/support/query-plans.js';
import { newId } from '../shared/ids.js';
import { TurnStore } from './turn-store.js';

const AGENTS = ['lead', 'worker'] as const;
const STATUSES = ['queued', 'running', 'deferred'] as const;
const usage = { input_tokens: 3, output_tokens: 2, cache_read_tokens: 0, cache_write_tokens: 0, cost_usd: 0.5 };

const storeOn = (db: StateDb): TurnStore => new TurnStore(db, new EventLog(db, new ManualClock()), new ManualClock());

it('regression: finding the open turns took the longer the more turns there had been', () => {
  const db = new StateDb(':memory:');
  const turns = storeOn(db);
  const scans = scansOf(db, () => {
    for (const status of STATUSES) {
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

const DEEDS = ['queue', 'start', 'begin', 'defer', 'resume', 'requeue', 'put back', 'end', 'fail'] as const;

/** One change of a turn, whatever state it is in; `fail` is an end that the journal takes back. */
async function change(turns: TurnStore, deed: (typeof DEEDS)[number], agent_id: string, id: string): Promise<unknown> {
  const end = { status: 'complete', text: '', reason: null, usage } as const;
  switch (deed) {
    case 'queue':
      return turns.queue({ agent_id, prompt: '', source: 'user', actor: 'admin' });
    case 'start': {
      const given = { id: newId('trn'), agent_id, prompt_uuid: 'u', prompt: '', source: 'user', actor: '' };
      return turns.start({ ...given, session_id: null }, () => undefined);
    }
    case 'begin':
      return turns.begin(id, null, null);
    case 'defer':
      return turns.defer(id, usage);
    case 'resume':
      return turns.resume(id);
    case 'requeue':
      return turns.requeue(id);
    case 'put back':
      return turns.putBack(id, { cause: 'model', reason: '', resume_ms: null }, usage, () => undefined);
    case 'end':
      return turns.end(id, end);
    case 'fail':
      return turns.end(id, end, () => {
        throw new Error('no');
      });
  }
}

it('knows by heart which turns are open, and what they have used, as the journal has it', async () => {
  const deeds = fc.array(fc.tuple(fc.constantFrom(...DEEDS), fc.constantFrom(...AGENTS), fc.nat({ max: 5 })), {
    maxLength: 30,
  });
  await fc.assert(
    fc.asyncProperty(deeds, async (steps) => {
      const db = new StateDb(':memory:');
      const turns = storeOn(db);
      turns.queuedCount('lead');
      for (const [deed, agent_id, nth] of steps) {
        const known = db.all<{ id: string }>('SELECT id FROM turns ORDER BY id');
        const id = known[nth]?.id;
        if (id === undefined && deed !== 'queue' && deed !== 'start') continue;
        await change(turns, deed, agent_id, id ?? '').catch((error: unknown) =>
          expect(error).toMatchObject({ message: 'no' }),
        );
        for (const status of STATUSES) {
          const rows = db.all('SELECT id, agent_id FROM turns WHERE status = ? ORDER BY id', status);
          expect(turns.withStatus(status).map(({ id, agent_id }) => ({ id, agent_id }))).toEqual(
            rows.map((row) => ({ ...row })),
          );
        }
        for (const agent_id of AGENTS) {
          const sums = db.get(
            `SELECT COUNT(*) AS turns, COALESCE(SUM(usage_json ->> 'input_tokens'), 0) AS input_tokens,
               COALESCE(SUM(usage_json ->> 'output_tokens'), 0) AS output_tokens,
               COALESCE(SUM(usage_json ->> 'cost_usd'), 0) AS cost_usd
             FROM turns WHERE agent_id = ? AND status IN ('running', 'deferred')`,
            agent_id,
          );
          expect(turns.totals(agent_id, 'running')).toEqual({ ...sums });
        }
      }
      expect(storeOn(db).withStatus('queued')).toEqual(turns.withStatus('queued'));
      db.close();
    }),
    { numRuns: 60 },
  );
});
