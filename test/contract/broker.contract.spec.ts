import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { join } from 'node:path';
import { ulid } from 'ulid';
import type { BrokerPort, JournalView, NewEntry, QueueEntry, Want } from '../../src/broker/broker-port.js';
import { chooseNext, type Heads, OLD_AFTER_MS, type PassedOver } from '../../src/broker/order.js';
import { RedisBroker } from '../../src/broker/redis-broker.js';
import { SqliteBroker } from '../../src/broker/sqlite-broker.js';
import { type MessagePriority, PRIORITIES } from '../../src/contracts/message.js';
import { SystemClock } from '../../src/shared/clock.js';
import { StateDb } from '../../src/shared/db/state-db.js';
import { RedisServer } from '../support/redis-server.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';
import { eventually } from '../support/wait.js';

/** What the journal would know, kept by hand: the port's contract needs no more. */
class Ledger implements JournalView {
  readonly fates = new Map<string, 'waiting' | 'leased' | 'ended'>();
  readonly entries = new Map<string, NewEntry>();
  readonly adopted: string[] = [];
  fate = (id: string) => this.fates.get(id) ?? 'unknown';
  adopt = async (entries: readonly QueueEntry[]): Promise<void> => {
    for (const entry of entries) {
      this.adopted.push(entry.id);
      this.waits([{ ...entry, due_ms: null }]);
    }
  };
  waiting = (): NewEntry[] => [...this.entries.values()].filter(({ id }) => this.fate(id) === 'waiting');
  leased = (): string[] => [...this.entries.keys()].filter((id) => this.fate(id) === 'leased');
  waits(entries: readonly NewEntry[]): void {
    for (const entry of entries) {
      this.entries.set(entry.id, entry);
      this.fates.set(entry.id, 'waiting');
    }
  }
}

const ALL: Want = { open: PRIORITIES, overdue: true, at_most: 8, limit: 1 };
let last_ms = 0;
/** Ids in the order of their making, `age_ms` old. */
const entry = (priority: MessagePriority, given: Partial<NewEntry> & { age_ms?: number } = {}): NewEntry => {
  const { age_ms = 0, ...rest } = given;
  last_ms = Math.max(last_ms + 1, Date.now());
  const id = `msg_${ulid((age_ms === 0 ? last_ms : Date.now()) - age_ms)}`;
  return { id, agent_id: 'worker', priority, body: JSON.stringify({ id }), due_ms: null, ...rest };
};

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis[Symbol.asyncDispose]());

