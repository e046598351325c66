import { Inject, Injectable } from '@nestjs/common';
import { type Message, type MessagePriority, PRIORITIES } from '../contracts/message.js';
import { RegistryService } from '../registry/registry.service.js';
import type { Tx } from '../shared/db/state-db.js';
import { BrokerPort, type EntryRef, type QueueEntry } from './broker-port.js';
import { bindPrompt, endOwed, endWaiting, lease, markDelivered, putBack } from './ledger.js';
import { type Available, MessageBook } from './message-book.js';
import { deliveriesOf } from './message-queries.js';
import { type Brief, changeOf, entryOf, findMessage, leasedMessages } from './message-store.js';

/** Where an agent's run is, which says what may be handed to it. */
export type SafePoint = 'interrupt' | 'tool_boundary' | 'turn_end' | 'idle';

const OPEN: Record<SafePoint, readonly MessagePriority[]> = {
  interrupt: ['critical'],
  tool_boundary: ['critical', 'high'],
  turn_end: ['critical', 'high', 'medium'],
  idle: PRIORITIES,
};

/** A message that was handed over and has not ended, with what is known of the prompt that carries it. */
export interface InFlight {
  readonly message: Message;
  readonly prompt_uuid: string | null;
}

export interface PutBack {
  readonly reason: string;
  /** Not handed over again before; 0 puts it first of its priority again. */
  readonly delay_ms: number;
  /** False when it was not the message's fault: quota, overload. */
  readonly count_attempt: boolean;
}

/**
 * How messages leave the queue. Contract: `next` hands a message to one caller, who owes it one end: `acked`,
 * `requeue` or `cancel`; after a crash `inFlight` says which are owed. Each step is in the journal before it is answered,
 * and before the queue forgets anything. A step of a message that has ended already does nothing.
 */
@Injectable()
export class HandoverService {
  constructor(
    @Inject(MessageBook) private readonly book: MessageBook,
    @Inject(BrokerPort) private readonly port: BrokerPort,
    @Inject(RegistryService) private readonly registry: RegistryService,
  ) {}

  /** `fn` is told of each agent for which there may be something: sent, put back, due, or after a start of Nox. Returns the end of it. */
  onAvailable(fn: Available): () => void {
    return this.book.onAvailable(fn);
  }

  /** How many wait for the agent, by priority; those with `deliver_after` count too. */
  waiting(agent_id: string): Readonly<Record<MessagePriority, number>> {
    return { ...this.book.counts.of(agent_id).per_priority };
  }

  /** Whether all that waits for the agent may go now, also what is being stored; false when only the journal can say. */
  areAllDue(agent_id: string): boolean {
    return this.port.claims_unstored && this.book.counts.areAllDue(agent_id, this.book.clock.now());
  }

  /**
   * Takes what may go at this point, at most `limit`, all of one priority; each has its `attempt` counted. At the end of a
   * turn also one that was passed over often enough. `also` is part of the same change, if anything is taken.
   * BROKER_UNAVAILABLE.
   */
  async next(
    agent_id: string,
    point: SafePoint,
    limit = 1,
    also: (tx: Tx, taken: readonly Message[]) => void = () => undefined,
  ): Promise<Message[]> {
    const at_most = this.registry.config().broker.low_waits_at_most;
    const want = { open: OPEN[point], overdue: point === 'turn_end' || point === 'idle', at_most, limit };
    for (;;) {
      const { taken, stale } = await this.port.claim(agent_id, want, (tx, entries) => {
        const took = this.take(tx, entries);
        if (took.taken.length > 0) also(tx, took.taken);
        return took;
      });
      if (stale.length > 0) await this.port.ack(stale, () => undefined);
      if (taken.length > 0 || stale.length === 0) return taken;
    }
  }

  /** Says which prompt carries the messages: before the prompt goes out, so that a crash can look it up. */
  bindIn(tx: Tx, ids: readonly string[], prompt: { turn_id: string; prompt_uuid: string }): void {
    for (const id of ids) bindPrompt(tx, id, prompt.turn_id, prompt.prompt_uuid);
  }

  /** The agent's process has taken the prompt in: the receipt. Resolves when it is stored, a moment later. */
  delivered(ids: readonly string[]): Promise<void> {
    // What the agent writes next is stored with it: a commit of its own would cost as much as all that it says.
    return this.book.db.write((tx) => {
      for (const id of ids) {
        const message = markDelivered(tx, id, this.book.clock.now());
        if (message !== undefined) this.book.tell(tx, 'message.delivered', changeOf(message), message.to);
      }
    }, 'soon');
  }

  /** The turn that read them is in the journal. */
  acked(ids: readonly string[]): Promise<void> {
    return this.end(ids, 'acked', null);
  }

