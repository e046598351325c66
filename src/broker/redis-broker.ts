import { randomUUID } from 'node:crypto';
import type { RedisQueueBackend } from 'bullmq';
import type { Redis } from 'ioredis';
import { type MessagePriority, PRIORITIES } from '../contracts/message.js';
import type { Clock } from '../shared/clock.js';
import type { StateDb, Tx } from '../shared/db/state-db.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import {
  type BrokerHealth,
  BrokerPort,
  type Depth,
  type EntryRef,
  type JournalView,
  type NewEntry,
  type QueueEntry,
  sinceMs,
  type Want,
} from './broker-port.js';
import { chooseNext, type PassedOver } from './order.js';
import { RedisLink } from './redis-link.js';
import { RedisQueue, type TaughtRedis, teachSteps } from './redis-queue.js';
import { type Repair, repairQueue } from './redis-repair.js';

/** How long a start of Nox waits for Redis before it goes on without. */
const OPEN_TIMEOUT_MS = 2000;
const NAMESPACE = 'broker_namespace';

interface Agent {
  readonly queues: Readonly<Record<MessagePriority, RedisQueue>>;
  passed: PassedOver;
}

/**
 * Queues on Redis, by BullMQ driven by hand. What waits is true in Redis; what happened to a message is true in the
 * journal, which is written first, so that `repairQueue` can put Redis right after any crash and each loss of the connection.
 */
export class RedisBroker extends BrokerPort {
  readonly adapter = 'redis';
  readonly claims_unstored = false;
  private readonly agents = new Map<string, Agent>();
  private readonly claims = new KeyedQueue();
  private link: RedisLink | undefined;
  private backend: RedisQueueBackend | undefined;
  private redis: TaughtRedis | undefined;
  private view: JournalView | undefined;
  /** Tells the messages of one registry from those of another on the same Redis. */
  private namespace = '';

  constructor(
    private readonly url: string,
    private readonly db: StateDb,
    private readonly clock: Clock,
  ) {
    super();
  }

  async open(view: JournalView): Promise<void> {
    this.view = view;
    this.namespace = this.db.getMeta(NAMESPACE) ?? '';
    if (this.namespace === '') {
      this.namespace = randomUUID();
      await this.db.setMeta(NAMESPACE, this.namespace);
    }
    this.link = await RedisLink.create(this.url, {
      prepare: (redis) => this.prepare(redis),
      change: ({ is, detail }) => this.onAvailability(is === 'ready', detail),
    });
    const state = await this.link.open(OPEN_TIMEOUT_MS);
    if (state.is === 'refused') throw new NoxError('BROKER_UNAVAILABLE', `${state.detail}.`);
  }

  async publish<T>(entries: readonly NewEntry[], journal: (tx: Tx) => T): Promise<T> {
    await this.reach(async () => {
      const now_ms = this.clock.now();
      const [first] = entries;
      if (first === undefined) return;
      if (entries.length === 1) {
        await (await this.agent(first.agent_id)).queues[first.priority].add(first, now_ms);
        return;
      }
      const placed: [RedisQueue, NewEntry][] = [];
      for (const entry of entries) placed.push([(await this.agent(entry.agent_id)).queues[entry.priority], entry]);
      const transaction = (await this.ready().client).multi();
      for (const [queue, entry] of placed) await queue.addTo(transaction, entry, now_ms);
      const answers = (await transaction.exec()) ?? [];
      for (const [error] of answers) if (error !== null) throw error;
      for (const [queue, entry] of placed) queue.added(entry, now_ms);
    });
    return this.db.write(journal);
  }

  claim<T>(agent_id: string, want: Want, journal: (tx: Tx, entries: readonly QueueEntry[]) => T): Promise<T> {
    return this.claims.run(agent_id, async () => {
      const { taken, passed, agent } = await this.reach(() => this.take(agent_id, want));
      try {
        const result = await this.db.write((tx) => journal(tx, taken));
        agent.passed = passed;
        return result;
      } catch (error) {
        for (const entry of taken.toReversed()) {
          await this.attempt(() => agent.queues[entry.priority].putBack({ ...entry, due_ms: null }, this.clock.now()));
        }
        throw error;
      }
    });
  }

