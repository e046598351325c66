import { randomUUID } from 'node:crypto';
import type { Fleet } from '../agents/fleet.js';
import type { LogBook } from '../agents/log-book.js';
import type { ApprovalsService } from '../approvals/approvals.service.js';
import type { Clock } from '../shared/clock.js';
import type { Tx } from '../shared/db/state-db.js';
import { isStorageFault, STORE_AGAIN_MS, untilStored } from '../shared/db/until-stored.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import type { Give, Mail, MailEnd, MailPoint, Parcel } from './mail.js';
import type { OpenParcel, OpenTurn } from './open-turn.js';

export interface TurnMailParts {
  readonly mail: () => Mail;
  readonly fleet: Fleet;
  readonly approvals: ApprovalsService;
  readonly logs: LogBook;
  readonly clock: Clock;
  /** The turn that has the pipe now. */
  readonly openTurn: (agent_id: string) => OpenTurn | undefined;
  readonly interrupt: (agent_id: string, turn: OpenTurn) => Promise<void>;
  readonly lost: (agent_id: string, what: string, error: unknown) => void;
}

/** How long messages wait that the process did not read. */
const UNREAD_DELAY_MS = 5000;

/**
 * Messages of the turn that runs: those that began it and those steered in, until each has come to its end. Contract:
 * while a call waits for a person nothing is written; at most one steered prompt is on its way at a time.
 */
export class TurnMail {
  constructor(private readonly parts: TurnMailParts) {}

  /** Takes what may go at this point. When it cannot be written down by which prompt, it is put back, and this rejects. */
  async take(agent_id: string, point: MailPoint, give: Give): Promise<Parcel | undefined> {
    const { mail } = this.parts;
    const taken = await mail().take(agent_id, point, give);
    if (taken === undefined) return undefined;
    const { is_given, ...parcel } = taken;
    if (is_given) return parcel;
    try {
      await mail().give(parcel, give);
      return parcel;
    } catch (error) {
      const reason = `it could not be written down: ${messageOf(error)}`;
      void this.settleIds(agent_id, parcel.ids, { kind: 'put_back', reason, delay_ms: STORE_AGAIN_MS });
      throw error;
    }
  }

  /** Something has come while a turn runs: a critical message interrupts it, a high one joins it at a tool call. */
  async arrived(agent_id: string, turn: OpenTurn): Promise<void> {
    const { mail, approvals } = this.parts;
    if (approvals.pendingCount(agent_id) > 0 || approvals.parkedCount(agent_id) > 0) return;
    if (mail().waits(agent_id, 'interrupt')) {
      if (turn.preempted === true || turn.cancelled === true) return;
      turn.preempted = true;
      await this.parts.interrupt(agent_id, turn);
      return;
    }
    const calling = turn.blocks.some((block) => block.type === 'tool' && block.tool.result === null);
    if (calling) await this.steer(agent_id, turn);
  }

  /** To be called when a call has its decision and before the process hears it: what is written now joins at its end. */
  async steer(agent_id: string, turn: OpenTurn): Promise<void> {
    const { mail, fleet, approvals, logs, openTurn } = this.parts;
    const is_free = (): boolean =>
      openTurn(agent_id) === turn &&
      turn.preempted !== true &&
      approvals.pendingCount(agent_id) === 0 &&
      approvals.parkedCount(agent_id) === 0;
    if (turn.steering === true || turn.parcels.some(({ started }) => !started)) return;
    if (!is_free() || !mail().waits(agent_id, 'tool_boundary')) return;
    turn.steering = true;
    try {
      const prompt_uuid = randomUUID();
      const parcel = await this.take(agent_id, 'tool_boundary', () => ({ turn_id: turn.id, prompt_uuid }));
      if (parcel === undefined) return;
      const { session } = fleet.get(agent_id);
      if (!is_free() || session === undefined) {
        await this.settleIds(agent_id, parcel.ids, { kind: 'put_back', reason: 'the turn ended first', delay_ms: 0 });
        return;
      }
      // Known before it is written: the end of the turn, should it come first, finds it.
      const open: OpenParcel = { ...parcel, prompt_uuid, started: false };
      turn.parcels.push(open);
      try {
        await session.prompt({ uuid: prompt_uuid, content: parcel.content });
      } catch (error) {
        logs.add(agent_id, 'nox', `a message did not reach the process: ${messageOf(error)}`);
        if (!turn.parcels.includes(open)) return;
        turn.parcels.splice(turn.parcels.indexOf(open), 1);
        const reason = messageOf(error);
        await this.settleIds(agent_id, parcel.ids, { kind: 'put_back', reason, delay_ms: UNREAD_DELAY_MS });
      }
    } finally {
      turn.steering = false;
    }
  }

  /** The process has begun on a prompt. Known at once: the end of the turn may be right behind. */
  received(turn: OpenTurn, prompt_uuid: string): Promise<void> {
    const parcel = turn.parcels.find((each) => each.prompt_uuid === prompt_uuid);
    if (parcel === undefined || parcel.started) return Promise.resolve();
    parcel.started = true;
    const receipt = this.parts.mail().received(parcel.ids);
    turn.receipts = Promise.allSettled([turn.receipts, receipt]);
    return receipt;
  }

  /** A turn without the pipe has ended, one whose call was parked: so have its messages. */
  settleOf(agent_id: string, turn_id: string, end: MailEnd): Promise<void> {
    return this.settleIds(agent_id, this.parts.mail().held(agent_id, turn_id), end);
  }

  /**
   * What the turn has read has its end in the very change that ends the turn. A receipt that is being stored was asked
   * for before, so it is stored before.
   */
  readIn(tx: Tx, turn: OpenTurn): void {
    const ids = turn.parcels.flatMap((parcel) => parcel.ids);
    if (ids.length === 0) return;
    this.parts.mail().readIn(tx, ids);
    tx.afterCommit(() => turn.parcels.splice(0));
  }

  /** The turn has ended: so have its messages. */
  async settle(agent_id: string, turn: OpenTurn, end: MailEnd): Promise<void> {
    const ids = turn.parcels.splice(0).flatMap((parcel) => parcel.ids);
    if (ids.length === 0) return;
    await turn.receipts;
    await this.settleIds(agent_id, ids, end);
  }

  /** What was taken is owed its end, also while disk or broker refuse it: it would wait for ever. Never rejects. */
  async settleIds(agent_id: string, ids: readonly string[], end: MailEnd): Promise<void> {
    if (ids.length === 0) return;
    const { mail, clock, lost } = this.parts;
    const told = (error: unknown): void => lost(agent_id, 'messages', error);
    await untilStored(clock, () => mail().settle(ids, end), told, passesByItself).catch(told);
  }
}

const passesByItself = (error: unknown): boolean =>
  isStorageFault(error) || (error instanceof NoxError && error.code === 'BROKER_UNAVAILABLE');
