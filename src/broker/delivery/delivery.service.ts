import { Inject, Injectable } from '@nestjs/common';
import { RunStore } from '../../agents/run-store.js';
import { Transcripts } from '../../agents/transcripts.js';
import { type Message, type MessagePriority, PRIORITIES } from '../../contracts/message.js';
import { type Give, Mail, type MailEnd, type MailPoint, type Parcel, type PromptRef } from '../../sessions/mail.js';
import { TurnStore } from '../../sessions/turn-store.js';
import { Clock } from '../../shared/clock.js';
import { StateDb, type Tx } from '../../shared/db/state-db.js';
import { HandoverService } from '../handover.service.js';
import { deliveriesOf } from '../message-queries.js';
import { OPEN as OPEN_MESSAGES, type Reader } from '../message-store.js';
import { owedEnd } from './owed-end.js';
import { type Letter, letterText } from './prompt-text.js';

/** Low messages go to an idle agent together, and high ones into a turn; others one by one. */
const BATCH = 20;

const OPEN: Readonly<Record<MailPoint, readonly MessagePriority[]>> = {
  interrupt: ['critical'],
  tool_boundary: ['critical', 'high'],
  turn_end: ['critical', 'high', 'medium'],
  idle: PRIORITIES,
};

/**
 * How messages reach agents, by the table of DESIGN 2.7. Contract: each has one end; a crash between prompt and end is
 * made up for at the next start, by what the agent's own session holds: what it has read is not said again.
 */
@Injectable()
export class DeliveryService extends Mail {
  /** Until what an earlier Nox handed over has been dealt with, nothing new is. */
  private is_open = false;

  constructor(
    @Inject(HandoverService) private readonly handover: HandoverService,
    @Inject(TurnStore) private readonly turns: TurnStore,
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(Transcripts) private readonly transcripts: Transcripts,
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    super();
  }

  override waits(agent_id: string, point: MailPoint): boolean {
    if (!this.is_open) return false;
    const counts = this.handover.waiting(agent_id);
    const open = OPEN[point].filter((priority) => counts[priority] > 0);
    // Those that were put off wait, too, but not for the agent.
    if (open.length === 0) return false;
    // A turn is only cut short or joined for what is stored; an agent at rest may take what is being stored.
    return (point === 'idle' && this.handover.areAllDue(agent_id)) || this.isDue(agent_id, open);
  }

  override async take(
    agent_id: string,
    point: MailPoint,
    give: Give,
  ): Promise<(Parcel & { is_given: boolean }) | undefined> {
    const counts = this.handover.waiting(agent_id);
    const only_low = counts.critical + counts.high + counts.medium === 0;
    const limit = point === 'tool_boundary' || only_low ? BATCH : 1;
    const given: { parcel?: Parcel } = {};
    const messages = await this.handover.next(agent_id, point, limit, (tx, taken) => {
      if (taken.some(({ id }) => promptsOf(tx, id).length > 0)) return;
      given.parcel = parcelOf(taken.map((message) => ({ message, read_before: false })));
      this.bindIn(tx, given.parcel.ids, give(tx, given.parcel));
    });
    if (messages.length === 0) return undefined;
    if (given.parcel !== undefined) return { ...given.parcel, is_given: true };
    const letters = messages.map(async (message) => ({ message, read_before: await this.hasRead(agent_id, message) }));
    return { ...parcelOf(await Promise.all(letters)), is_given: false };
  }

  override give(parcel: Parcel, give: Give): Promise<void> {
    return this.db.write((tx) => this.bindIn(tx, parcel.ids, give(tx, parcel)));
  }

  override bindIn(tx: Tx, ids: readonly string[], prompt: PromptRef): void {
    this.handover.bindIn(tx, ids, prompt);
  }

