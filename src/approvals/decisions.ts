import { Logger } from '@nestjs/common';
import type { Approval, Vote } from '../contracts/approval.js';
import type { Actor } from '../contracts/auth.js';
import type { EventLog } from '../events/event-log.js';
import type { Clock } from '../shared/clock.js';
import type { StateDb, Tx } from '../shared/db/state-db.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import {
  canEndAs,
  ended,
  endedByNox,
  type Ending,
  hasVoted,
  heldEnding,
  holding,
  isSamePerson,
  staleEnding,
  undone,
  withVote,
} from './approval-state.js';
import * as store from './approval-store.js';
import type { HistoryPump } from './history-pump.js';
import type { Ledger } from './ledger/ledger.service.js';
import type { ApprovalSettings } from './ports.js';
import { decisionOf, denial } from './request.js';
import type { WaitingRoom } from './waiting-room.js';

const RETRY_MS = 5000;

/** A person's word for a request, and for how long it may be taken back. */
export interface Word {
  readonly ending: Ending & {
    readonly status: 'approved' | 'denied';
    readonly decided_by: string;
    readonly channel: string;
  };
  readonly hold_ms: number;
}

interface Parts {
  readonly db: StateDb;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly room: WaitingRoom;
  readonly pump: HistoryPump;
  readonly settings: ApprovalSettings;
}

/**
 * How requests end. Each step is one transaction with its link of the ledger and its event, and the call hears of an
 * end only when that is durable. What is critical ends as approved only by as many different people as it needs.
 */
export class Decisions {
  private readonly logger = new Logger(Decisions.name);
  /** The request that an agent's parked call waits for has ended. */
  onUnparked: (agent_id: string) => void = () => undefined;
  /** Whether the parked call of a turn has yet to come back. */
  stillComesBack: (turn_id: string) => boolean = () => false;

  constructor(private readonly parts: Parts) {}

  /**
   * Takes a person's word: a vote while others must approve too, then the decision, held back while it may be undone.
   * Rejects with APPROVAL_ALREADY_DECIDED, or SECOND_PERSON_NEEDED for a second word of the same person.
   */
  async take(id: string, { ending, hold_ms }: Word): Promise<Approval> {
    const { db, clock, room } = this.parts;
    const { approval, won } = await db.write((tx) => {
      const stored = store.readApproval(tx, id);
      const { approval: before, expires_ms } = stored;
      if (!canEndAs(before.status, ending.status) || before.held !== undefined) return { approval: before, won: false };
      const stale = staleEnding(expires_ms, clock.now(), before.status === 'parked' || room.isWaiting(id));
      if (stale !== null) return { approval: this.endIn(tx, stored, stale), won: false };
      const voted = ending.status === 'approved' ? this.voteIn(tx, before, ending) : { approval: before, enough: true };
      if (!voted.enough) return { approval: voted.approval, won: true };
      const current = { approval: voted.approval, expires_ms };
      return {
        approval: hold_ms > 0 ? this.holdIn(tx, current, ending, hold_ms) : this.endIn(tx, current, ending),
        won: true,
      };
    });
    if (won) return approval;
    throw alreadyDecided(approval);
  }

  /** Ends a request by a rule; null when it has ended, is stale, or a person has spoken. */
  rule(id: string, ending: Ending): Promise<Approval | null> {
    const { db, clock, room } = this.parts;
    return db.write((tx) => {
      const stored = store.readApproval(tx, id);
      const { status, held } = stored.approval;
      // A person's word stands before a rule that came later.
      if (!canEndAs(status, ending.status) || held !== undefined) return null;
      const stale = staleEnding(stored.expires_ms, clock.now(), status === 'parked' || room.isWaiting(id));
      const after = this.endIn(tx, stored, stale ?? ending);
      return stale === null ? after : null;
    });
  }

  /** Takes back what this person, or another, has said, as long as no call has heard of it. Rejects with INVALID_STATE. */
  undo(id: string, actor: Actor): Promise<Approval> {
    return this.parts.db.write((tx) => {
      const { approval, expires_ms } = store.readApproval(tx, id);
      this.assertUndoable(tx, approval, expires_ms, actor);
      const after = undone(approval, actor.name);
      store.updateApproval(tx, after);
      this.parts.ledger.append(tx, 'undone', { ...after, decided_by: actor.name });
      this.parts.events.appendIn(tx, 'approval.updated', { approval: after }, after.agent_id);
      tx.afterCommit(() => this.arm());
      return after;
    });
  }

  /** Stores the end and lets the call hear of it afterwards. */
  endIn(tx: Tx, { approval }: store.Stored, ending: Ending): Approval {
    const { clock, ledger, events, room, pump } = this.parts;
    const after = ended(approval, ending, clock.iso());
    store.updateApproval(tx, after);
    // A parked call that has come back and waits hears of this end: that is its one answer.
    if (approval.status === 'pending' && approval.parked_at !== undefined) store.takeGrant(tx, after.id, clock.now());
    ledger.append(tx, ending.status, after);
    const type =
      `approval.${ending.status === 'expired' || ending.status === 'cancelled' ? ending.status : 'decided'}` as const;
    events.appendIn(tx, type, { approval: after }, after.agent_id);
    tx.afterCommit(() => {
      room.release(after.id, decisionOf(after));
      // No process of the agent waits for an installation.
      if (approval.status === 'parked' && approval.request_type !== 'mcp_installation') this.onUnparked(after.agent_id);
      pump.nudge();
    });
    return after;
  }

