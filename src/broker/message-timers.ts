import { Inject, Injectable } from '@nestjs/common';
import { messageOf } from '../shared/nox-error.js';
import { MessageBook } from './message-book.js';
import { agentsDue, nextDue, nextExpiry, overdueMessages } from './message-store.js';
import { MessagesService } from './messages.service.js';

const BATCH = 500;
/** When something could not be done it is tried again after this. */
const AGAIN_MS = 1000;

/** Ends messages whose time is over, and tells when those are due that were put off. Two timers for all messages. */
@Injectable()
export class MessageTimers {
  private expiry = { at: Infinity, cancel: (): void => undefined };
  private due = { at: Infinity, cancel: (): void => undefined };
  /** Those due until here have been told. */
  private told_ms = 0;
  private closed = false;
  /** Set by wiring: failures of work that nobody waits for. */
  warn: (message: string, fields: object) => void = () => undefined;

  constructor(
    @Inject(MessageBook) private readonly book: MessageBook,
    @Inject(MessagesService) private readonly messages: MessagesService,
  ) {}

  start(): void {
    this.book.onTimes = ({ expires_ms, due_ms }) => {
      if (expires_ms !== undefined && expires_ms < this.expiry.at) this.armExpiry(expires_ms);
      if (due_ms !== undefined && due_ms < this.due.at) this.armDue(due_ms);
    };
    this.told_ms = this.book.clock.now();
    this.armExpiry(nextExpiry(this.book.db) ?? Infinity);
    this.armDue(nextDue(this.book.db, this.told_ms) ?? Infinity);
  }

  close(): void {
    this.closed = true;
    this.expiry.cancel();
    this.due.cancel();
  }

  private armExpiry(at: number): void {
    this.expiry.cancel();
    this.expiry = { at, cancel: this.after(at, () => void this.expire()) };
  }

  private async expire(): Promise<void> {
    try {
      for (;;) {
        const over = overdueMessages(this.book.db, this.book.clock.now(), BATCH);
        await Promise.all(over.map(({ message }) => this.messages.drop(message, 'expired', 'its time was over')));
        if (over.length < BATCH) break;
      }
      if (!this.closed) this.armExpiry(nextExpiry(this.book.db) ?? Infinity);
    } catch (error) {
      this.warn('messages were not expired', { reason: messageOf(error) });
      if (!this.closed) this.armExpiry(this.book.clock.now() + AGAIN_MS);
    }
  }

  private armDue(at: number): void {
    this.due.cancel();
    const fire = (): void => {
      const now = this.book.clock.now();
      for (const agent_id of agentsDue(this.book.db, this.told_ms, now)) this.book.announce(agent_id);
      this.told_ms = now;
      this.armDue(nextDue(this.book.db, now) ?? Infinity);
    };
    this.due = { at, cancel: this.after(at, fire) };
  }

  private after(at: number, fn: () => void): () => void {
    if (at === Infinity || this.closed) return () => undefined;
    return this.book.clock.after(Math.max(0, at - this.book.clock.now()), () => {
      if (!this.closed) fn();
    });
  }
}
