import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SqliteBroker } from '../src/broker/sqlite-broker.js';
import { SystemClock } from '../src/shared/clock.js';
import { StateDb } from '../src/shared/db/state-db.js';
import { makeTempDir } from '../test/support/temp-dir.js';
import { atRate } from './broker/at-rate.js';
import { AGENTS, service } from './broker/subjects.js';
import type { Bench, Row } from './lib/bench.js';
import { figures } from './lib/stats.js';

const RATE = 200;
/** One in a hundred kills its reader, five times. */
const isPoison = (n: number): boolean => n % 100 === 50;
const CAP = 200;

/** What the broker's bounds cost those who keep to them: poison among messages, and senders that do not stop (RELIABILITY M5, M7). */
export const brokerLimits: Bench = {
  name: 'broker-limits',
  async run({ quick }): Promise<Row[]> {
    await using dir = await makeTempDir('nox-bench-limits-');
    const clock = new SystemClock();
    const open: StateDb[] = [];
    const subject = (arrived: (n: number) => void, given: Parameters<typeof service>[3]) => {
      const db = new StateDb(join(dir.path, `${open.length}.db`));
      open.push(db);
      return service(new SqliteBroker(db, clock), db, arrived, given);
    };
    const messages = RATE * (quick ? 2 : 10);
    const poison = Array.from({ length: messages }, (_, n) => n).filter(isPoison).length;
    const late: Record<'clean' | 'poisoned', number[]> = { clean: [], poisoned: [] };
    for (let round = 0; round < (quick ? 1 : 3); round += 1) {
      late.clean.push(...(await atRate((arrived) => subject(arrived, {}), { rate: RATE, messages })));
      const arrive = messages - poison;
      late.poisoned.push(
        ...(await atRate((arrived) => subject(arrived, { isPoison }), { rate: RATE, messages, arrive })),
      );
    }
    const clean = figures(late.clean);
    const { full_mb, after_mb, refused } = await overfill(subject);
    for (const each of open) each.close();
    return [
      {
        what: `message sent to read, ${RATE}/s, 1 % of all kill their reader`,
        unit: 'ms',
        ...figures(late.poisoned),
        target: { below: 1.2 * (clean.p99 ?? Infinity), of: 'p99' },
        beside: [{ name: 'without them', ...clean }],
        runs: late.poisoned.length,
        note: 'of the others; each of the one per cent is handed over five times, then dead',
      },
      {
        what: `heap after ten times what ${AGENTS} full queues take`,
        unit: 'MB',
        median: after_mb,
        target: { below: 1.2 * full_mb },
        beside: [{ name: 'just full', median: full_mb }],
        runs: 1,
        note: `${CAP} messages each, ${refused} refused, none dropped`,
      },
    ];
  },
};

/** Fills all queues of agents that read nothing, then sends nine times as many again. */
async function overfill(
  subject: (arrived: (n: number) => void, given: Parameters<typeof service>[3]) => ReturnType<typeof service>,
): Promise<{ full_mb: number; after_mb: number; refused: number }> {
  const queue = await subject(() => undefined, { cap: CAP, reads: false });
  const full = CAP * AGENTS;
  let refused = 0;
  const fill = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n += 50) {
      const sent = await Promise.allSettled(Array.from({ length: 50 }, (_, k) => queue.send(n + k)));
      refused += sent.filter(({ status }) => status === 'rejected').length;
    }
  };
  await fill(0, full);
  const full_mb = heapMb();
  await fill(full, 10 * full);
  const after_mb = heapMb();
  await queue.close();
  if (refused !== 9 * full) throw new Error(`${refused} of ${9 * full} messages over the cap were refused`);
  return { full_mb, after_mb, refused };
}

function heapMb(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}
