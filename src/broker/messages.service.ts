import { Inject, Injectable } from '@nestjs/common';
import { encodeTime } from 'ulid';
import type { Actor } from '../contracts/auth.js';
import type {
  BroadcastMessage,
  BroadcastReply,
  BrokerStats,
  Message,
  MessageDetail,
  MessageGraph,
  MessageList,
  MessageListQuery,
  MessageStatus,
  SendMessage,
  SendReply,
} from '../contracts/message.js';
import { RegistryService } from '../registry/registry.service.js';
import { NoxError } from '../shared/nox-error.js';
import { BrokerPort } from './broker-port.js';
import type { Sender } from './compose.js';
import { endWaiting, revive } from './ledger.js';
import { MessageBook } from './message-book.js';
import { deliveriesOf, pageOfMessages } from './message-queries.js';
import { changeOf, entryOf, readMessage, waitingMessages } from './message-store.js';
import { Publisher, type Refused } from './publisher.js';
import { SubscriptionsService } from './subscriptions.service.js';

export type { Sender } from './compose.js';

const RETRY_AFTER_S = 5;
const HOUR_MS = 3_600_000;

/** Sending messages and looking at them. How they reach an agent: `HandoverService`. */
@Injectable()
export class MessagesService {
  private readonly publisher: Publisher;

  constructor(
    @Inject(MessageBook) private readonly book: MessageBook,
    @Inject(BrokerPort) private readonly port: BrokerPort,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(SubscriptionsService) private readonly subscriptions: SubscriptionsService,
  ) {
    this.publisher = new Publisher({ book, port, registry, subscriptions });
  }

  /**
   * Resolves when the message is safe. AGENT_NOT_FOUND, NO_RECIPIENT, MESSAGE_NOT_FOUND (of `reply_to`),
   * RESOURCE_LIMIT_EXCEEDED (queue full, chain too long), IDEMPOTENCY_CONFLICT, BROKER_UNAVAILABLE, VALIDATION_ERROR.
   */
  async send(input: SendMessage, sender: Sender): Promise<SendReply> {
    const { messages, refused } = await this.publisher.publish(input, input.to, sender);
    const [first] = messages;
    if (first === undefined) throw noneTook(input.to, refused);
    const recipients = messages.map(({ id, to }) => ({ agent_id: to, message_id: id }));
    return { ...first, recipients, refused };
  }

  /** One message for each; those whose queue is full are named. The same errors, none for want of recipients. */
  async broadcast(input: BroadcastMessage, sender: Sender): Promise<BroadcastReply> {
    const address = input.topic === undefined ? '*' : `topic:${input.topic}`;
    const { messages, refused } = await this.publisher.publish(input, address, sender);
    if (messages.length === 0 && refused.length > 0) throw noneTook(address, refused);
    return { group_id: messages[0]?.group_id ?? null, messages, refused };
  }

  /** MESSAGE_NOT_FOUND. */
  get(id: string): MessageDetail {
    const { message } = readMessage(this.book.db, id);
    return { ...message, deliveries: deliveriesOf(this.book.db, id) };
  }

  list(query: MessageListQuery): MessageList {
    const { messages, total } = pageOfMessages(this.book.db, query);
    return { messages, pagination: { page: query.page, limit: query.limit, total } };
  }

  /** Sends a dead message again, with all its attempts. MESSAGE_NOT_FOUND, INVALID_STATE. */
  async retry(id: string, actor: Actor): Promise<Message> {
    const { message } = readMessage(this.book.db, id);
    if (message.status !== 'dead') {
      throw new NoxError('INVALID_STATE', `Only a dead message can be sent again; ${id} is ${message.status}.`);
    }
    this.mustBeAvailable();
    const expires_ms = this.book.clock.now() + this.registry.config().broker.default_ttl_s * 1000;
    // The journal first: should the queue go away now, it is given the message when it is back.
    const revived = await this.book.db.write((tx) => {
      const again = revive(tx, id, expires_ms);
      if (again === undefined) return undefined;
      this.book.tell(tx, 'message.retried', { ...changeOf(again), actor: actor.name }, again.to);
      this.book.moved(tx, again, undefined, 'waiting');
      tx.afterCommit(() => this.book.onTimes({ expires_ms }));
      return again;
    });
    if (revived === undefined) throw new NoxError('INVALID_STATE', `${id} was sent again already.`);
    await this.port.publish([entryOf(revived, null)], () => undefined);
    this.book.announce(revived.to);
    return revived;
  }

  /** Takes back a message that waits. MESSAGE_NOT_FOUND, INVALID_STATE. */
  async cancel(id: string, actor: Actor): Promise<Message> {
    const found = readMessage(this.book.db, id);
    const ended = await this.drop(found.message, 'cancelled', `taken back by ${actor.name}`);
    if (ended !== undefined) return ended;
    const { message, leased } = readMessage(this.book.db, id);
    const state = leased ? 'being handed over' : message.status;
    throw new NoxError('INVALID_STATE', `Only a message that waits can be taken back; ${id} is ${state}.`);
  }

