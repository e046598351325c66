import type { JobJson, RedisQueueBackend } from 'bullmq';
import type { Redis } from 'ioredis';
import type { MessagePriority } from '../contracts/message.js';
import { messageOf } from '../shared/nox-error.js';
import type { NewEntry, QueueEntry } from './broker-port.js';

/** No lock: Nox is the only one who takes jobs (one registry has one Nox), and looks itself after those of a Nox that died. */
const NO_LOCK = '0';
/** BullMQ tells each step on a stream that nobody reads here. */
const KEPT_EVENTS = '10';
/** A delayed job's score is its time and a counter below. */
const SCORE_PER_MS = 0x1000;

/**
 * Two steps of BullMQ, as far as a queue without workers needs them: a third of its messages a second went into events,
 * locks, counters and rates that nobody here has. The lists are as BullMQ leaves them; a job does not say when it was taken.
 */
const STEPS = {
  /** wait, active; the prefix of jobs → id and data of the first, null when none waits. */
  takeFirst: {
    numberOfKeys: 2,
    lua: `local id = redis.call('RPOPLPUSH', KEYS[1], KEYS[2])
if not id then return nil end
return {id, redis.call('HGET', ARGV[1] .. id, 'data')}`,
  },
  /** active, a job; its id → how many were forgotten. */
  forgetTaken: {
    numberOfKeys: 2,
    lua: `local found = redis.call('LREM', KEYS[1], -1, ARGV[1])
if found > 0 then redis.call('DEL', KEYS[2]) end
return found`,
  },
};

interface Steps {
  takeFirst(wait: string, active: string, prefix: string): Promise<[id: string, data: string | null] | null>;
  forgetTaken(active: string, job: string, id: string): Promise<number>;
}

export type TaughtRedis = Redis & Steps;

/** Has a connection know the steps. */
export function teachSteps(redis: Redis): TaughtRedis {
  for (const [name, step] of Object.entries(STEPS)) redis.defineCommand(name, step);
  return redis as TaughtRedis;
}

/**
 * The messages of one priority for one agent: a BullMQ queue of its own, so that neither a crash nor a stalled job can put
 * a message of one priority before those of another. How many wait is kept here, since nobody else adds or takes.
 */
export class RedisQueue {
  waiting = 0;
  /** Those put off, with their time. */
  readonly delayed = new Map<string, number>();
  /** The first that waits; undefined when not known. */
  private first: string | undefined;
  private told = false;
  /** Some that were put off are due, and still lie apart: only BullMQ's own step puts them behind those that wait. */
  private has_due = false;

  constructor(
    private readonly redis: TaughtRedis,
    private readonly backend: RedisQueueBackend,
    readonly agent_id: string,
    readonly priority: MessagePriority,
  ) {}

  private key(type: string): string {
    return this.backend.toKey(type);
  }

  /** Adds to a transaction of several queues. */
  async addTo(
    transaction: Parameters<RedisQueueBackend['addJobToTransaction']>[0],
    entry: NewEntry,
    now_ms: number,
  ): Promise<void> {
    await this.tell();
    // Within a transaction the answers come with it, not here.
    void this.backend.addJobToTransaction(transaction, jobOf(entry, now_ms), entry.id);
  }

  async add(entry: NewEntry, now_ms: number): Promise<void> {
    await this.tell();
    await this.backend.addJob(jobOf(entry, now_ms), entry.id);
    this.added(entry, now_ms);
  }

  /** Counts what a transaction has added. */
  added({ id, due_ms }: NewEntry, now_ms: number): void {
    if (due_ms !== null && due_ms > now_ms) this.delayed.set(id, due_ms);
    else this.waiting += 1;
  }

  /** Those whose time has come count among those that wait; BullMQ moves them with the next claim. */
  promote(now_ms: number): void {
    for (const [id, due_ms] of this.delayed) {
      if (due_ms > now_ms) continue;
      this.delayed.delete(id);
      this.waiting += 1;
      this.has_due = true;
    }
  }

  /** The id of the first that waits, if it is in place already. */
  async head(): Promise<string | undefined> {
    this.first ??= (await this.redis.lindex(this.key('wait'), -1)) ?? undefined;
    return this.first;
  }

  /** Takes the first; undefined when there is none. */
  async take(): Promise<QueueEntry | undefined> {
    this.first = undefined;
    const [id, body] = (this.has_due ? undefined : await this.takeFirst()) ?? (await this.takeWithDue()) ?? [];
    if (id === undefined || body === undefined) {
      // The counts were wrong: Redis says what there is.
      await this.load();
      return undefined;
    }
    this.waiting -= 1;
    return { id, agent_id: this.agent_id, priority: this.priority, body };
  }

