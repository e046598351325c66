import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AgentConfig } from '../contracts/agent.js';
import { SystemConfig } from '../contracts/config.js';
import { BroadcastMessage, type Message, SendMessage } from '../contracts/message.js';
import { EventLog } from '../events/event-log.js';
import type { RegistryService } from '../registry/registry.service.js';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { BrokerService } from './broker.service.js';
import { agentSender, MAX_HOPS, userSender } from './compose.js';
import { HandoverService } from './handover.service.js';
import { DeliveryService } from './delivery/delivery.service.js';
import { MessageBook } from './message-book.js';
import { waitingMessages } from './message-store.js';
import { MessageTimers } from './message-timers.js';
import { MessagesService } from './messages.service.js';
import { scansOf } from '../../test/support/query-plans.js';
import { SqliteBroker } from './sqlite-broker.js';
import { SubscriptionsService } from './subscriptions.service.js';

const admin = { name: 'admin', role: 'admin' } as const;
const person = userSender('admin');
const config = SystemConfig.parse({ broker: { max_queued_per_agent: 3 } });
const PROMPT = { turn_id: 'trn_01J00000000000000000000000', prompt_uuid: 'u-1' };
const agent = (desired_state: string, ...capabilities: string[]) =>
  ({ desired_state, capabilities }) as unknown as AgentConfig;

