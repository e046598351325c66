import { Logger } from '@nestjs/common';
import type { Approval } from '../contracts/approval.js';
import type { EventLog } from '../events/event-log.js';
import type { Clock } from '../shared/clock.js';
import type { StateDb, Tx } from '../shared/db/state-db.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { ended, endedByNox, type Ending, isEnd } from './approval-state.js';
import { expiryOf } from './attention/ladder.js';
import * as store from './approval-store.js';
import { bindingHash } from './binding-hash.js';
import type { Decisions } from './decisions.js';
import type { GatedCall, GateDecision } from './gate.js';
import type { HistoryPump } from './history-pump.js';
import type { Ledger } from './ledger/ledger.service.js';
import type { Parking } from './parking.js';
import type { Judgement, PolicyJudge } from './policy/judge.js';
import type { ApprovalSettings } from './ports.js';
import { decisionOf, denial, MAX_INPUT_BYTES, newApproval, sizeOf } from './request.js';
import type { WaitingRoom } from './waiting-room.js';

interface Parts {
  readonly db: StateDb;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly settings: ApprovalSettings;
  readonly ledger: Ledger;
  readonly room: WaitingRoom;
  readonly pump: HistoryPump;
  readonly judge: PolicyJudge;
  readonly decisions: Decisions;
  readonly parking: Parking;
}

/** The side of the call: judged, asked about, waited for, and let go on. Whatever fails, the call is denied. */
export class Asking {
  private readonly logger = new Logger('Approvals');

  constructor(private readonly parts: Parts) {}

  async decide(call: GatedCall, signal: AbortSignal, onPending: (approval_id: string) => void): Promise<GateDecision> {
    try {
      const back = store.parkedCall(this.parts.db, call.agent_id, call.tool_use_id);
      const decision =
        back !== undefined && back.approval.input_sha256 === bindingHash(call)
          ? await this.comeBack(call, back, signal, onPending)
          : await this.rule(call, asAsked(call, await this.parts.judge.judge(call)), signal, onPending);
      if (decision.behavior !== 'allow' || !signal.aborted) return decision;
      return denial('The call no longer waits.', 'nox', decision.approval_id);
    } catch (error) {
      this.logger.error(`A call of ${call.agent_id} is denied, because it could not be checked: ${messageOf(error)}`);
      return denial('Nox could not check this call, so it may not run.', 'nox', null);
    }
  }

  /**
   * Asks for something that no process waits for, as an installation. The request is parked from the start, so that it
   * outlives a restart; a rule may deny it at once. Whoever asks learns of its end by the events, and by `get`.
   */
  async request(call: GatedCall, also: (tx: Tx, approval: Approval) => void): Promise<Approval> {
    if (sizeOf(call.input) > MAX_INPUT_BYTES)
      throw new NoxError('VALIDATION_ERROR', `The request is larger than ${MAX_INPUT_BYTES / 1_048_576} MiB.`);
    const judged = asAsked(call, await this.parts.judge.judge(call));
    const now_ms = this.parts.clock.now();
    const expires_ms = this.expiryOf(judged.risk, now_ms);
    const [at, expires_at] = [this.parts.clock.iso(now_ms), this.parts.clock.iso(expires_ms)];
    const asked: Approval = {
      ...newApproval(call, judged.risk, at, expires_at),
      ...this.peopleFor(judged.risk),
      status: 'parked',
      parked_at: at,
    };
    const ending = ruledEnding(judged);
    return this.parts.db.write((tx) => {
      store.insertApproval(tx, { approval: asked, expires_ms });
      this.parts.ledger.append(tx, 'requested', asked);
      this.parts.events.appendIn(tx, 'approval.requested', { approval: asked }, asked.agent_id);
      also(tx, asked);
      tx.afterCommit(() => this.parts.decisions.arm());
      return ending === null ? asked : this.parts.decisions.endIn(tx, { approval: asked, expires_ms }, ending);
    });
  }

  /** Answers at once what rules or Nox's own knowledge decide; the rest is asked. */
  private async rule(
    call: GatedCall,
    judged: Judgement,
    signal: AbortSignal,
    onPending: (approval_id: string) => void,
  ): Promise<GateDecision> {
    const { effect, rule_id, reason } = judged.verdict;
    if (effect === 'ask' || call.requires_user_interaction) return this.ask(call, judged, signal, onPending);
    if (effect === 'allow' && rule_id === null) return { behavior: 'allow', by: 'policy', reason, approval_id: null };
    const ending = ruledEnding(judged);
    if (ending === null || sizeOf(call.input) > MAX_INPUT_BYTES) return this.ask(call, judged, signal, onPending);
    const now_ms = this.parts.clock.now();
    const at = this.parts.clock.iso(now_ms);
    const approval = ended(newApproval(call, judged.risk, at, at), ending, at);
    await this.parts.db.write((tx) => {
      store.insertApproval(tx, { approval, expires_ms: now_ms });
      this.parts.ledger.append(tx, ending.status, approval);
      this.parts.events.appendIn(tx, 'approval.decided', { approval }, approval.agent_id);
      tx.afterCommit(() => this.parts.pump.nudge());
    });
    return decisionOf(approval);
  }

