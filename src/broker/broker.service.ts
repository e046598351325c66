import { Inject, Injectable } from '@nestjs/common';
import { EventLog } from '../events/event-log.js';
import { messageOf } from '../shared/nox-error.js';
import { BrokerPort, type JournalView } from './broker-port.js';
import { MessageBook } from './message-book.js';
import { entryOf, findMessage, isEnd, leasedMessages, waitingMessages } from './message-store.js';
import { MessageTimers } from './message-timers.js';
import { MessagesService } from './messages.service.js';

/** The broker's life: puts the queue right after a crash, keeps its timers, follows the registry. */
@Injectable()
export class BrokerService {
  private unsubscribe: () => void = () => undefined;
  /** Set by wiring: failures of work that nobody waits for. */
  warn: (message: string, fields: object) => void = () => undefined;

  constructor(
    @Inject(BrokerPort) private readonly port: BrokerPort,
    @Inject(MessageBook) private readonly book: MessageBook,
    @Inject(MessagesService) private readonly messages: MessagesService,
    @Inject(MessageTimers) private readonly timers: MessageTimers,
    @Inject(EventLog) private readonly events: EventLog,
  ) {}

  /** Rejects when the queue's server must not be used, with what to mend. What was handed over stays owed: `HandoverService.inFlight`. */
  async start(): Promise<void> {
    this.book.counts.load(this.book.db);
    this.port.onAvailability = (available, detail) => {
      this.warn(available ? 'the message queue is back' : 'the message queue is away', { detail });
      this.events
        .append('message.broker_changed', { available, detail })
        .catch((error: unknown) => this.warn('an event was not stored', { reason: messageOf(error) }));
      if (available) this.announceAll();
    };
    await this.port.open(this.view());
    this.timers.warn = this.warn;
    this.timers.start();
    this.unsubscribe = this.events.subscribe(({ type, agent_id }) => {
      if (type !== 'agent.deleted' || agent_id === undefined) return;
      this.messages
        .forgetAgent(agent_id)
        .catch((error: unknown) => this.warn('messages of a deleted agent wait', { reason: messageOf(error) }));
    });
    this.announceAll();
  }

  /** Agents are told of what waits for them; a delivery that starts later asks by itself. */
  private announceAll(): void {
    for (const [agent_id, { waiting }] of this.book.counts.all()) if (waiting > 0) this.book.announce(agent_id);
  }

  async close(): Promise<void> {
    this.unsubscribe();
    this.timers.close();
    await this.port.close();
  }

  private view(): JournalView {
    const { db } = this.book;
    return {
      fate: (id) => {
        const found = findMessage(db, id);
        if (found === undefined) return 'unknown';
        if (isEnd(found.message.status)) return 'ended';
        return found.leased ? 'leased' : 'waiting';
      },
      adopt: (entries) => db.write((tx) => this.book.adopt(tx, entries)),
      waiting: () => waitingMessages(db).map(({ message, due_ms }) => entryOf(message, due_ms)),
      leased: () => leasedMessages(db).map(({ message }) => message.id),
    };
  }
}