describe(MessagesService, () => {
  let db: StateDb;
  let clock: ManualClock;
  let agents: Map<string, AgentConfig>;
  let said: string[];
  const build = async () => {
    const events = new EventLog(db, clock);
    events.subscribe(({ type }) => said.push(type));
    const registry = { agents: () => agents, config: () => config } as unknown as RegistryService;
    const book = new MessageBook(db, events, clock);
    const port = new SqliteBroker(db, clock);
    const subscriptions = new SubscriptionsService(db, clock, registry);
    const messages = new MessagesService(book, port, registry, subscriptions);
    const handover = new HandoverService(book, port, registry);
    const timers = new MessageTimers(book, messages);
    const broker = new BrokerService(port, book, messages, timers, events);
    await broker.start();
    return { messages, handover, subscriptions, broker, events };
  };
  let nox: Awaited<ReturnType<typeof build>>;
  beforeEach(async () => {
    db = new StateDb(':memory:');
    clock = new ManualClock(Date.now());
    said = [];
    agents = new Map([
      ['lead', agent('active', 'planning')],
      ['worker', agent('active', 'Review')],
      ['sleeper', agent('inactive', 'review')],
    ]);
    nox = await build();
  });
  afterEach(async () => {
    await nox.broker.close();
    db.close();
  });
  const send = (given: Partial<SendMessage>, sender = person) =>
    nox.messages.send(SendMessage.parse({ to: 'worker', content: 'hello', ...given }), sender);
  const ids = (messages: readonly Message[]): string[] => messages.map(({ id }) => id);

  it('lets whoever can take a message do so in the commit that stores it', async () => {
    const delivery = new DeliveryService(nox.handover, {} as never, {} as never, {} as never, db, clock);
    await delivery.recover();
    const told: string[] = [];
    let taken: Promise<Message[]> | undefined;
    nox.handover.onAvailable((id, what) => {
      told.push(`${id} ${what}`);
      // No turn is cut short for what could still be refused.
      if (what === 'unstored') expect(delivery.waits(id, 'interrupt')).toBe(false);
      if (what === 'unstored' && delivery.waits(id, 'idle')) taken = nox.handover.next(id, 'idle');
    });
    const before = db.generation;
    const { id } = await send({ priority: 'critical' });
    expect(ids((await taken) ?? [])).toEqual([id]);
    expect(db.generation - before).toBe(2);
    expect(told).toEqual(['worker unstored', 'worker stored']);
  });

  it('knows without the journal when all that waits may go, and asks it while something is put off', async () => {
    const delivery = new DeliveryService(nox.handover, {} as never, {} as never, {} as never, db, clock);
    await delivery.recover();
    const later = (after_ms: number): string => clock.iso(clock.now() + after_ms);
    await send({ deliver_after: later(60_000) });
    expect(delivery.waits('worker', 'idle')).toBe(false);
    await nox.broker.close();
    nox = await build();
    const again = new DeliveryService(nox.handover, {} as never, {} as never, {} as never, db, clock);
    await again.recover();
    expect(again.waits('worker', 'idle')).toBe(false);
    await send({ priority: 'high' });
    expect(again.waits('worker', 'idle')).toBe(true);
    const [taken] = await nox.handover.next('worker', 'idle');
    await nox.handover.requeue(taken?.id ?? '', { reason: 'later', delay_ms: 90_000, count_attempt: false });
    expect(again.waits('worker', 'idle')).toBe(false);
    clock.advance(60_000);
    expect(again.waits('worker', 'idle')).toBe(true);
    expect(again.waits('worker', 'tool_boundary')).toBe(false);
    clock.advance(30_000);
    expect(again.waits('worker', 'tool_boundary')).toBe(true);
    expect(nox.handover.areAllDue('worker')).toBe(true);
  });

  it('finds a conversation by its index, and by nothing that each single message is in', async () => {
    const { id: thread_id } = await send({});
    await send({ to: 'lead' });
    const reply = await send({ reply_to: thread_id });
    await send({ reply_to: reply.id });
    const query = { page: 1, limit: 10 };
    expect(nox.messages.list({ ...query, thread_id }).messages).toHaveLength(3);
    expect(nox.messages.list({ ...query, thread_id: reply.id }).messages).toEqual([]);
    const plans = db.all<{ detail: string }>(
      `EXPLAIN QUERY PLAN SELECT * FROM messages
         WHERE ((id = ? AND reply_to IS NULL) OR (thread_id = ? AND reply_to IS NOT NULL)) ORDER BY id LIMIT 10`,
      thread_id,
      thread_id,
    );
    expect(plans.map(({ detail }) => detail).join('; ')).toContain('messages_reply');
  });

  it('regression: finding what waits for an agent took the longer the more it had read', async () => {
    const delivery = new DeliveryService(nox.handover, {} as never, {} as never, {} as never, db, clock);
    await delivery.recover();
    await send({});
    const scans = scansOf(db, () => {
      expect(delivery.waits('worker', 'idle')).toBe(true);
      delivery.held('worker', PROMPT.turn_id);
      nox.handover.inFlight();
      nox.handover.inFlight('worker');
      waitingMessages(db, 'worker');
    });
    expect(scans).toEqual([]);
  });

  it('takes a message through receipt and ack, each with its event and its row', async () => {
    const sent = await send({ priority: 'high' });
    expect(sent).toMatchObject({ status: 'queued', from: 'user:admin', to: 'worker', thread_id: sent.id, attempt: 0 });
    const [taken] = await nox.handover.next('worker', 'tool_boundary');
    expect(taken).toMatchObject({ id: sent.id, attempt: 1 });
    await db.write((tx) => nox.handover.bindIn(tx, [sent.id], PROMPT));
    expect(nox.handover.inFlight('worker')).toMatchObject([{ prompt_uuid: 'u-1', message: { id: sent.id } }]);
    await nox.handover.delivered([sent.id]);
    await nox.handover.acked([sent.id]);
    expect(nox.messages.get(sent.id)).toMatchObject({
      status: 'acked',
      deliveries: [{ attempt: 1, outcome: 'acked', prompt_uuid: 'u-1' }],
    });
    expect(said).toEqual(['message.published', 'message.delivered', 'message.acked']);
    expect(nox.messages.stats()).toMatchObject({ waiting: 0, active: 0, acked: 1, messages_per_minute: 1 });
    // An end is an end.
    await nox.handover.cancel([sent.id], 'late');
    await nox.handover.requeue(sent.id, { reason: 'late', delay_ms: 0, count_attempt: true });
    expect(nox.messages.get(sent.id).status).toBe('acked');
  });

  it('hands over what the point admits', async () => {
    for (const priority of ['low', 'medium', 'high', 'critical'] as const)
      await send({ priority, to: 'lead' }, agentSender('worker')).catch(() => undefined);
    expect(nox.handover.waiting('lead')).toEqual({ critical: 0, high: 1, medium: 1, low: 1 });
    await expect(nox.handover.next('lead', 'interrupt')).resolves.toEqual([]);
    await expect(nox.handover.next('lead', 'tool_boundary', 5)).resolves.toMatchObject([{ priority: 'high' }]);
    await expect(nox.handover.next('lead', 'tool_boundary')).resolves.toEqual([]);
    await expect(nox.handover.next('lead', 'turn_end')).resolves.toMatchObject([{ priority: 'medium' }]);
    await expect(nox.handover.next('lead', 'turn_end')).resolves.toEqual([]);
    await expect(nox.handover.next('lead', 'idle')).resolves.toMatchObject([{ priority: 'low' }]);
  });

  it('refuses a message over the cap with when to try again, and drops none', async () => {
    await Promise.all([send({}), send({}), send({})]);
    await expect(send({})).rejects.toMatchObject({ code: 'RESOURCE_LIMIT_EXCEEDED', details: { retry_after_s: 5 } });
    const [first] = await nox.handover.next('worker', 'idle');
    await nox.handover.acked([first?.id ?? '']);
    await expect(send({})).resolves.toMatchObject({ status: 'queued' });
    expect(nox.messages.stats().waiting).toBe(3);
  });

  it('routes by capability, topic with filter, and to all; never back to the sender', async () => {
    await expect(send({ to: 'capability:REVIEW' })).resolves.toMatchObject({
      to: 'worker',
      address: 'capability:REVIEW',
    });
    await expect(send({ to: 'capability:review' }, agentSender('worker'))).resolves.toMatchObject({ to: 'sleeper' });
    await expect(send({ to: 'capability:none' })).rejects.toMatchObject({ code: 'NO_RECIPIENT' });
    await expect(send({ to: 'nobody' })).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND' });
    await expect(send({ to: 'topic:builds' })).rejects.toMatchObject({ code: 'NO_RECIPIENT' });
    await nox.subscriptions.add('lead', ['builds'], {});
    await nox.subscriptions.add('sleeper', ['builds'], { min_priority: 'high' });
    await expect(send({ to: 'topic:builds' })).resolves.toMatchObject({
      recipients: [{ agent_id: 'lead' }],
      topic: 'builds',
    });
    const high = await send({ to: 'topic:builds', priority: 'high' });
    expect(high.recipients.map((each) => each.agent_id)).toEqual(['lead', 'sleeper']);
    const all = await nox.messages.broadcast(BroadcastMessage.parse({ content: 'all' }), agentSender('lead'));
    expect(all.messages).toMatchObject([
      { to: 'worker', from: 'lead', sent_by: 'agent:lead', message_type: 'broadcast' },
    ]);
  });

  it('does not let an agent speak in the name of another', async () => {
    await expect(send({ from: 'lead' }, agentSender('sleeper'))).resolves.toMatchObject({
      from: 'sleeper',
      sent_by: 'agent:sleeper',
    });
    await expect(send({ from: 'lead' })).resolves.toMatchObject({ from: 'lead', sent_by: 'user:admin' });
  });

  it('takes effect once under one key, and refuses another message under it', async () => {
    const [a, b] = await Promise.all([send({ idempotency_key: 'k' }), send({ idempotency_key: 'k' })]);
    expect(a.id).toBe(b.id);
    await expect(send({ idempotency_key: 'k', content: 'other' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    await expect(send({ idempotency_key: 'k' }, agentSender('lead'))).resolves.not.toMatchObject({ id: a.id });
    expect(nox.messages.stats().waiting).toBe(2);
  });

  it('keeps threads, and ends a chain of causes', async () => {
    const first = await send({});
    let cause = await send({ reply_to: first.id, to: 'lead' }, agentSender('worker'));
    expect(cause).toMatchObject({ thread_id: first.id, reply_to: first.id, hops: 1 });
    for (let hops = 2; hops <= MAX_HOPS; hops += 1) {
      cause = await send({ to: hops % 2 === 0 ? 'worker' : 'lead' }, agentSender('sleeper', cause.id));
      const [taken] = await nox.handover.next(cause.to, 'idle', 3);
      await nox.handover.acked([taken?.id ?? '']);
    }
    expect(cause.hops).toBe(MAX_HOPS);
    await expect(send({}, agentSender('lead', cause.id))).rejects.toMatchObject({ code: 'RESOURCE_LIMIT_EXCEEDED' });
  });

  it('gives a message up after five attempts, and sends it again when asked', async () => {
    const poison = await send({});
    const behind = await send({});
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await expect(nox.handover.next('worker', 'idle')).resolves.toMatchObject([{ id: poison.id, attempt }]);
      await nox.handover.requeue(poison.id, { reason: 'quota', delay_ms: 0, count_attempt: false });
      await nox.handover.next('worker', 'idle');
      await nox.handover.requeue(poison.id, { reason: `crash ${attempt}`, delay_ms: 0, count_attempt: true });
    }
    expect(nox.messages.get(poison.id)).toMatchObject({ status: 'dead', reason: 'crash 5', attempt: 5 });
    await expect(nox.handover.next('worker', 'idle')).resolves.toMatchObject([{ id: behind.id }]);
    await expect(nox.messages.retry(poison.id, admin)).resolves.toMatchObject({ status: 'queued', attempt: 0 });
    await expect(nox.messages.retry(poison.id, admin)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await expect(nox.handover.next('worker', 'idle')).resolves.toMatchObject([{ id: poison.id, attempt: 1 }]);
  });

  it('lets messages that kill their reader hold up nobody, and ends each after five attempts', async () => {
    config.broker.max_queued_per_agent = 1000;
    const sent = [];
    for (let n = 0; n < 300; n += 1) sent.push(await send({ content: n % 100 === 42 ? 'poison' : `${n}` }));
    const attempts = new Map<string, number>();
    const read: string[] = [];
    for (;;) {
      const [message] = await nox.handover.next('worker', 'idle');
      if (message === undefined) break;
      attempts.set(message.id, (attempts.get(message.id) ?? 0) + 1);
      if (message.content === 'poison') {
        await nox.handover.requeue(message.id, { reason: 'the process died', delay_ms: 0, count_attempt: true });
      } else {
        read.push(message.id);
        await nox.handover.acked([message.id]);
      }
    }
    config.broker.max_queued_per_agent = 3;
    const poison = sent.filter(({ content }) => content === 'poison').map(({ id }) => id);
    expect(read).toEqual(ids(sent).filter((id) => !poison.includes(id)));
    expect(poison.map((id) => attempts.get(id))).toEqual([5, 5, 5]);
    const dead = nox.messages.list({ page: 1, limit: 10, status: 'dead' }).messages;
    expect(dead.map(({ id, reason }) => [id, reason])).toEqual(
      poison.toReversed().map((id) => [id, 'the process died']),
    );
  });

  it('keeps a full queue full: what was taken and what was refused is all that was sent', async () => {
    const sends = await Promise.allSettled(Array.from({ length: 30 }, () => send({})));
    const refused = sends.filter(
      (each) => each.status === 'rejected' && each.reason.code === 'RESOURCE_LIMIT_EXCEEDED',
    );
    expect(sends.length - refused.length).toBe(3);
    expect(nox.messages.stats()).toMatchObject({ waiting: 3, dead: 0, dropped: 0 });
  });

  it.each([1, 60_000, 2 ** 31, 31_536_000_000])('takes a ttl of %i ms, and expires then', async (ttl_ms) => {
    const sent = await send({ ttl_ms });
    clock.advance(ttl_ms - 1);
    await db.setMeta('flush', '1');
    expect(nox.messages.get(sent.id).status).toBe('queued');
    clock.advance(1);
    await expect(nox.handover.next('worker', 'idle')).resolves.toEqual([]);
    expect(nox.messages.get(sent.id)).toMatchObject({ status: 'expired', attempt: 0 });
    expect(said.filter((type) => type === 'message.expired')).toHaveLength(1);
  });

  it('refuses a ttl that cannot be', () => {
    for (const ttl_ms of [0, -1, 1.5, 31_536_000_001])
      expect(SendMessage.safeParse({ to: 'worker', content: 'x', ttl_ms }).success).toBe(false);
  });

  it('expires what a clock that jumped ahead has overtaken, once, and what was being read not at all', async () => {
    const [read, waits] = [await send({ ttl_ms: 60_000 }), await send({ ttl_ms: 60_000 })];
    await nox.handover.next('worker', 'idle');
    await db.write((tx) => nox.handover.bindIn(tx, [read.id], PROMPT));
    await nox.handover.delivered([read.id]);
    clock.advance(3_600_000);
    await db.setMeta('flush', '1');
    expect(nox.messages.get(waits.id).status).toBe('expired');
    expect(nox.messages.get(read.id).status).toBe('delivered');
    await nox.handover.acked([read.id]);
    expect(nox.messages.get(read.id).status).toBe('acked');
    expect(said.filter((type) => type === 'message.expired')).toHaveLength(1);
  });

  it('expires on time, and never hands over what is over', async () => {
    const short = await send({ ttl_ms: 1000 });
    const deadline = await send({ deadline: clock.iso(clock.now() + 2000) });
    clock.advance(1000);
    await db.setMeta('flush', '1');
    expect(nox.messages.get(short.id)).toMatchObject({ status: 'expired' });
    await expect(nox.handover.next('worker', 'idle')).resolves.toMatchObject([{ id: deadline.id }]);
    clock.advance(60_000);
    await nox.handover.requeue(deadline.id, { reason: 'crash', delay_ms: 0, count_attempt: true });
    expect(nox.messages.get(deadline.id).status).toBe('expired');
    await expect(send({ deadline: clock.iso(clock.now()) })).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  it('tells of a message when it is due, not before', async () => {
    const told: string[] = [];
    await send({ deliver_after: clock.iso(clock.now() + 5000) });
    nox.handover.onAvailable((id) => told.push(id));
    await expect(nox.handover.next('worker', 'idle')).resolves.toEqual([]);
    clock.advance(4999);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual(['worker']);
    await expect(nox.handover.next('worker', 'idle')).resolves.toHaveLength(1);
  });

  it('takes back what waits, and nothing that is handed over', async () => {
    const sent = await send({});
    await expect(nox.messages.cancel(sent.id, admin)).resolves.toMatchObject({ status: 'cancelled' });
    const other = await send({});
    await nox.handover.next('worker', 'idle');
    await expect(nox.messages.cancel(other.id, admin)).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });

  it('owes after a restart what was handed over, and hands the rest over', async () => {
    const [a, b] = [await send({}), await send({})];
    await nox.handover.next('worker', 'idle');
    await nox.broker.close();
    nox = await build();
    expect(ids(nox.handover.inFlight().map(({ message }) => message))).toEqual([a.id]);
    expect(nox.messages.stats()).toMatchObject({ waiting: 1, active: 1 });
    await expect(nox.handover.next('worker', 'idle')).resolves.toMatchObject([{ id: b.id }]);
  });

  it('ends what waits for an agent that is deleted', async () => {
    const sent = await send({});
    await nox.subscriptions.add('worker', ['builds'], {});
    agents.delete('worker');
    const gone = new Promise<void>((resolve) =>
      nox.events.subscribe(({ type }) => type === 'message.cancelled' && resolve()),
    );
    await nox.events.append('agent.deleted', { actor: 'admin' }, 'worker');
    await gone;
    expect(nox.messages.get(sent.id)).toMatchObject({ status: 'cancelled', reason: 'its recipient was deleted' });
    expect(nox.messages.stats().waiting).toBe(0);
  });

  it('lists newest first with filters, a thread oldest first, and who wrote to whom', async () => {
    const a = await send({ content: 'the build FAILED' });
    const b = await send({ reply_to: a.id, to: 'lead', from: 'worker' });
    const list = (query: object) => ids(nox.messages.list({ page: 1, limit: 10, ...query }).messages);
    expect(list({})).toEqual([b.id, a.id]);
    expect(list({ thread_id: a.id })).toEqual([a.id, b.id]);
    expect(list({ text: 'failed' })).toEqual([a.id]);
    expect(list({ agent_id: 'worker' })).toEqual([b.id, a.id]);
    expect(list({ from: 'worker', priority: 'medium', status: 'queued' })).toEqual([b.id]);
    expect(nox.messages.graph(1).edges).toMatchObject([
      { from: 'user:admin', to: 'worker', messages: 1 },
      { from: 'worker', to: 'lead', messages: 1 },
    ]);
  });
});