  /** The same, in the very change that ends the turn. */
  ackedIn(tx: Tx, ids: readonly string[]): void {
    const ended = ids.flatMap((id) => this.endIn(tx, id, 'acked', null) ?? []);
    this.port.ackIn(
      tx,
      ended.map(({ id, to, priority }) => ({ id, agent_id: to, priority })),
    );
  }

  /** It will not be read, and is not wanted any more. */
  cancel(ids: readonly string[], reason: string): Promise<void> {
    return this.end(ids, 'cancelled', reason);
  }

  /** Puts a message back; after `broker.max_attempts` counted attempts it is dead, when its time is over expired. */
  async requeue(id: string, given: PutBack): Promise<Message | undefined> {
    const found = findMessage(this.book.db, id);
    if (found === undefined || !found.leased) return undefined;
    const { message, expires_ms } = found;
    const now_ms = this.book.clock.now();
    const due_ms = given.delay_ms > 0 ? now_ms + given.delay_ms : null;
    if (given.count_attempt && message.attempt >= this.registry.config().broker.max_attempts) {
      await this.end([id], 'dead', given.reason);
    } else if (expires_ms <= (due_ms ?? now_ms)) {
      await this.end([id], 'expired', `its time was over before it could be handed over again: ${given.reason}`);
    } else {
      await this.port.requeue(entryOf({ ...message, status: 'queued' }, due_ms), (tx) => {
        const back = putBack(tx, id, { ...given, due_ms, now_ms });
        if (back === undefined) return;
        this.book.tell(tx, 'message.requeued', { ...changeOf(back), delay_ms: given.delay_ms }, back.to);
        this.book.moved(tx, back, 'active', 'waiting');
        if (due_ms !== null) tx.afterCommit(() => this.book.counts.putOff(back.to, due_ms));
      });
      this.book.onTimes({ expires_ms, ...(due_ms === null ? {} : { due_ms }) });
      if (due_ms === null) this.book.announce(message.to);
    }
    return findMessage(this.book.db, id)?.message;
  }

  /** What was handed over and has not ended, oldest first; of one agent or of all. */
  inFlight(agent_id?: string): InFlight[] {
    return leasedMessages(this.book.db, agent_id).map(({ message }) => ({
      message,
      prompt_uuid: deliveriesOf(this.book.db, message.id).at(-1)?.prompt_uuid ?? null,
    }));
  }

  private async end(
    ids: readonly string[],
    status: 'acked' | 'cancelled' | 'dead' | 'expired',
    reason: string | null,
  ): Promise<void> {
    const refs = ids.flatMap((id): EntryRef[] => {
      const found = findMessage(this.book.db, id);
      if (found === undefined || !found.leased) return [];
      return [{ id, agent_id: found.message.to, priority: found.message.priority }];
    });
    if (refs.length === 0) return;
    await this.port.ack(refs, (tx) => {
      for (const { id } of refs) this.endIn(tx, id, status, reason);
    });
  }

  private endIn(
    tx: Tx,
    id: string,
    status: 'acked' | 'cancelled' | 'dead' | 'expired',
    reason: string | null,
  ): Brief | undefined {
    const ended = endOwed(tx, id, status, reason, this.book.clock.now());
    if (ended === undefined) return undefined;
    this.book.tell(tx, `message.${status}`, changeOf(ended), ended.to);
    this.book.moved(tx, ended, 'active', undefined);
    return ended;
  }

  /** Journals what was claimed. `stale` are those that must not be handed over: ended meanwhile, or their time is over. */
  private take(tx: Tx, entries: readonly QueueEntry[]): { taken: Message[]; stale: QueueEntry[] } {
    const taken: Message[] = [];
    const stale: QueueEntry[] = [];
    const now_ms = this.book.clock.now();
    for (const entry of entries) {
      const message = lease(tx, entry.id, now_ms) ?? this.adopted(tx, entry, now_ms);
      if (message !== undefined) {
        this.book.moved(tx, message, 'waiting', 'active');
        taken.push(message);
        continue;
      }
      // One that is leased already has its end owed by somebody, who will have the queue forget it.
      if (findMessage(tx, entry.id)?.leased === true) continue;
      stale.push(entry);
      const ended = endWaiting(tx, entry.id, 'expired', 'its time was over', now_ms);
      if (ended === undefined) continue;
      this.book.tell(tx, 'message.expired', changeOf(ended), ended.to);
      this.book.moved(tx, ended, 'waiting', undefined);
    }
    return { taken, stale };
  }

  /** One that only the queue knew. */
  private adopted(tx: Tx, entry: QueueEntry, now_ms: number): Message | undefined {
    if (findMessage(tx, entry.id) !== undefined) return undefined;
    this.book.adopt(tx, [entry]);
    return lease(tx, entry.id, now_ms);
  }
}
