import { join } from 'node:path';
import { RedisBroker } from '../src/broker/redis-broker.js';
import { SqliteBroker } from '../src/broker/sqlite-broker.js';
import { SystemClock } from '../src/shared/clock.js';
import { StateDb } from '../src/shared/db/state-db.js';
import { RedisServer } from '../test/support/redis-server.js';
import { makeTempDir } from '../test/support/temp-dir.js';
import { atRate, type Make } from './broker/at-rate.js';
import { bareBullMq, bareSqlite, port, service } from './broker/subjects.js';
import type { Bench, Row } from './lib/bench.js';
import { figures, median } from './lib/stats.js';

const PUBLISHERS = 50;
const RATE = 2000;

/** Messages through the broker, embedded and on Redis; beside SQLite and BullMQ by themselves. */
export const broker: Bench = {
  name: 'broker',
  async run({ quick }): Promise<Row[]> {
    await using dir = await makeTempDir('nox-bench-broker-');
    await using redis = await RedisServer.start();
    const clock = new SystemClock();
    let count = 0;
    const open: StateDb[] = [];
    const path = (): string => join(dir.path, `${(count += 1)}.db`);
    const db = (): StateDb => {
      const made = new StateDb(path());
      open.push(made);
      return made;
    };
    const makes: Readonly<Record<string, Make>> = {
      embedded: (arrived) => port(new SqliteBroker(db(), clock), arrived),
      sqlite: (arrived) => bareSqlite(path(), arrived),
      redis: (arrived) => port(new RedisBroker(redis.url, db(), clock), arrived),
      bullmq: (arrived) => bareBullMq(redis.url, arrived),
      whole: (arrived) => {
        const state = db();
        return service(new SqliteBroker(state, clock), state, arrived);
      },
      'whole on redis': (arrived) => {
        const state = db();
        return service(new RedisBroker(redis.url, state, clock), state, arrived);
      },
    };
    const flood: Record<string, number[]> = {};
    const paced: Record<string, number[]> = {};
    // By turns, so that a slow moment of the machine meets all of them.
    for (let round = 0; round < (quick ? 1 : 3); round += 1)
      for (const [name, make] of Object.entries(makes)) {
        const messages = quick ? 2000 : /redis|bullmq/.test(name) ? 8000 : 20_000;
        (flood[name] ??= []).push(await flooded(make, messages));
        (paced[name] ??= []).push(...(await atRate(make, { rate: RATE, messages: RATE * (quick ? 1 : 2) })));
      }
    for (const each of open) each.close();
    const speed = (name: string) => ({ median: median(flood[name] ?? []) });
    const late = (name: string) => figures(paced[name] ?? []);
    const runs = flood['embedded']?.length ?? 0;
    const samples = paced['embedded']?.length ?? 0;
    const bare = { sqlite: 'bare SQLite, same rows', bullmq: 'bare BullMQ' };
    const bull = { speed: speed('bullmq').median, p99: late('bullmq').p99 ?? Infinity };
    return [
      {
        what: `embedded queue, publish + claim + ack, ${PUBLISHERS} publishers`,
        unit: '/s',
        ...speed('embedded'),
        target: { at_least: 20_000 },
        beside: [{ name: bare.sqlite, ...speed('sqlite') }],
        runs,
        note: 'full sync, priorities and their bound, one consumer per agent',
      },
      {
        what: `embedded queue, publish to claim, ${RATE}/s`,
        unit: 'ms',
        ...late('embedded'),
        target: { below: 5, of: 'p99' },
        beside: [{ name: bare.sqlite, ...late('sqlite') }],
        runs: samples,
      },
      {
        what: `queue on Redis, publish + claim + ack, ${PUBLISHERS} publishers`,
        unit: '/s',
        ...speed('redis'),
        target: { at_least: Math.round(0.85 * bull.speed) },
        beside: [{ name: bare.bullmq, ...speed('bullmq') }],
        runs,
        note: 'the target is 85 % of bare BullMQ in this run; Nox also keeps what it must know after a crash in its journal',
      },
      {
        what: `queue on Redis, publish to claim, ${RATE}/s`,
        unit: 'ms',
        ...late('redis'),
        target: { below: 1.5 * bull.p99, of: 'p99' },
        beside: [{ name: bare.bullmq, ...late('bullmq') }],
        runs: samples,
        note: 'the target is 1.5 times the p99 of bare BullMQ in this run',
      },
      {
        what: `a message between agents, all but its turn, ${PUBLISHERS} senders`,
        unit: '/s',
        ...speed('whole'),
        beside: [{ name: 'on Redis', ...speed('whole on redis') }],
        runs,
        note: 'routing, ledger, three events; taken and bound to its prompt in one change, receipt and ack together, as a short turn has it',
      },
      {
        what: `the same, sent to read, ${RATE}/s`,
        unit: 'ms',
        ...late('whole'),
        target: { below: 5, of: 'p99' },
        beside: [{ name: 'on Redis', ...late('whole on redis') }],
        runs: samples,
      },
    ];
  },
};

/** Messages a second, from the first sent to the last arrived; each publisher sends when its last one is safe. */
async function flooded(make: Make, messages: number): Promise<number> {
  let arrived = 0;
  let done: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (done = resolve));
  const subject = await make(() => {
    arrived += 1;
    if (arrived === messages) done();
  });
  const start = performance.now();
  let next = 0;
  const publish = async (): Promise<void> => {
    while (next < messages) await subject.send(next++);
  };
  await Promise.all(Array.from({ length: PUBLISHERS }, publish));
  await all;
  const took_ms = performance.now() - start;
  await subject.close();
  return (messages / took_ms) * 1000;
}