  private async takeFirst(): Promise<[id: string, body: string] | undefined> {
    const [id, body] = (await this.redis.takeFirst(this.key('wait'), this.key('active'), this.key(''))) ?? [];
    return id === undefined || typeof body !== 'string' ? undefined : [id, body];
  }

  private async takeWithDue(): Promise<[id: string, body: string] | undefined> {
    this.has_due = false;
    const [job, id] = (await this.backend.moveToActive(NO_LOCK)) as [JobJson | null | undefined, string | undefined];
    return job === null || job === undefined || id === undefined ? undefined : [id, job.data];
  }

  /** Forgets one that was taken. */
  async finish(id: string): Promise<void> {
    // It is not there (any more), or lies elsewhere after a restore of Redis.
    if ((await this.redis.forgetTaken(this.key('active'), this.key(id), id)) === 0)
      await this.backend.remove(id, false);
  }

  /** Forgets one that waits. */
  async remove(id: string): Promise<void> {
    const removed = await this.backend.remove(id, false);
    this.first = undefined;
    if (!this.delayed.delete(id) && removed === 1) this.waiting = Math.max(0, this.waiting - 1);
  }

  /** Puts one that was taken back: first of all again, or when it is due behind those that wait then. */
  async putBack(entry: NewEntry, now_ms: number): Promise<void> {
    const { id, due_ms } = entry;
    this.first = undefined;
    try {
      if (due_ms !== null && due_ms > now_ms) {
        await this.backend.moveToDelayed(id, now_ms, due_ms - now_ms, NO_LOCK, { skipAttempt: true });
        this.delayed.set(id, due_ms);
        return;
      }
      await this.backend.retryJob(id, true, NO_LOCK);
    } catch (error) {
      if (!/Missing key|not in the active/.test(messageOf(error))) throw error;
      await this.add(entry, now_ms);
      return;
    }
    this.waiting += 1;
    await this.sortFirst(id);
  }

  /** Of several that were put back the oldest is first, in whatever order they came. */
  private async sortFirst(id: string): Promise<void> {
    const wait = this.key('wait');
    const [before] = await this.redis.lrange(wait, -2, -2);
    if (before === undefined || before > id) return;
    const near = await this.redis.lrange(wait, -200, -2);
    const older = near.slice(near.findLastIndex((each) => each > id) + 1);
    const [pivot] = older;
    if (pivot === undefined) return;
    await this.redis.multi().lrem(wait, -1, id).linsert(wait, 'BEFORE', pivot, id).exec();
  }

  /** What lies in Redis, first ones first. Sets the counts. */
  async load(): Promise<{ waiting: string[]; active: string[]; delayed: string[] }> {
    const [wait, active, delayed] = await Promise.all([
      this.redis.lrange(this.key('wait'), 0, -1),
      this.redis.lrange(this.key('active'), 0, -1),
      this.redis.zrange(this.key('delayed'), '0', '-1', 'WITHSCORES'),
    ]);
    this.first = undefined;
    this.waiting = wait.length;
    this.delayed.clear();
    for (let at = 0; at < delayed.length; at += 2) {
      this.delayed.set(delayed[at] ?? '', Math.floor(Number(delayed[at + 1]) / SCORE_PER_MS));
    }
    return { waiting: wait.toReversed(), active: active.toReversed(), delayed: [...this.delayed.keys()] };
  }

  async body(id: string): Promise<string | undefined> {
    return (await this.backend.getJobData(id))?.data;
  }

  async activeCount(): Promise<number> {
    return this.redis.llen(this.key('active'));
  }

  private async tell(): Promise<void> {
    if (this.told) return;
    this.told = true;
    await this.backend.setQueueMeta({ 'opts.maxLenEvents': KEPT_EVENTS });
  }
}

function jobOf({ id, body, due_ms }: NewEntry, now_ms: number): JobJson {
  return {
    id,
    name: 'message',
    data: body,
    opts: due_ms !== null && due_ms > now_ms ? { delay: due_ms - now_ms } : {},
    progress: 0,
    attemptsMade: 0,
    attemptsStarted: 0,
    timestamp: now_ms,
    failedReason: '',
    returnvalue: 'null',
    stalledCounter: 0,
  };
}