  /** Ends a message that waits; undefined when it does not (any more). */
  drop(message: Message, status: 'cancelled' | 'expired', reason: string): Promise<Message | undefined> {
    return this.port.remove([{ id: message.id, agent_id: message.to, priority: message.priority }], (tx) => {
      const ended = endWaiting(tx, message.id, status, reason, this.book.clock.now());
      if (ended === undefined) return undefined;
      this.book.tell(tx, `message.${status}`, changeOf(ended), ended.to);
      this.book.moved(tx, ended, 'waiting', undefined);
      return ended;
    });
  }

  /** The agent is gone: what waits for it ends, and its subscriptions. */
  async forgetAgent(agent_id: string): Promise<void> {
    await this.subscriptions.forget(agent_id);
    for (const { message } of waitingMessages(this.book.db, agent_id)) {
      await this.drop(message, 'cancelled', 'its recipient was deleted');
    }
  }

  stats(): BrokerStats {
    const { available, health } = this.port.status();
    const total = this.book.counts.total();
    const ended = this.countEnded();
    const since = `msg_${encodeTime(Math.max(0, this.book.clock.now() - 60_000), 10)}`;
    const recent = this.book.db.get<{ n: number }>('SELECT COUNT(*) AS n FROM messages WHERE id >= ?', since)?.n ?? 0;
    return {
      adapter: this.port.adapter,
      available,
      detail: health.detail,
      waiting: total.waiting,
      active: total.active,
      acked: ended('acked'),
      dead: ended('dead'),
      dropped: ended('cancelled') + ended('expired'),
      per_priority: total.per_priority,
      messages_per_minute: recent,
      agents: [...this.book.counts.all()]
        .map(([agent_id, { waiting, active, per_priority }]) => ({ agent_id, waiting, active, per_priority }))
        .sort((a, b) => b.waiting - a.waiting || (a.agent_id < b.agent_id ? -1 : 1)),
    };
  }

  /** Who wrote to whom in the last hours. */
  graph(hours: number): MessageGraph {
    const since = `msg_${encodeTime(Math.max(0, this.book.clock.now() - hours * HOUR_MS), 10)}`;
    const rows = this.book.db.all<{ sender: string; recipient: string; n: number; last_ms: number }>(
      'SELECT sender, recipient, COUNT(*) AS n, MAX(created_ms) AS last_ms FROM messages WHERE id >= ? GROUP BY sender, recipient ORDER BY n DESC, sender, recipient LIMIT 1000',
      since,
    );
    return {
      edges: rows.map(({ sender, recipient, n, last_ms }) => ({
        from: sender,
        to: recipient,
        messages: n,
        last_at: this.book.clock.iso(last_ms),
      })),
    };
  }

  /** Forgets messages that ended more than `days` ago, and idempotency keys of more than 7 days. Answers how many messages. */
  async prune(days: number): Promise<number> {
    const now = this.book.clock.now();
    const before = now - days * 24 * HOUR_MS;
    return this.book.db.write((tx) => {
      tx.run('DELETE FROM message_keys WHERE created_ms < ?', now - 7 * 24 * HOUR_MS);
      const where = "status IN ('acked', 'cancelled', 'expired', 'dead') AND ended_ms < ?";
      tx.run(`DELETE FROM deliveries WHERE message_id IN (SELECT id FROM messages WHERE ${where})`, before);
      return tx.run(`DELETE FROM messages WHERE ${where}`, before).changes;
    });
  }

  /** What the queue is and whether it can be used, for people. */
  health() {
    return this.port.status().health;
  }

  queue(): { adapter: BrokerPort['adapter']; available: boolean } {
    return { adapter: this.port.adapter, available: this.port.status().available };
  }

  private countEnded(): (status: MessageStatus) => number {
    const rows = this.book.db.all<{ status: MessageStatus; n: number }>(
      'SELECT status, COUNT(*) AS n FROM messages WHERE ended_ms IS NOT NULL GROUP BY status',
    );
    const counts = new Map(rows.map(({ status, n }) => [status, n]));
    return (status) => counts.get(status) ?? 0;
  }

  private mustBeAvailable(): void {
    const { available, health } = this.port.status();
    if (!available) throw new NoxError('BROKER_UNAVAILABLE', health.detail);
  }
}

function noneTook(address: string, refused: readonly Refused[]): NoxError {
  const [first] = refused;
  if (first === undefined)
    return new NoxError('NO_RECIPIENT', `No other agent is there to receive a message to "${address}".`);
  return new NoxError('RESOURCE_LIMIT_EXCEEDED', `The message was not taken: ${first.reason}. Try again later.`, {
    retry_after_s: RETRY_AFTER_S,
    refused,
  });
}
