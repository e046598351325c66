import { appendFileSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BrokerService } from '../../src/broker/broker.service.js';
import { agentSender } from '../../src/broker/compose.js';
import { createBroker } from '../../src/broker/create-broker.js';
import { HandoverService } from '../../src/broker/handover.service.js';
import { MessageBook } from '../../src/broker/message-book.js';
import { MessageTimers } from '../../src/broker/message-timers.js';
import { MessagesService } from '../../src/broker/messages.service.js';
import { SubscriptionsService } from '../../src/broker/subscriptions.service.js';
import type { AgentConfig } from '../../src/contracts/agent.js';
import { SystemConfig } from '../../src/contracts/config.js';
import { type Message, PRIORITIES, SendMessage } from '../../src/contracts/message.js';
import { EventLog } from '../../src/events/event-log.js';
import type { RegistryService } from '../../src/registry/registry.service.js';
import { SystemClock } from '../../src/shared/clock.js';
import { StateDb } from '../../src/shared/db/state-db.js';

/**
 * The broker in a process that may be killed at any time: producers that go on after what they know to be acked, and
 * agents whose "transcript" is a file. Bundled and started by broker-chaos.spec.ts: `node worker.mjs <home> <messages> <agents>`.
 * Files: `acked` (one line per acknowledged message, written after the answer; the kernel keeps it when the process is killed), `effects` (one per effect).
 */
const [home = '', total_text = '0', agents_text = '1'] = process.argv.slice(2);
const [total, agent_count, producers] = [Number(total_text), Number(agents_text), 50];
const agentIds = Array.from({ length: agent_count }, (_, n) => `agent-${n}`);

const linesOf = (name: string): string[] => {
  const path = join(home, name);
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  // A line that was cut by a kill never counted.
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '');
};
for (const name of ['acked', 'effects']) {
  const path = join(home, name);
  if (existsSync(path) && !readFileSync(path, 'utf8').endsWith('\n')) appendFileSync(path, '\n');
}

const clock = new SystemClock();
const db = new StateDb(join(home, 'state.db'));
const events = new EventLog(db, clock);
const agents = new Map(
  agentIds.map((id) => [id, { desired_state: 'active', capabilities: [] } as unknown as AgentConfig]),
);
const config = SystemConfig.parse({ broker: { max_queued_per_agent: 1_000_000, max_attempts: 1000 } });
const registry = { agents: () => agents, config: () => config } as unknown as RegistryService;
const book = new MessageBook(db, events, clock);
const port = createBroker(process.env, db, clock);
const messages = new MessagesService(book, port, registry, new SubscriptionsService(db, clock, registry));
const handover = new HandoverService(book, port, registry);
const broker = new BrokerService(port, book, messages, new MessageTimers(book, messages), events);

/** Tried again while the queue is away, as an agent's tool would. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if ((error as { code?: string }).code !== 'BROKER_UNAVAILABLE') throw error;
      await delay(50);
    }
  }
}

async function produce(producer: number, from: number): Promise<void> {
  const file = openSync(join(home, 'acked'), 'a');
  for (let n = from; n < total / producers; n += 1) {
    const input = SendMessage.parse({
      to: agentIds[(producer * 7 + n) % agent_count],
      content: `${producer} ${n}`,
      priority: PRIORITIES[(producer + n * 3) % 4],
      idempotency_key: `${producer}-${n}`,
    });
    await insist(() => messages.send(input, agentSender(`producer-${producer}`)));
    writeSync(file, `${producer} ${n}\n`);
  }
}

const done = new Set(linesOf('effects').map((line) => line.split(' ', 1)[0]));
const effects = openSync(join(home, 'effects'), 'a');
function effect(message: Message): void {
  writeSync(effects, `${message.id} ${message.to} ${message.priority} ${message.attempt} ${message.content}\n`);
  done.add(message.id);
}

let producing = true;
async function consume(agent_id: string): Promise<void> {
  for (const { message } of handover.inFlight(agent_id)) {
    // What DESIGN 2.7 asks of a delivery: the transcript holds it, or it is handed over again.
    if (done.has(message.id)) await handover.acked([message.id]);
    else await handover.requeue(message.id, { reason: 'the process died', delay_ms: 0, count_attempt: true });
  }
  for (;;) {
    const taken = await insist(() => handover.next(agent_id, 'idle', 4));
    if (taken.length === 0) {
      if (!producing && handover.waiting(agent_id).low === 0 && book.counts.of(agent_id).waiting === 0) return;
      await delay(5);
      continue;
    }
    const ids = taken.map(({ id }) => id);
    await handover.bind(ids, { turn_id: 'trn_01J00000000000000000000000', prompt_uuid: ids[0] ?? '' });
    await handover.delivered(ids);
    for (const message of taken) effect(message);
    await handover.acked(ids);
  }
}

await broker.start();
process.stdout.write('up\n');
const acked = linesOf('acked').map((line) => line.split(' ').map(Number));
const last = (producer: number): number =>
  Math.max(-1, ...acked.flatMap(([p, n]) => (p === producer ? [n ?? -1] : [])));
const consumers = agentIds.map((id) => consume(id));
await Promise.all(Array.from({ length: producers }, (_, producer) => produce(producer, last(producer) + 1)));
producing = false;
await Promise.all(consumers);
await broker.close();
db.close();
process.stdout.write('done\n');