  async ack<T>(refs: readonly EntryRef[], journal: (tx: Tx) => T): Promise<T> {
    const result = await this.db.write(journal);
    await this.finish(refs);
    return result;
  }

  ackIn(tx: Tx, refs: readonly EntryRef[]): void {
    tx.afterCommit(() => void this.finish(refs));
  }

  async requeue<T>(entry: NewEntry, journal: (tx: Tx) => T): Promise<T> {
    const result = await this.db.write(journal);
    await this.attempt(async () =>
      (await this.agent(entry.agent_id)).queues[entry.priority].putBack(entry, this.clock.now()),
    );
    return result;
  }

  async remove<T>(refs: readonly EntryRef[], journal: (tx: Tx) => T): Promise<T> {
    const result = await this.db.write(journal);
    for (const { id, agent_id, priority } of refs) {
      // One that was handed over meanwhile is not forgotten: its end is owed.
      if (this.view?.fate(id) === 'leased' || this.view?.fate(id) === 'waiting') continue;
      await this.attempt(async () => (await this.agent(agent_id)).queues[priority].remove(id));
    }
    return result;
  }

  async depth(): Promise<Depth[]> {
    return this.reach(async () => {
      const rows: Depth[] = [];
      for (const [agent_id, { queues }] of this.agents) {
        for (const priority of PRIORITIES) {
          const queue = queues[priority];
          queue.promote(this.clock.now());
          const leased = await queue.activeCount();
          const { waiting, delayed } = queue;
          if (waiting + delayed.size + leased > 0) {
            rows.push({ agent_id, priority, waiting, delayed: delayed.size, leased });
          }
        }
      }
      return rows;
    });
  }

  status(): BrokerHealth {
    const state = this.link?.now ?? { is: 'away', detail: 'Redis was not asked yet' };
    if (state.is === 'ready') return { available: true, health: { status: 'ok', detail: `BullMQ on ${state.detail}` } };
    const remedy = state.is === 'away' ? '. Nothing is lost; messages are refused until it is back' : '';
    return { available: false, health: { status: 'failed', detail: `${state.detail}${remedy}` } };
  }

  async close(): Promise<void> {
    await this.claims.idle();
    this.link?.close();
  }

  private ready(): RedisQueueBackend {
    if (this.backend === undefined) throw new Error('Redis was not reached yet');
    return this.backend;
  }

  /** The work, or BROKER_UNAVAILABLE. */
  private async reach<T>(work: () => Promise<T>): Promise<T> {
    const { available, health } = this.status();
    if (!available) throw new NoxError('BROKER_UNAVAILABLE', `${health.detail}.`);
    try {
      return await work();
    } catch (error) {
      this.link?.suspect(error);
      throw new NoxError('BROKER_UNAVAILABLE', `Redis refused: ${messageOf(error)}. Try again.`, undefined, {
        cause: error,
      });
    }
  }

  /** Work that the journal has already promised: when it fails now, `repairQueue` makes up for it. */
  private async attempt(work: () => Promise<void>): Promise<void> {
    if (!this.status().available) return;
    try {
      await work();
    } catch (error) {
      if (this.link?.now.is !== 'ready') return;
      this.link.suspect(new Error('Command timed out', { cause: error }));
    }
  }

  /** Never rejects: what fails now is made up for by `repairQueue`. */
  private async finish(refs: readonly EntryRef[]): Promise<void> {
    await Promise.all(
      refs.map(({ id, agent_id, priority }) =>
        this.attempt(async () => (await this.agent(agent_id)).queues[priority].finish(id)),
      ),
    );
  }