  private async ask(
    call: GatedCall,
    { risk, verdict, policy_version }: Judgement,
    signal: AbortSignal,
    onPending: (approval_id: string) => void,
  ): Promise<GateDecision> {
    if (sizeOf(call.input) > MAX_INPUT_BYTES) {
      return denial(`The input is larger than ${MAX_INPUT_BYTES / 1_048_576} MiB; nobody could check it.`, 'nox', null);
    }
    const requested_ms = this.parts.clock.now();
    const expires_ms = this.expiryOf(risk, requested_ms);
    const reasons =
      verdict.rule_id === null ? risk.reasons : [`rule ${verdict.rule_id}: ${verdict.reason}`, ...risk.reasons];
    const times = [this.parts.clock.iso(requested_ms), this.parts.clock.iso(expires_ms)] as const;
    const approval: Approval = {
      ...newApproval(call, { ...risk, reasons }, ...times),
      policy_version,
      ...this.peopleFor(risk),
    };
    const { agent_id } = approval;
    const store_it = (tx: Tx): void => {
      store.insertApproval(tx, { approval, expires_ms });
      this.parts.ledger.append(tx, 'requested', approval);
      this.parts.events.appendIn(tx, 'approval.requested', { approval }, agent_id);
    };
    return this.wait(call, { approval, expires_ms }, store_it, signal, onPending);
  }

  /** A parked call has come back: it gets its answer, once, or waits on. */
  private async comeBack(
    call: GatedCall,
    back: store.Stored,
    signal: AbortSignal,
    onPending: (approval_id: string) => void,
  ): Promise<GateDecision> {
    const { id } = back.approval;
    if (!isEnd(back.approval.status)) {
      const store_it = (tx: Tx): void => {
        const { approval } = store.readApproval(tx, id);
        if (approval.status !== 'parked') throw new NoxError('INVALID_STATE', 'This call has ended meanwhile.');
        const after: Approval = { ...approval, status: 'pending' };
        store.updateApproval(tx, after);
        this.parts.events.appendIn(tx, 'approval.requested', { approval: after }, after.agent_id);
      };
      try {
        return await this.wait(call, back, store_it, signal, onPending);
      } catch (error) {
        // Decided in that very moment: then it gets that answer.
        const now = store.readApproval(this.parts.db, id);
        if (!isEnd(now.approval.status)) throw error;
        return this.comeBack(call, now, signal, onPending);
      }
    }
    // From here on nobody can undo it: the answer is taken in the same step in which it is read.
    const told = await this.parts.db.write((tx) => {
      const { approval } = store.readApproval(tx, id);
      return { approval, first: isEnd(approval.status) && store.takeGrant(tx, id, this.parts.clock.now()) };
    });
    if (!isEnd(told.approval.status))
      return this.comeBack(call, { ...back, approval: told.approval }, signal, onPending);
    const decision = decisionOf(told.approval);
    if (decision.behavior !== 'allow' || told.first) return decision;
    return denial('This approval has been used already.', 'nox', id);
  }

  private async wait(
    call: GatedCall,
    { approval, expires_ms }: store.Stored,
    store_it: (tx: Tx) => void,
    signal: AbortSignal,
    onPending: (approval_id: string) => void,
  ): Promise<GateDecision> {
    const { id, agent_id, turn_id } = approval;
    // It waits already when listeners hear of it: one of them may decide at once.
    const decided = this.parts.room.enter(id, { agent_id, turn_id, expires_ms, signal });
    const cancel = (): void =>
      void this.parts.decisions.endPending({ id }, endedByNox('cancelled', 'the call no longer waits'));
    let stopParking: () => void = () => undefined;
    try {
      await this.parts.db.write(store_it);
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
      onPending(id);
      stopParking = this.parts.parking.later(call, id);
      const decision = await decided;
      if (decision.behavior !== 'allow' || bindingHash(call) === approval.input_sha256) return decision;
      return denial('The call changed while it waited.', 'nox', id);
    } catch (error) {
      cancel();
      this.parts.room.release(id, denial('Nox could not ask for it.', 'nox', id));
      throw error;
    } finally {
      stopParking();
      signal.removeEventListener('abort', cancel);
    }
  }

  private expiryOf({ level }: Judgement['risk'], requested_ms: number): number {
    const { settings } = this.parts;
    return expiryOf(settings.attention?.(), level, requested_ms, settings.ask_expires_after_s());
  }

  /** How many people must approve, where one is not enough. */
  private peopleFor({ level }: Judgement['risk']): Partial<Approval> {
    const needed = level === 'critical' ? (this.parts.settings.critical_needs?.() ?? 1) : 1;
    return needed > 1 ? { approvals_needed: needed } : {};
  }
}

/** How a rule ends a request; null when it is for a person to say. */
export function ruledEnding({ verdict, policy_version }: Judgement): Ending | null {
  if (verdict.effect === 'ask' || (verdict.effect === 'allow' && verdict.rule_id === null)) return null;
  return {
    status: verdict.effect === 'allow' ? 'approved' : 'denied',
    decided_by: 'policy',
    channel: 'policy',
    reason: verdict.reason === '' ? `rule ${verdict.rule_id ?? ''}` : verdict.reason,
    rule_id: verdict.rule_id,
    policy_version,
  };
}

/** What Nox itself asks for is judged by who asks; a rule can only forbid it. */
function asAsked({ asked }: GatedCall, judged: Judgement): Judgement {
  if (asked === undefined || judged.verdict.effect === 'deny') return judged;
  return { ...judged, risk: asked.risk, verdict: { ...judged.verdict, effect: 'ask' } };
}
