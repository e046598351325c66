import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import type {
  Approval,
  ApprovalGroup,
  ApprovalList,
  ApproveRequest,
  DenyRequest,
  GroupDecision,
  GroupDecisionRequest,
} from '../contracts/approval.js';
import type { Actor } from '../contracts/auth.js';
import type { Turn } from '../contracts/turn.js';
import { EventLog } from '../events/event-log.js';
import { Clock } from '../shared/clock.js';
import { StateDb, type Tx } from '../shared/db/state-db.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { type Edit, endedByNox, staleEnding } from './approval-state.js';
import { answeredInput, assertAnswered } from './answers.js';
import * as store from './approval-store.js';
import { Asking, ruledEnding } from './asking.js';
import { Decisions } from './decisions.js';
import { ApprovalGate, type GatedCall, type GateDecision } from './gate.js';
import { HistoryPump } from './history-pump.js';
import { Inbox } from './inbox.js';
import { Ledger } from './ledger/ledger.service.js';
import { Parking } from './parking.js';
import { ApprovalHistory, ApprovalSettings, Backlog } from './ports.js';
import { PolicyJudge } from './policy/judge.js';
import { validationProblem } from './problem.js';
import { RealPaths } from './real-paths.js';
import { askedOf, editOf } from './request.js';
import { WaitingRoom } from './waiting-room.js';

const MAX_RESULT_CHARS = 65_536;

/** What is known of an approved call after it ran, or did not. */
export interface Execution {
  readonly executed: boolean;
  readonly result: string | null;
}

/** What a channel that is no request of the API says about itself. */
type Said<T> = Omit<T, 'channel'> & { readonly channel: string };

/**
 * Holds risky calls until somebody decides. Contract:
 * - A request is on the disk before anybody sees it, and its end before the call goes on.
 * - It ends once: approved, denied, expired or cancelled; the first word wins, later ones get APPROVAL_ALREADY_DECIDED.
 * - Only a call that still waits can be approved, and an approval is good for that one call with those very bytes.
 * - Whatever fails, the call is denied.
 */