describe.each(['sqlite', 'redis'] as const)('the queue on %s', (adapter) => {
  let dir: TempDir;
  let db: StateDb;
  let ledger: Ledger;
  let port: BrokerPort;
  const open = async (): Promise<void> => {
    const clock = new SystemClock();
    db = new StateDb(join(dir.path, 'state.db'));
    port = adapter === 'sqlite' ? new SqliteBroker(db, clock) : new RedisBroker(redis.url, db, clock);
    await port.open(ledger);
    await eventually('the queue can be used', () => port.status().available);
  };
  const shut = async (): Promise<void> => {
    await port.close();
    db.close();
  };
  beforeEach(async () => {
    dir = await makeTempDir('nox-queue-');
    ledger = new Ledger();
    await open();
  });
  afterEach(async () => {
    await shut();
    await dir.remove();
  });

  const publish = (...entries: NewEntry[]) => port.publish(entries, () => ledger.waits(entries));
  const claim = (want: Partial<Want> = {}, agent_id = 'worker') =>
    port.claim(agent_id, { ...ALL, ...want }, (_, taken) => {
      for (const { id } of taken) ledger.fates.set(id, 'leased');
      return taken.map(({ id }) => id);
    });
  const ack = (...entries: NewEntry[]) =>
    port.ack(entries, () => {
      for (const { id } of entries) ledger.fates.set(id, 'ended');
    });
  const requeue = (given: NewEntry, due_ms: number | null = null) =>
    port.requeue({ ...given, due_ms }, () => ledger.waits([{ ...given, due_ms }]));
  const drain = async (want: Partial<Want> = {}): Promise<string[]> => {
    const order: string[] = [];
    for (;;) {
      const ids = await claim(want);
      if (ids.length === 0) return order;
      order.push(...ids);
    }
  };
  const idsOf = (entries: readonly NewEntry[]): string[] => entries.map(({ id }) => id);

  it('keeps order within a priority, and gives higher ones first', async () => {
    const low = [entry('low'), entry('low')];
    const high = [entry('high'), entry('high')];
    const urgent = entry('critical');
    for (const each of [low[0], high[0], low[1], urgent, high[1]]) await publish(each as NewEntry);
    expect(await drain()).toEqual([urgent.id, ...idsOf(high), ...idsOf(low)]);
  });

  it('gives what it was given, to the agent it was given for', async () => {
    const mine = entry('medium', { body: '{"text":"ünïcode ✓"}' });
    const other = entry('medium', { agent_id: 'other' });
    await publish(mine, other);
    const taken = await port.claim('worker', ALL, (_, entries) => entries);
    expect(taken).toEqual([{ id: mine.id, agent_id: 'worker', priority: 'medium', body: mine.body }]);
    expect(await claim()).toEqual([]);
    expect(await claim({}, 'other')).toEqual([other.id]);
  });

  it('gives only what is open, several of one priority at most', async () => {
    const [a, b, c] = [entry('medium'), entry('medium'), entry('low')];
    await publish(a, b, c);
    expect(await claim({ open: ['critical', 'high'], overdue: false })).toEqual([]);
    expect(await claim({ limit: 10 })).toEqual([a.id, b.id]);
    expect(await claim({ limit: 10 })).toEqual([c.id]);
  });

  it('lets an old low one be passed over eight times at most', async () => {
    const low = [entry('low', { age_ms: OLD_AFTER_MS + 60_000 }), entry('low', { age_ms: OLD_AFTER_MS + 50_000 })];
    await publish(...low);
    const high = Array.from({ length: 20 }, () => entry('high'));
    await publish(...high);
    const order = await drain();
    expect(order.indexOf(low[0]?.id ?? '')).toBe(8);
    expect(order.indexOf(low[1]?.id ?? '')).toBe(17);
  });

  it('remembers over a restart how often it was passed over', async () => {
    const low = entry('low', { age_ms: OLD_AFTER_MS + 60_000 });
    await publish(low, ...Array.from({ length: 10 }, () => entry('high')));
    for (let n = 0; n < 6; n += 1) await claim();
    await shut();
    await open();
    await claim();
    await claim();
    expect(await claim()).toEqual([low.id]);
  });

  it('says whether a claim right behind a publish shares its change', async () => {
    const [kept, refused] = [entry('high'), entry('high')];
    const before = db.generation;
    const published = publish(kept);
    const claimed = claim();
    await published;
    expect(await claimed).toEqual(port.claims_unstored ? [kept.id] : expect.any(Array));
    if (port.claims_unstored) expect(db.generation - before).toBe(2);
    const refusal = port.publish([refused], () => {
      throw new Error('no');
    });
    const nothing = claim();
    await expect(refusal).rejects.toThrow('no');
    expect(await nothing).not.toContain(refused.id);
  });

  it('knows an entry once', async () => {
    const twice = entry('high');
    await publish(twice);
    await publish(twice);
    expect(await drain()).toEqual([twice.id]);
  });

  it('puts back to its place, also several, also before higher ones come', async () => {
    const [a, b, c] = [entry('low'), entry('low'), entry('low')];
    await publish(a, b, c);
    expect(await claim({ limit: 2 })).toEqual([a.id, b.id]);
    await requeue(a);
    await requeue(b);
    const urgent = entry('critical');
    await publish(urgent);
    expect(await drain()).toEqual([urgent.id, a.id, b.id, c.id]);
  });

  it('holds what is put off until it is due, and is not held up by it', async () => {
    const later = entry('high', { due_ms: Date.now() + 3000 });
    const [a, b] = [entry('high'), entry('high')];
    await publish(later, a, b);
    expect(await claim()).toEqual([a.id]);
    await requeue(a, Date.now() + 3000);
    expect(await drain()).toEqual([b.id]);
    const came = new Set<string>();
    await eventually('both are due', async () => {
      for (const id of await claim()) came.add(id);
      return came.size === 2;
    });
    expect(came).toEqual(new Set([later.id, a.id]));
    expect(Date.now()).toBeGreaterThanOrEqual(later.due_ms ?? 0);
  });

  it('does nothing when the journal refuses', async () => {
    await publish(entry('high'));
    const refuse = () => {
      throw new Error('the disk is full');
    };
    await expect(port.claim('worker', ALL, refuse)).rejects.toThrow('the disk is full');
    const [id] = await claim();
    expect(id).toBeDefined();
    const taken = ledger.entries.get(id ?? '') as NewEntry;
    await expect(port.ack([taken], refuse)).rejects.toThrow('the disk is full');
    await expect(port.requeue(taken, refuse)).rejects.toThrow('the disk is full');
    expect(await port.depth()).toEqual([{ agent_id: 'worker', priority: 'high', waiting: 0, delayed: 0, leased: 1 }]);
  });

  it('forgets what is acked or removed, and takes an unknown one calmly', async () => {
    const [a, b, c] = [entry('high'), entry('high'), entry('low', { due_ms: Date.now() + 60_000 })];
    await publish(a, b, c);
    expect(await claim()).toEqual([a.id]);
    await ack(a);
    await ack(a);
    await port.remove([b, c], () => {
      for (const { id } of [b, c]) ledger.fates.set(id, 'ended');
    });
    await port.remove([b], () => undefined);
    expect(await drain()).toEqual([]);
    expect(await port.depth()).toEqual([]);
  });

  it('forgets with a change of the journal, and not when that is undone', async () => {
    const [a, b] = [entry('high'), entry('high')];
    await publish(a, b);
    expect(await claim({ limit: 2 })).toEqual([a.id, b.id]);
    const undone = db.write((tx) => {
      port.ackIn(tx, [a]);
      throw new Error('the turn was not stored');
    });
    await expect(undone).rejects.toThrow('the turn was not stored');
    await db.write((tx) => {
      port.ackIn(tx, [b]);
      ledger.fates.set(b.id, 'ended');
    });
    const one_left = [{ agent_id: 'worker', priority: 'high', waiting: 0, delayed: 0, leased: 1 }];
    await eventually('one is left', async () => (await port.depth())[0]?.leased === 1);
    expect(await port.depth()).toEqual(one_left);
    await requeue(a);
    expect(await drain()).toEqual([a.id]);
  });

  it('gives a claimed entry to nobody else, not after a restart either; puts the rest where it was', async () => {
    const entries = [entry('low'), entry('low'), entry('high'), entry('medium', { due_ms: Date.now() + 60_000 })];
    await publish(...entries);
    const [held] = await claim();
    expect(held).toBe(entries[2]?.id);
    await shut();
    await open();
    expect(await port.depth()).toEqual([
      { agent_id: 'worker', priority: 'high', waiting: 0, delayed: 0, leased: 1 },
      { agent_id: 'worker', priority: 'medium', waiting: 0, delayed: 1, leased: 0 },
      { agent_id: 'worker', priority: 'low', waiting: 2, delayed: 0, leased: 0 },
    ]);
    await requeue(entries[2] as NewEntry);
    expect(await drain()).toEqual([entries[2]?.id, entries[0]?.id, entries[1]?.id]);
  });

  it('agrees with a model of it, whatever comes', async () => {
    const command = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('publish' as const),
          priority: fc.constantFrom(...PRIORITIES),
          old: fc.boolean(),
        }),
      },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('claim' as const), open: fc.constantFrom(1, 2, 3, 4) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('ack' as const), which: fc.nat(5) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('requeue' as const), which: fc.nat(5) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 30 }), async (commands) => {
        run += 1;
        const agent_id = `model-${run}`;
        const queues: Record<MessagePriority, NewEntry[]> = { critical: [], high: [], medium: [], low: [] };
        const held: NewEntry[] = [];
        let passed: PassedOver = {};
        // Old ones come in order too: each a little younger than the one before.
        let age_ms = 3_600_000;
        for (const step of commands) {
          if (step.do === 'publish') {
            age_ms -= 10;
            const made = entry(step.priority, { agent_id, ...(step.old ? { age_ms } : {}) });
            // Within a priority ids grow, as they do for a clock that does not go back.
            if (
              queues[step.priority].some(({ id }) => id > made.id) ||
              held.some((h) => h.priority === step.priority && h.id > made.id)
            )
              continue;
            await publish(made);
            queues[step.priority].push(made);
          } else if (step.do === 'claim') {
            const open = PRIORITIES.slice(0, step.open);
            const heads: Heads = Object.fromEntries(
              PRIORITIES.flatMap((each) => (queues[each][0] === undefined ? [] : [[each, timeOf(queues[each][0].id)]])),
            );
            const choice = chooseNext(heads, passed, { ...ALL, open, now_ms: Date.now() });
            const got = await claim({ open }, agent_id);
            const expected = choice === undefined ? undefined : queues[choice.priority].shift();
            expect(got).toEqual(expected === undefined ? [] : [expected.id]);
            if (expected !== undefined) held.push(expected);
            passed = choice?.passed ?? passed;
          } else if (step.do === 'restart') {
            await shut();
            await open();
          } else {
            const [one] = held.splice(step.which % Math.max(1, held.length), 1);
            if (one === undefined) continue;
            if (step.do === 'ack') await ack(one);
            else {
              await requeue(one);
              const queue = queues[one.priority];
              const at = queue.findIndex(({ id }) => id > one.id);
              queue.splice(at === -1 ? queue.length : at, 0, one);
            }
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});

const timeOf = (id: string): number => {
  let ms = 0;
  for (const digit of id.slice(4, 14)) ms = ms * 32 + '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(digit);
  return ms;
};