  /** Ends what is meant; calls that wait are denied even if that cannot be stored. */
  async endPending(filter: store.PendingFilter, ending: Ending): Promise<Approval[]> {
    const { db, room, clock } = this.parts;
    try {
      return await db.write((tx) => store.pendingApprovals(tx, filter).map((stored) => this.endIn(tx, stored, ending)));
    } catch (error) {
      this.logger.error(`Ended requests could not be stored as ${ending.status}: ${messageOf(error)}`);
      for (const id of room.matching(filter)) room.release(id, denial(`Not stored: ${ending.reason}`, 'nox', id));
      const closing = error instanceof NoxError && error.code === 'SHUTTING_DOWN';
      if (ending.status === 'expired' && !closing) room.arm(clock.now() + RETRY_MS);
      return [];
    }
  }

  /** What is due now: decisions that can no longer be undone, then expiries. */
  async due(): Promise<void> {
    const now_ms = this.parts.clock.now();
    if (store.heldUntil(this.parts.db, now_ms).length > 0) await this.tellHeld(now_ms);
    await this.endPending({ expired_at_ms: now_ms, parked: true }, endedByNox('expired', 'nobody decided in time'));
    this.arm();
  }

  /** Sets the timer for what no living call waits for. */
  arm(): void {
    const { db, clock, room } = this.parts;
    const at_ms = store.nextDue(db);
    if (at_ms === null) return;
    const now_ms = clock.now();
    room.arm(at_ms > now_ms ? at_ms : now_ms + RETRY_MS);
  }

  private async tellHeld(now_ms: number): Promise<void> {
    const { db, room } = this.parts;
    try {
      await db.write((tx) => {
        for (const stored of store.heldUntil(tx, now_ms)) {
          const { id, status, held } = stored.approval;
          if (held === undefined) continue;
          // The grace ends no later than the request; a call that is gone meanwhile is not approved after all.
          const waits = status === 'parked' || room.isWaiting(id);
          this.endIn(tx, stored, waits ? heldEnding(held) : endedByNox('cancelled', 'the call no longer waits'));
        }
      });
    } catch (error) {
      this.logger.error(`Held decisions could not be stored: ${messageOf(error)}`);
    }
  }

  private holdIn(tx: Tx, { approval, expires_ms }: store.Stored, ending: Word['ending'], hold_ms: number): Approval {
    const { clock, ledger, events } = this.parts;
    const until_ms = Math.min(clock.now() + hold_ms, expires_ms);
    const after = holding(approval, ending, clock.iso(), clock.iso(until_ms));
    store.updateApproval(tx, after);
    const { decided_by, channel, reason } = ending;
    ledger.append(tx, 'held', { ...after, decided_by, channel, reason });
    events.appendIn(tx, 'approval.updated', { approval: after }, after.agent_id);
    tx.afterCommit(() => this.arm());
    return after;
  }

  /** Adds an approval where more than one is needed. `enough` says that this was the last one. */
  private voteIn(tx: Tx, before: Approval, ending: Word['ending']): { approval: Approval; enough: boolean } {
    const { clock, ledger, events, settings } = this.parts;
    const risk_level = ending.risk_level ?? before.risk_level;
    const needed = risk_level === 'critical' ? (settings.critical_needs?.() ?? 1) : 1;
    if (needed <= 1) return { approval: before, enough: true };
    const { decided_by: by, channel, reason, updated_input_sha256 } = ending;
    const vote: Vote = {
      by,
      at: clock.iso(),
      channel,
      reason,
      input_sha256: updated_input_sha256 ?? before.input_sha256,
    };
    if (hasVoted(before, vote)) throw new NoxError('SECOND_PERSON_NEEDED', undefined, { approval: before });
    const votes = withVote(before, vote);
    const approval = { ...before, approvals_needed: needed, votes };
    ledger.append(tx, 'voted', {
      ...approval,
      decided_by: by,
      channel,
      reason,
      ...(updated_input_sha256 === undefined ? {} : { updated_input_sha256 }),
    });
    if (votes.length >= needed) return { approval, enough: true };
    store.updateApproval(tx, approval);
    events.appendIn(tx, 'approval.updated', { approval }, approval.agent_id);
    return { approval, enough: false };
  }

  private assertUndoable(tx: Tx, approval: Approval, expires_ms: number, actor: Actor): void {
    const { status, held, votes = [], channel, parked_at, turn_id } = approval;
    if (held !== undefined) return;
    if (status === 'pending' || status === 'parked') {
      if (votes.some(({ by }) => isSamePerson(by, actor.name))) return;
      throw new NoxError('INVALID_STATE', 'There is no decision of this request to undo.');
    }
    const by_person = (status === 'approved' || status === 'denied') && channel !== 'policy' && channel !== 'nox';
    const untold = parked_at !== undefined && !store.isAnswered(tx, approval.id);
    const comes_back = turn_id !== null && this.stillComesBack(turn_id);
    if (by_person && untold && comes_back && expires_ms > this.parts.clock.now()) return;
    throw new NoxError('INVALID_STATE', `The call has been told that it is ${status}; that cannot be undone.`, {
      approval,
    });
  }
}

function alreadyDecided(approval: Approval): NoxError {
  const { held, status, decided_by } = approval;
  const by = held?.decided_by ?? decided_by;
  const words = `This request is already ${held?.status ?? status}${by === null ? '' : ` by ${by}`}.`;
  return new NoxError('APPROVAL_ALREADY_DECIDED', words, { approval });
}
