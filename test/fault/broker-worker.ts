import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
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
import { BroadcastMessage, type Message, PRIORITIES, SendMessage } from '../../src/contracts/message.js';
import { EventLog } from '../../src/events/event-log.js';
import type { RegistryService } from '../../src/registry/registry.service.js';
import { SystemClock } from '../../src/shared/clock.js';
import { StateDb } from '../../src/shared/db/state-db.js';
import { NoxError } from '../../src/shared/nox-error.js';

/**
 * The broker in a process that may be killed at any time: producers that go on after what they know to be acked, and
 * agents that are processes of their own (broker-agent.sh), whose "transcript" is a file. Bundled and started by
 * broker-chaos.spec.ts: `node worker.mjs <home> <steps> <agents> <agent program>`. A step is a broadcast to all agents, each
 * fifth one a message to one of them. Files: `acked` (one line per acknowledged step, written after the answer; the kernel
 * keeps it when the process is killed), `effects-<agent>` (one line per effect, by the agent). Descriptor 3 is held open by
 * all processes, so that its reader knows when the last of them is gone.
 */
const [home = '', steps_text = '0', agents_text = '1', agent_program = ''] = process.argv.slice(2);
const [steps, agent_count, producers] = [Number(steps_text), Number(agents_text), 50];
const agent_ids = Array.from({ length: agent_count }, (_, n) => `agent-${n}`);
const BATCH = 20;
/** Producers wait while more is before the agents, so that both are at work until the end. */
const MOST_WAITING = 2000;
/** More than what one batch leaves in a transcript. */
const TAIL = 64 * 1024;

/** A line that was cut by a kill never counted, and must not run into the next. */
function mend(name: string): string {
  const path = join(home, name);
  if (!existsSync(path)) return '';
  const file = openSync(path, 'r');
  const { size } = fstatSync(file);
  const bytes = Buffer.alloc(Math.min(size, TAIL));
  readSync(file, bytes, 0, bytes.length, size - bytes.length);
  closeSync(file);
  const text = bytes.toString();
  if (text !== '' && !text.endsWith('\n')) appendFileSync(path, '\n');
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

const clock = new SystemClock();
const db = new StateDb(join(home, 'state.db'));
const events = new EventLog(db, clock);
const agents = new Map(
  agent_ids.map((id) => [id, { desired_state: 'active', capabilities: [] } as unknown as AgentConfig]),
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
      if (!(error instanceof NoxError) || error.code !== 'BROKER_UNAVAILABLE') throw error;
      await delay(20);
    }
  }
}

async function produce(producer: number, from: number): Promise<void> {
  const file = openSync(join(home, 'acked'), 'a');
  for (let n = from; n < steps / producers; n += 1) {
    while (book.counts.total().waiting > MOST_WAITING) await delay(5);
    const draft = {
      content: `${producer} ${n}`,
      priority: PRIORITIES[(producer + n * 3) % 4],
      idempotency_key: `${producer}-${n}`,
    };
    const sender = agentSender(`producer-${producer}`);
    const to = agent_ids[(producer * 7 + n) % agent_count];
    if (n % 5 === 4) await insist(() => messages.send(SendMessage.parse({ ...draft, to }), sender));
    else await insist(() => messages.broadcast(BroadcastMessage.parse(draft), sender));
    writeSync(file, `${producer} ${n}\n`);
  }
}

const effectOf = ({ id, to, priority, attempt, content }: Message): string =>
  `${id} ${to} ${priority} ${attempt} ${content}`;

class AgentProcess {
  private readonly died: Promise<false>;

  private constructor(
    private readonly child: ChildProcessByStdio<Writable, Readable, null>,
    private readonly lines: Interface,
  ) {
    this.died = once(lines, 'close').then(() => false);
  }

  static start(id: string): AgentProcess {
    const child = spawn(agent_program, [join(home, `effects-${id}`)], {
      stdio: ['pipe', 'pipe', 'inherit', 3],
    }) as ChildProcessByStdio<Writable, Readable, null>;
    // A pipe that breaks under a write is a death like any other.
    child.stdin.on('error', () => undefined);
    const lines = createInterface({ input: child.stdout });
    // It may be killed once it is at work: one that never gets so far would prove nothing.
    lines.once('line', () => process.stdout.write(`agent ${child.pid}\n`));
    child.once('exit', () => process.stdout.write(`gone ${child.pid}\n`));
    return new AgentProcess(child, lines);
  }

  /** True when it has acted on all of them, false when it has died. */
  async hand(batch: readonly Message[]): Promise<boolean> {
    const read = once(this.lines, 'line').then(() => true);
    this.child.stdin.write(batch.map((message) => `${effectOf(message)}\n`).join('') + '.\n');
    return Promise.race([read, this.died]);
  }

  end(): void {
    this.child.stdin.end();
  }
}

let producing = true;
async function consume(agent_id: string): Promise<void> {
  // What DESIGN 2.7 asks of a delivery: the transcript holds it, or it is handed over again.
  const settle = async (): Promise<void> => {
    const transcript = mend(`effects-${agent_id}`);
    for (const { message } of handover.inFlight(agent_id).toReversed()) {
      if (transcript.includes(message.id)) await handover.acked([message.id]);
      else await handover.requeue(message.id, { reason: 'the process died', delay_ms: 0, count_attempt: true });
    }
  };
  await settle();
  let agent = AgentProcess.start(agent_id);
  for (;;) {
    const taken = await insist(() =>
      handover.next(agent_id, 'idle', BATCH, (tx, messages) => {
        const found = messages.map(({ id }) => id);
        handover.bindIn(tx, found, { turn_id: 'trn_01J00000000000000000000000', prompt_uuid: found[0] ?? '' });
      }),
    );
    if (taken.length === 0) {
      if (!producing && book.counts.of(agent_id).waiting === 0) return agent.end();
      await delay(5);
      continue;
    }
    const ids = taken.map(({ id }) => id);
    // Its receipt is stored while it works, as in Nox.
    const [, did] = await Promise.all([handover.delivered(ids), agent.hand(taken)]);
    if (did) {
      process.stdout.write(`did ${taken.length}\n`);
      await handover.acked(ids);
    } else {
      await settle();
      agent = AgentProcess.start(agent_id);
    }
  }
}

await broker.start();
process.stdout.write('up\n');
const acked = existsSync(join(home, 'acked')) ? readFileSync(join(home, 'acked'), 'utf8') : '';
mend('acked');
const next = Array.from({ length: producers }, () => 0);
for (const [, producer, n] of acked.matchAll(/^(\d+) (\d+)\n/gm)) next[Number(producer)] = Number(n) + 1;
const consumers = agent_ids.map((id) => consume(id));
await Promise.all(next.map((from, producer) => produce(producer, from)));
producing = false;
await Promise.all(consumers);
await broker.close();
db.close();
process.stdout.write('done\n');