  private async take(agent_id: string, want: Want): Promise<{ taken: QueueEntry[]; passed: PassedOver; agent: Agent }> {
    const agent = await this.agent(agent_id);
    const taken: QueueEntry[] = [];
    let { passed } = agent;
    while (taken.length < want.limit) {
      const now_ms = this.clock.now();
      const choice = chooseNext(await this.heads(agent, now_ms), passed, { ...want, now_ms });
      if (choice === undefined || (taken[0] !== undefined && taken[0].priority !== choice.priority)) break;
      const entry = await agent.queues[choice.priority].take();
      if (entry === undefined) continue;
      taken.push(entry);
      if (JSON.stringify(passed) !== JSON.stringify(choice.passed)) await this.savePassed(agent_id, choice.passed);
      ({ passed } = choice);
    }
    return { taken, passed, agent };
  }

  /** Since when the first of each priority waits. Redis is only asked when there is a choice. */
  private async heads(agent: Agent, now_ms: number): Promise<{ [P in MessagePriority]?: number }> {
    for (const priority of PRIORITIES) agent.queues[priority].promote(now_ms);
    const present = PRIORITIES.filter((each) => agent.queues[each].waiting > 0);
    const [only] = present;
    if (present.length === 1 && only !== undefined) return { [only]: now_ms };
    const since: { [P in MessagePriority]?: number } = {};
    for (const each of present) {
      const head = await agent.queues[each].head();
      since[each] = head === undefined ? now_ms : sinceMs(head);
    }
    return since;
  }

  private async savePassed(agent_id: string, passed: PassedOver): Promise<void> {
    await this.link?.redis.hset(this.key('passed'), agent_id, JSON.stringify(passed));
  }

  private key(name: string): string {
    return `nox:${this.namespace}:${name}`;
  }

  private async agent(agent_id: string): Promise<Agent> {
    const known = this.agents.get(agent_id);
    if (known !== undefined) return known;
    const { redis } = this;
    if (redis === undefined) throw new Error('Redis was not reached yet');
    const backend = this.ready();
    const queue = (priority: MessagePriority): RedisQueue =>
      new RedisQueue(
        redis,
        backend.forQueue(`${agent_id}.${priority}`, `nox:${this.namespace}`) as RedisQueueBackend,
        agent_id,
        priority,
      );
    const queues = { critical: queue('critical'), high: queue('high'), medium: queue('medium'), low: queue('low') };
    const agent: Agent = { queues, passed: {} };
    // Known at once, so that two who ask share the counts.
    this.agents.set(agent_id, agent);
    await redis.sadd(this.key('agents'), agent_id);
    return agent;
  }

  /** After each connection: what lies in Redis is compared with the journal before it is used. */
  private async prepare(redis: Redis): Promise<void> {
    const { view } = this;
    if (view === undefined) return;
    // Claims that were under way have failed or are journalled; only then is it known what is owed.
    await this.claims.idle();
    if (this.backend === undefined) {
      this.redis = teachSteps(redis);
      const { Queue } = await import('./redis-packages.js');
      const queue = new Queue('nox', { connection: redis, prefix: `nox:${this.namespace}`, skipMetasUpdate: true });
      // The link tells of errors of the connection that they share.
      queue.on('error', () => undefined);
      await queue.waitUntilReady();
      this.backend = queue.getBackend();
    }
    const missing = Map.groupBy(view.waiting(), (entry) => `${entry.agent_id} ${entry.priority}`);
    const ids = new Set([
      ...(await redis.smembers(this.key('agents'))),
      ...[...missing.keys()].map((key) => key.split(' ', 1)[0] ?? ''),
    ]);
    const passed = await redis.hgetall(this.key('passed'));
    for (const agent_id of ids) {
      const agent = await this.agent(agent_id);
      agent.passed = JSON.parse(passed[agent_id] ?? '{}') as PassedOver;
      for (const priority of PRIORITIES) {
        const expected = missing.get(`${agent_id} ${priority}`) ?? [];
        await repairQueue(agent.queues[priority], { view, expected, clock: this.clock } satisfies Repair);
      }
    }
  }
}