@Injectable()
export class ApprovalsService extends ApprovalGate {
  private readonly logger = new Logger(ApprovalsService.name);
  private readonly room: WaitingRoom;
  private readonly pump: HistoryPump;
  private readonly decisions: Decisions;
  private readonly parking: Parking;
  private readonly inbox: Inbox;
  private readonly asking: Asking;
  /** How many requests wait, by agent; asked for each time an agent is shown. */
  private pending: ReturnType<typeof store.countPending> | undefined;

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(ApprovalSettings) private readonly settings: ApprovalSettings,
    @Inject(ApprovalHistory) history: ApprovalHistory,
    @Optional() @Inject(RealPaths) private readonly paths: RealPaths = new RealPaths(),
    @Optional() @Inject(PolicyJudge) private readonly judge: PolicyJudge = new PolicyJudge(clock),
    @Optional() @Inject(Ledger) private readonly ledger: Ledger = new Ledger(db, clock),
  ) {
    super();
    this.room = new WaitingRoom(clock, () => {
      this.decisions.due().catch((error: unknown) => this.logger.error(`What is due waits on: ${messageOf(error)}`));
    });
    this.pump = new HistoryPump(db, history);
    const { room, pump } = this;
    this.decisions = new Decisions({ db, events, clock, ledger, room, pump, settings });
    this.parking = new Parking({ db, events, clock, ledger, room, settings, arm: () => this.decisions.arm() });
    this.inbox = new Inbox(db, clock);
    const { decisions, parking } = this;
    this.asking = new Asking({ db, events, clock, settings, ledger, room, pump, judge, decisions, parking });
    // Each change of a request is told by an event of the same transaction.
    events.subscribe((event) => {
      if (event.type.startsWith('approval.')) this.pending = undefined;
      if (event.type === 'turn.ended') this.closeUntold(event.payload.turn);
    });
  }

  /** Set by whoever runs the turns: the request that an agent's parked call waits for has ended. */
  set onUnparked(fn: (agent_id: string) => void) {
    this.decisions.onUnparked = fn;
  }
  /** Set by whoever runs the turns: whether the parked call of a turn has yet to come back. */
  set stillComesBack(fn: (turn_id: string) => boolean) {
    this.decisions.stillComesBack = fn;
  }
  /** Given at wiring: what waits behind requests. */
  set backlog(backlog: Backlog) {
    this.inbox.backlog = backlog;
  }

  override decide(
    call: GatedCall,
    signal: AbortSignal,
    onPending: (approval_id: string) => void,
  ): Promise<GateDecision> {
    return this.asking.decide(call, signal, onPending);
  }

  /**
   * Asks for something that no process waits for, as an installation. The request is parked from the start, so that it
   * outlives a restart; a rule may deny it at once. Whoever asks learns of its end by the events, and by `get`.
   */
  request(call: GatedCall, also: (tx: Tx, approval: Approval) => void): Promise<Approval> {
    return this.asking.request(call, also);
  }

  /** Cancels one request that waits; nothing happens to one that has ended. */
  async withdraw(id: string, reason: string): Promise<void> {
    await this.decisions.endPending({ id, parked: true }, endedByNox('cancelled', reason));
  }

  /**
   * Approves a waiting request, as asked or with another input; one of several people, where more must. Rejects with
   * APPROVAL_ALREADY_DECIDED, SECOND_PERSON_NEEDED and the like.
   */
  async approve(id: string, request: Said<ApproveRequest>, actor: Actor): Promise<Approval> {
    mayDecide(actor);
    const { channel, undo_s } = request;
    const edit = this.editBy(store.readApproval(this.db, id).approval, request);
    const said = { decided_by: actor.name, channel, reason: request.reason ?? null };
    const ending = { status: 'approved' as const, ...said, ...edit };
    return this.decisions.take(id, { ending, hold_ms: this.holdMs(channel, undo_s) });
  }

  /** Denies a waiting request; the agent reads the reason. One person is enough. Rejects like `approve`. */
  async deny(id: string, { reason, channel, undo_s }: Said<DenyRequest>, actor: Actor): Promise<Approval> {
    mayDecide(actor);
    const ending = { status: 'denied' as const, decided_by: actor.name, channel, reason: reason ?? null };
    return this.decisions.take(id, { ending, hold_ms: this.holdMs(channel, undo_s) });
  }

  /** Decides identical requests together, each for itself. Rejects with APPROVAL_NOT_FOUND when none of them waits. */
  async decideGroup(
    key: string,
    decision: 'approve' | 'deny',
    { ids, ...request }: GroupDecisionRequest,
    actor: Actor,
  ): Promise<GroupDecision> {
    mayDecide(actor);
    const waiting = store.waitingOfGroup(this.db, key);
    if (waiting.length === 0) throw new NoxError('APPROVAL_NOT_FOUND', 'No request of this group waits.');
    const members = ids === undefined ? waiting : store.ofGroup(this.db, key, ids);
    const decided: Approval[] = [];
    const failed: GroupDecision['failed'] = [];
    const words = members.map(async ({ id, agent_id }) => {
      try {
        decided.push(await this[decision](id, request, actor));
      } catch (error) {
        const code = error instanceof NoxError ? error.code : 'INTERNAL_SERVER_ERROR';
        failed.push({ id, agent_id, code, message: messageOf(error) });
      }
    });
    await Promise.all(words);
    return { decided, failed };
  }

  /** Takes a decision back before its call has heard of it. Rejects with INVALID_STATE. */
  async undo(id: string, actor: Actor): Promise<Approval> {
    mayDecide(actor);
    return this.decisions.undo(id, actor);
  }

  /** Throws APPROVAL_NOT_FOUND. */
  get(id: string): Approval {
    return this.inbox.get(id);
  }

  list(query: store.Page & { readonly sort?: 'rank' | 'age' }): ApprovalList {
    return this.inbox.list(query);
  }

  /** What waits, identical requests together, the most urgent first. */
  groups(): ApprovalGroup[] {
    return this.inbox.groups();
  }

  /** What processes of an agent wait for; without one, whatever waits for a person. */
  pendingCount(agent_id?: string): number {
    this.pending ??= store.countPending(this.db);
    return agent_id === undefined ? this.pending.total : (this.pending.by_agent.get(agent_id) ?? 0);
  }

  /** Cancels what a turn waits for. Never rejects: the calls are denied also when the disk refuses. */
  cancelForTurn(turn_id: string, reason = 'the turn ended'): Promise<Approval[]> {
    return this.decisions.endPending({ turn_id, parked: true }, endedByNox('cancelled', reason));
  }

  /** Cancels what an agent waits for. Never rejects: the calls are denied also when the disk refuses. */
  cancelForAgent(agent_id: string, reason = 'the agent stopped'): Promise<Approval[]> {
    return this.decisions.endPending({ agent_id, parked: true, of_process: true }, endedByNox('cancelled', reason));
  }

  /** Notes what became of an approved call; other calls, and second notes, change nothing. */
  async recordExecution(tool_use_id: string, agent_id: string, execution: Execution): Promise<Approval | undefined> {
    if (store.approvedCall(this.db, agent_id, tool_use_id) === undefined) return undefined;
    const approval = await this.db.write((tx) => {
      const before = store.approvedCall(tx, agent_id, tool_use_id);
      if (before === undefined || before.executed !== null) return undefined;
      const result = execution.result?.slice(0, MAX_RESULT_CHARS) ?? null;
      const after: Approval = { ...before, executed: execution.executed, result };
      store.updateApproval(tx, after);
      this.ledger.append(tx, 'executed', after);
      this.events.appendIn(tx, 'approval.executed', { approval: after }, agent_id);
      return after;
    });
    if (approval !== undefined) this.pump.nudge();
    return approval;
  }

  /** What a turn that has ended did not tell about its approved calls, nobody will: that is noted instead of an outcome. */
  private closeUntold({ id, blocks, reason }: Turn): void {
    if (!blocks.some((block) => block.type === 'tool' && block.tool.result === null)) return;
    const result = `Whether it ran is not known: ${reason ?? 'the turn ended without a word about it'}`;
    this.db
      .write((tx) => {
        for (const before of store.untoldCalls(tx, id)) {
          const after: Approval = { ...before, result };
          store.updateApproval(tx, after);
          this.ledger.append(tx, 'executed', after);
          this.events.appendIn(tx, 'approval.executed', { approval: after }, before.agent_id);
        }
      })
      .then(
        () => this.pump.nudge(),
        (error: unknown) => this.logger.error(`The outcome of calls of ${id} was not noted: ${messageOf(error)}`),
      );
  }

  /** How many requests of an agent, or of a turn of it, are parked. */
  parkedCount(agent_id: string, turn_id: string | null = null): number {
    return store.countParked(this.db, agent_id, turn_id);
  }

  /** Parks every waiting call that can be, as before a shutdown. Answers the agents whose calls were. */
  parkAll(): Promise<string[]> {
    return this.parking.parkAll();
  }

  /** The policy has changed: what waits is judged anew. */
  async reconsider(): Promise<Approval[]> {
    const changed: Approval[] = [];
    for (const { approval } of store.pendingApprovals(this.db, { parked: true })) {
      if (approval.request_type !== 'tool_use') continue;
      const judged = await this.judge.judge(askedOf(approval));
      const ending = ruledEnding(judged);
      if (ending === null) continue;
      const ruled = await this.decisions.rule(approval.id, ending);
      if (ruled !== null) changed.push(ruled);
    }
    return changed;
  }

  /** At start: ends what an earlier Nox left waiting, and tells the history what it missed. */
  async recover(): Promise<Approval[]> {
    const now_ms = this.clock.now();
    const left = await this.db.write((tx) =>
      store
        .pendingApprovals(tx)
        .filter(({ approval }) => !this.room.isWaiting(approval.id))
        .map((stored) => {
          const expired = staleEnding(stored.expires_ms, now_ms, true);
          return this.decisions.endIn(tx, stored, expired ?? endedByNox('cancelled', 'Nox restarted'));
        }),
    );
    this.pump.nudge();
    this.decisions.arm();
    return left;
  }

  /** Resolves when the history knows every end that it can be told. */
  idle(): Promise<void> {
    return this.pump.idle();
  }

  private editBy(
    approval: Approval,
    { updated_input, answers }: Pick<ApproveRequest, 'updated_input' | 'answers'>,
  ): Edit {
    const resolve = this.paths.from(approval.cwd);
    if (updated_input === undefined) assertAnswered(approval, answers);
    if (answers === undefined) return updated_input === undefined ? {} : editOf(approval, updated_input, resolve);
    if (updated_input !== undefined) throw validationProblem('answers', 'cannot stand beside updated_input');
    const { reasons: _, ...edit } = editOf(approval, answeredInput(approval, answers), resolve);
    return edit;
  }

  private holdMs(channel: string, undo_s: number | undefined): number {
    const by_hand = channel === 'dashboard' || channel === 'link';
    return (undo_s ?? (by_hand ? (this.settings.undo_s?.() ?? 0) : 0)) * 1000;
  }
}

/** Whoever asks for a permission cannot give it. */
function mayDecide(actor: Actor): void {
  if (/^agent:/i.test(actor.name)) throw new NoxError('FORBIDDEN', 'Agents cannot decide requests for approval.');
  if (actor.role === 'viewer')
    throw new NoxError('FORBIDDEN', 'Only operators and admins decide requests for approval.');
}
