import type { Message } from '../contracts/message.js';
import type { RegistryService } from '../registry/registry.service.js';
import { newId } from '../shared/ids.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { NoxError } from '../shared/nox-error.js';
import type { BrokerPort } from './broker-port.js';
import { compose, type Draft, type Parents, type Sender } from './compose.js';
import type { MessageBook } from './message-book.js';
import { bodyHash, entryOf, findMessage } from './message-store.js';
import { recipientsOf } from './routing.js';
import type { SubscriptionsService } from './subscriptions.service.js';

/** Characters of all messages that one agent has before it. */
const MAX_QUEUED_CHARACTERS = 64 * 1024 * 1024;

export interface Refused {
  readonly agent_id: string;
  readonly reason: string;
}

export interface Published {
  readonly messages: Message[];
  readonly refused: Refused[];
}

interface Planned {
  readonly id: string;
  readonly agent_id: string;
}

export interface PublisherParts {
  readonly book: MessageBook;
  readonly port: BrokerPort;
  readonly registry: RegistryService;
  readonly subscriptions: SubscriptionsService;
}

/** Makes the messages of a send: who gets one, who cannot take one more, and that it happens once. */
export class Publisher {
  private readonly keyed = new KeyedQueue();

  constructor(private readonly parts: PublisherParts) {}

  /**
   * A send with a key takes effect once. What it will make is written down first, so that a second try after a crash,
   * or after an answer that never came, makes the very same messages.
   */
  publish(input: Draft, address: string, sender: Sender): Promise<Published> {
    const { idempotency_key: key, ...body } = input;
    if (key === undefined) return this.make(input, address, sender);
    return this.keyed.run(`${sender.sent_by} ${key}`, async () => {
      const hash = bodyHash(body);
      const row = this.parts.book.db.get<{ body_sha256: string; ids_json: string }>(
        'SELECT body_sha256, ids_json FROM message_keys WHERE sent_by = ? AND key = ?',
        sender.sent_by,
        key,
      );
      if (row !== undefined && row.body_sha256 !== hash) throw new NoxError('IDEMPOTENCY_CONFLICT');
      if (row !== undefined) {
        const planned = JSON.parse(row.ids_json) as Planned[];
        const known = planned.flatMap(({ id }) => findMessage(this.parts.book.db, id)?.message ?? []);
        if (known.length === planned.length) return { messages: known, refused: [] };
        return this.make(input, address, sender, planned);
      }
      const { messages, refused } = this.draft(input, address, sender);
      const planned = messages.map(({ id, to }) => ({ id, agent_id: to }));
      if (planned.length === 0) return { messages, refused };
      await this.parts.book.db.write((tx) =>
        tx.run(
          'INSERT INTO message_keys (sent_by, key, body_sha256, ids_json, created_ms) VALUES (?, ?, ?, ?, ?)',
          sender.sent_by,
          key,
          hash,
          JSON.stringify(planned),
          this.parts.book.clock.now(),
        ),
      );
      const published = await this.make(input, address, sender, planned);
      return { ...published, refused };
    });
  }

  private async make(input: Draft, address: string, sender: Sender, ids?: readonly Planned[]): Promise<Published> {
    const drafted = this.draft(input, address, sender, ids);
    const { messages } = drafted;
    if (messages.length === 0) return drafted;
    const entries = messages.map((message) =>
      entryOf(message, message.deliver_after === null ? null : Date.parse(message.deliver_after)),
    );
    this.parts.book.reserve(messages);
    let stored = false;
    try {
      const published = this.parts.port.publish(entries, (tx) => this.parts.book.store(tx, messages));
      // Who is idle takes it in the same commit.
      if (this.parts.port.claims_unstored) for (const { to } of messages) this.parts.book.announce(to, 'unstored');
      await published;
      stored = true;
    } finally {
      this.parts.book.release(messages, stored);
    }
    return drafted;
  }

  /** The messages that a send makes, for those who can take one more. */
  private draft(input: Draft, address: string, sender: Sender, planned?: readonly Planned[]): Published {
    const agents = this.parts.registry.agents();
    const from = sender.kind === 'user' ? (input.from ?? sender.from) : sender.from;
    if (sender.kind === 'user' && input.from !== undefined && !agents.has(input.from)) {
      throw new NoxError('AGENT_NOT_FOUND', `from: no agent has the id ${input.from}.`);
    }
    const refused: Refused[] = [];
    let to = planned;
    if (to === undefined) {
      const subscribers = address.startsWith('topic:') ? this.parts.subscriptions.subscribers(address.slice(6)) : [];
      const load = (id: string): number => this.parts.book.counts.of(id).waiting + this.parts.book.counts.of(id).active;
      const found = recipientsOf(address, { ...input, from }, { agents, subscribers, load });
      if (found.length === 0 && address.startsWith('topic:') && 'to' in input) {
        throw new NoxError('NO_RECIPIENT', `No other agent listens to the topic "${address.slice(6)}".`);
      }
      to = found.flatMap((agent_id) => {
        const reason = this.fullness(agent_id, input.content.length);
        if (reason === undefined) return [{ agent_id, id: newId('msg') }];
        refused.push({ agent_id, reason });
        return [];
      });
    }
    const messages = compose(input, {
      address,
      from,
      sent_by: sender.sent_by,
      to,
      parents: this.parents(input, sender),
      now_ms: this.parts.book.clock.now(),
      default_ttl_ms: this.parts.registry.config().broker.default_ttl_s * 1000,
    });
    return { messages, refused };
  }

  private fullness(agent_id: string, length: number): string | undefined {
    const { waiting, active, bytes } = this.parts.book.counts.of(agent_id);
    const cap = this.parts.registry.config().broker.max_queued_per_agent;
    if (waiting + active >= cap)
      return `${agent_id} has ${waiting + active} messages before it, as many as it may have`;
    if (bytes + length > MAX_QUEUED_CHARACTERS) return `the messages before ${agent_id} are 64 MB long together`;
    return undefined;
  }

  private parents(input: Draft, sender: Sender): Parents {
    const read = (id: string | undefined, field: string): Message | undefined => {
      if (id === undefined) return undefined;
      const found = findMessage(this.parts.book.db, id);
      if (found === undefined) throw new NoxError('MESSAGE_NOT_FOUND', `${field}: no message has the id ${id}.`);
      return found.message;
    };
    return { reply_to: read(input.reply_to, 'reply_to'), cause: read(sender.cause_id, 'cause') };
  }
}