  override held(agent_id: string, turn_id: string): readonly string[] {
    return this.db
      .all<{ id: string }>(
        `SELECT id FROM messages WHERE recipient = ? AND ${OPEN_MESSAGES} AND turn_id = ? AND leased = 1 AND status = 'delivered' ORDER BY id`,
        agent_id,
        turn_id,
      )
      .map(({ id }) => id);
  }

  override received(ids: readonly string[]): Promise<void> {
    return this.handover.delivered(ids);
  }

  override readIn(tx: Tx, ids: readonly string[]): void {
    this.handover.ackedIn(tx, ids);
  }

  override async settle(ids: readonly string[], end: MailEnd): Promise<void> {
    switch (end.kind) {
      case 'read':
        return this.handover.acked(ids);
      case 'dropped':
        return this.handover.cancel(ids, end.reason);
      case 'put_back':
        return this.requeue(ids, { reason: end.reason, delay_ms: end.delay_ms, count_attempt: false });
      case 'died':
        return this.requeue(ids, { reason: end.reason, delay_ms: 0, count_attempt: true });
    }
  }

  /** After a start of Nox, when the turns that ran have ended: each message that an agent had comes to its end or waits again. */
  async recover(): Promise<void> {
    for (const { message, prompt_uuid } of this.handover.inFlight().toReversed()) {
      const turn = message.turn_id === null ? undefined : this.turns.get(message.turn_id);
      // Its turn goes on when the parked call is decided, and takes it up again.
      if (turn?.status === 'deferred' && message.status === 'delivered') continue;
      await this.settle([message.id], owedEnd({ turn, was_read: message.status === 'delivered', prompt_uuid }));
    }
    this.is_open = true;
  }

  /** The last is put back first, so that they stand in their order again. */
  private async requeue(
    ids: readonly string[],
    given: { reason: string; delay_ms: number; count_attempt: boolean },
  ): Promise<void> {
    for (const id of ids.toReversed()) await this.handover.requeue(id, given);
  }

  private isDue(agent_id: string, open: readonly MessagePriority[]): boolean {
    const marks = open.map(() => '?').join(', ');
    const row = this.db.get(
      `SELECT 1 FROM messages WHERE recipient = ? AND ${OPEN_MESSAGES} AND status = 'queued' AND leased = 0 AND priority IN (${marks})
         AND (due_ms IS NULL OR due_ms <= ?) LIMIT 1`,
      agent_id,
      ...open,
      this.clock.now(),
    );
    return row !== undefined;
  }

  private async hasRead(agent_id: string, { id }: Message): Promise<boolean> {
    const earlier = promptsOf(this.db, id);
    if (earlier.length === 0) return false;
    const read = await this.transcripts.read(agent_id, earlier);
    if (read !== undefined) return read.size > 0;
    // A program without a transcript: the receipt has to do, if it is the same session still.
    const session_id = this.runs.session(agent_id)?.session_id ?? null;
    return (
      this.db.get(
        `SELECT 1 FROM deliveries d JOIN turns t ON t.id = d.turn_id
           WHERE d.message_id = ? AND d.received_ms IS NOT NULL AND t.session_id = ? LIMIT 1`,
        id,
        session_id,
      ) !== undefined
    );
  }
}

/** The prompts by which it was given before. */
const promptsOf = (db: Reader, id: string): string[] =>
  deliveriesOf(db, id).flatMap(({ prompt_uuid }) => (prompt_uuid === null ? [] : [prompt_uuid]));

function parcelOf(letters: readonly Letter[]): Parcel {
  const messages = letters.map(({ message }) => message);
  const [first] = messages;
  const senders = [...new Set(messages.map(({ sent_by }) => sent_by))];
  return {
    ids: messages.map(({ id }) => id),
    source: first !== undefined && senders.length === 1 ? sourceOf(first) : 'system',
    actor: senders.join(', '),
    content: letterText(letters),
  };
}

/** As a turn names it. */
function sourceOf({ sent_by }: Message): string {
  return sent_by.startsWith('user:') ? 'user' : sent_by;
}
