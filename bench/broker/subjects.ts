import { DatabaseSync } from 'node:sqlite';
import { type JobsOptions, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { BrokerPort } from '../../src/broker/broker-port.js';
import { agentSender } from '../../src/broker/compose.js';
import { HandoverService } from '../../src/broker/handover.service.js';
import { MessageBook } from '../../src/broker/message-book.js';
import { MessagesService } from '../../src/broker/messages.service.js';
import { SubscriptionsService } from '../../src/broker/subscriptions.service.js';
import type { AgentConfig } from '../../src/contracts/agent.js';
import { SystemConfig } from '../../src/contracts/config.js';
import { PRIORITIES, SendMessage } from '../../src/contracts/message.js';
import { EventLog } from '../../src/events/event-log.js';
import type { RegistryService } from '../../src/registry/registry.service.js';
import { SystemClock } from '../../src/shared/clock.js';
import { StateDb } from '../../src/shared/db/state-db.js';
import { newId } from '../../src/shared/ids.js';

export const AGENTS = 50;
const agent = (n: number): string => `agent-${n % AGENTS}`;
const priority = (n: number) => PRIORITIES[(n * 7) % 4] ?? 'low';
/** As long as a message of the seeds is. */
const TEXT = 'x'.repeat(200);
const TURN_ID = 'trn_01J00000000000000000000000';

/** Something that takes messages and hands each to its agent once. */
export interface Subject {
  /** Resolves when the message is safe. */
  send(n: number): Promise<unknown>;
  close(): Promise<void>;
}

/** `arrived` is told of each message when its agent has it; it then has its end. */
export type Arrived = (n: number) => void;

/** The queue alone, as Nox drives it: one consumer per agent, each message by itself. */
export async function port(broker: BrokerPort, arrived: Arrived): Promise<Subject> {
  const bells = new Map<string, () => void>();
  /** As `QueueCounts` keeps them in Nox. */
  const waiting = new Map<string, number>();
  let closed = false;
  await broker.open({ fate: () => 'unknown', adopt: () => Promise.resolve(), waiting: () => [], leased: () => [] });
  const consume = async (agent_id: string): Promise<void> => {
    for (;;) {
      if (closed) return;
      const bell = new Promise<void>((resolve) => bells.set(agent_id, resolve));
      while ((waiting.get(agent_id) ?? 0) > 0) {
        const want = { open: PRIORITIES, overdue: true, at_most: 8, limit: 1 };
        const [entry] = await broker.claim(agent_id, want, (_, entries) => entries);
        if (entry === undefined) break;
        waiting.set(agent_id, (waiting.get(agent_id) ?? 0) - 1);
        arrived(Number(entry.body.slice(0, 9)));
        await broker.ack([entry], () => undefined);
      }
      await bell;
    }
  };
  const consumers = Array.from({ length: AGENTS }, (_, n) => consume(agent(n)));
  return {
    send: async (n) => {
      const agent_id = agent(n);
      const body = String(n).padStart(9, '0') + TEXT;
      await broker.publish(
        [{ id: newId('msg'), agent_id, priority: priority(n), body, due_ms: null }],
        () => undefined,
      );
      waiting.set(agent_id, (waiting.get(agent_id) ?? 0) + 1);
      bells.get(agent_id)?.();
    },
    close: async () => {
      closed = true;
      for (const ring of bells.values()) ring();
      await Promise.all(consumers);
      await broker.close();
    },
  };
}

/** All that Nox does for a message between two agents but the turn: routing, ledger, events, receipt. */
export async function service(
  broker: BrokerPort,
  db: StateDb,
  arrived: Arrived,
  {
    cap = 1_000_000,
    reads = true,
    isPoison = () => false,
  }: {
    /** How many one agent may have before it. */
    cap?: number;
    /** Whether agents take what waits for them. */
    reads?: boolean;
    /** Whether a message kills whoever reads it: it never arrives. */
    isPoison?: (n: number) => boolean;
  } = {},
): Promise<Subject> {
  const clock = new SystemClock();
  const agents = new Map(
    Array.from({ length: AGENTS }, (_, n) => [
      agent(n),
      { desired_state: 'active', capabilities: [] } as unknown as AgentConfig,
    ]),
  );
  const config = SystemConfig.parse({ broker: { max_queued_per_agent: cap } });
  const registry = { agents: () => agents, config: () => config } as unknown as RegistryService;
  const book = new MessageBook(db, new EventLog(db, clock), clock);
  const messages = new MessagesService(book, broker, registry, new SubscriptionsService(db, clock, registry));
  const handover = new HandoverService(book, broker, registry);
  await broker.open({ fate: () => 'unknown', adopt: () => Promise.resolve(), waiting: () => [], leased: () => [] });
  const busy = new Set<string>();
  const deliver = async (agent_id: string): Promise<void> => {
    if (busy.has(agent_id)) return;
    busy.add(agent_id);
    for (;;) {
      // As a turn of an agent has it: bound in the change that takes it, the receipt stored with the end.
      const [message] = await handover.next(agent_id, 'idle', 1, (tx, [taken]) => {
        if (taken !== undefined) handover.bindIn(tx, [taken.id], { turn_id: TURN_ID, prompt_uuid: taken.id });
      });
      if (message === undefined) break;
      const receipt = handover.delivered([message.id]);
      const n = Number(message.content.slice(0, 9));
      if (isPoison(n)) {
        await receipt;
        await handover.requeue(message.id, { reason: 'its reader died', delay_ms: 0, count_attempt: true });
        continue;
      }
      arrived(n);
      await Promise.all([receipt, db.write((tx) => handover.ackedIn(tx, [message.id]))]);
    }
    busy.delete(agent_id);
    if (book.counts.of(agent_id).waiting > 0) await deliver(agent_id);
  };
  const under_way = new Set<Promise<void>>();
  handover.onAvailable((agent_id) => {
    if (!reads) return;
    const run = deliver(agent_id).finally(() => under_way.delete(run));
    under_way.add(run);
  });
  return {
    send: (n) =>
      messages.send(
        SendMessage.parse({ to: agent(n), content: String(n).padStart(9, '0') + TEXT, priority: priority(n) }),
        agentSender(`from-${n % 10}`),
      ),
    close: async () => {
      await Promise.all(under_way);
      await broker.close();
    },
  };
}

/** The least that SQLite can do: the same rows, one commit for each turn of the event loop, no rules. */
export function bareSqlite(path: string, arrived: Arrived): Subject {
  const db = new DatabaseSync(path);
  db.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
     CREATE TABLE q (id INTEGER PRIMARY KEY, agent TEXT, level INTEGER, state INTEGER, body TEXT);
     CREATE INDEX q_next ON q (agent, state, level, id);`,
  );
  const insert = db.prepare('INSERT INTO q (agent, level, state, body) VALUES (?, ?, 0, ?)');
  const claim = db.prepare(
    'UPDATE q SET state = 1 WHERE id = (SELECT id FROM q WHERE agent = ? AND state = 0 ORDER BY level, id LIMIT 1) RETURNING id, body',
  );
  const remove = db.prepare('DELETE FROM q WHERE id = ?');
  let works: (() => () => void)[] = [];
  const group = <T>(work: () => T): Promise<T> =>
    new Promise((resolve) => {
      if (works.length === 0)
        setImmediate(() => {
          const batch = works;
          works = [];
          db.exec('BEGIN IMMEDIATE');
          const answers = batch.map((each) => each());
          db.exec('COMMIT');
          for (const answer of answers) answer();
        });
      works.push(() => {
        const value = work();
        return () => resolve(value);
      });
    });
  return {
    send: async (n) => {
      await group(() => insert.run(agent(n), (n * 7) % 4, String(n).padStart(9, '0') + TEXT));
      void (async () => {
        const row = (await group(() => claim.get(agent(n)))) as { id: number; body: string };
        arrived(Number(row.body.slice(0, 9)));
        await group(() => remove.run(row.id));
      })();
    },
    close: async () => {
      // What is under way is in this group at the latest.
      await group(() => undefined);
      db.close();
    },
  };
}

/** BullMQ as its manual has it: one queue with priorities, one worker with 50 slots. */
export async function bareBullMq(url: string, arrived: Arrived): Promise<Subject> {
  const connection = () => new Redis(url, { maxRetriesPerRequest: null });
  const links = [connection(), connection()] as const;
  const queue = new Queue('bare', { connection: links[0] });
  const worker = new Worker<{ n: number }>('bare', (job) => Promise.resolve(arrived(job.data.n)), {
    connection: links[1],
    concurrency: AGENTS,
  });
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  const options = (n: number): JobsOptions => ({ priority: ((n * 7) % 4) + 1, removeOnComplete: true });
  return {
    send: (n) => queue.add('message', { n, text: TEXT }, options(n)),
    close: async () => {
      await worker.close();
      await queue.close();
      for (const link of links) link.disconnect();
    },
  };
}
