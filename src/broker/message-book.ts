import { Inject, Injectable } from '@nestjs/common';
import type { EventPayload, EventType } from '../contracts/event.js';
import type { Message } from '../contracts/message.js';
import { EventLog } from '../events/event-log.js';
import { Clock } from '../shared/clock.js';
import { StateDb, type Tx } from '../shared/db/state-db.js';
import type { QueueEntry } from './broker-port.js';
import { findMessage, insertMessage } from './message-store.js';
import { QueueCounts } from './queue-counts.js';

type Place = 'waiting' | 'active' | undefined;

/** Told of an agent for which there may be something to hand over; `unstored` when it can be taken, but is not safe yet. */
export type Available = (agent_id: string, what: 'stored' | 'unstored') => void;

/** What sending and handing over share: the counts, the events, and who wants to know that there is something to hand over. */
@Injectable()
export class MessageBook {
  readonly counts = new QueueCounts();
  /** Ids that are being published: counted, perhaps not journalled yet. */
  private readonly pending = new Set<string>();
  private readonly listeners = new Set<Available>();
  /** Set by the timers: a message came that expires or is due then. */
  onTimes: (times: { expires_ms?: number; due_ms?: number }) => void = () => undefined;

  constructor(
    @Inject(StateDb) readonly db: StateDb,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) readonly clock: Clock,
  ) {}

  /** `fn` is told of each agent for which there may be something to hand over. Returns the end of it. */
  onAvailable(fn: Available): () => void {
    this.listeners.add(fn);
    return () => this.listeners.delete(fn);
  }

  announce(agent_id: string, what: 'stored' | 'unstored' = 'stored'): void {
    for (const fn of this.listeners) fn(agent_id, what);
  }

  tell<T extends EventType>(tx: Tx, type: T, payload: EventPayload<T>, agent_id: string): void {
    this.events.appendIn(tx, type, payload, agent_id);
  }

  /** Counts a change once it is durable. */
  moved(tx: Tx, message: Pick<Message, 'to' | 'priority' | 'content'>, from: Place, to: Place): void {
    tx.afterCommit(() => this.counts.move(message, from, to));
  }

  /** Counts messages that are about to be stored; `release` takes back what was not. */
  reserve(messages: readonly Message[]): void {
    for (const message of messages) {
      this.pending.add(message.id);
      this.counts.move(message, undefined, 'waiting');
      if (message.deliver_after !== null) this.counts.putOff(message.to, Date.parse(message.deliver_after));
    }
  }

  release(messages: readonly Message[], stored: boolean): void {
    for (const message of messages) {
      this.pending.delete(message.id);
      if (!stored && findMessage(this.db, message.id) === undefined) this.counts.move(message, 'waiting', undefined);
    }
  }

  /** Stores new messages with their events; those that are known already stay as they are. */
  store(tx: Tx, messages: readonly Message[]): void {
    for (const message of messages) {
      if (!insertMessage(tx, message)) continue;
      this.tell(tx, 'message.published', { message }, message.to);
      if (!this.pending.has(message.id)) this.moved(tx, message, undefined, 'waiting');
      const due_ms = message.deliver_after === null ? undefined : Date.parse(message.deliver_after);
      tx.afterCommit(() => {
        if (due_ms !== undefined) this.counts.putOff(message.to, due_ms);
        this.onTimes({ expires_ms: Date.parse(message.expires_at), ...(due_ms === undefined ? {} : { due_ms }) });
        this.announce(message.to);
      });
    }
  }

  /** Stores what only the queue knew: a crash, or an answer that never came, was before the journal. */
  adopt(tx: Tx, entries: readonly QueueEntry[]): void {
    this.store(
      tx,
      entries.map(({ body }) => JSON.parse(body) as Message),
    );
  }
}
