import { Inject, Injectable } from '@nestjs/common';
import { canTakePrompts, isAtRest } from '../agents/agent-state.js';
import { Fleet } from '../agents/fleet.js';
import { LogBook } from '../agents/log-book.js';
import { RunStore } from '../agents/run-store.js';
import type { RuntimeEvent, ToolCall, ToolDecision } from '../agents/runtime/runtime.js';
import { type AgentWork, RunObserver } from '../agents/run-observer.js';
import { ApprovalsService } from '../approvals/approvals.service.js';
import type { Actor } from '../contracts/auth.js';
import type { Turn } from '../contracts/turn.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import type { Tx } from '../shared/db/state-db.js';
import { failpoint } from '../shared/failpoint.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { QuotaService } from './quota.service.js';
import { TurnBook } from './turn-book.js';
import { TurnPump } from './turn-pump.js';
import { type Mail, NoMail } from './mail.js';
import { ParkedTurns } from './parked-turns.js';
import { TurnMail } from './turn-mail.js';
import { interruptedEnd } from './turn-reducer.js';
import type { OpenTurn } from './open-turn.js';
import { TurnScribe } from './turn-scribe.js';
import { cutShort, TurnSettler } from './turn-settler.js';
import { TurnStore } from './turn-store.js';

/**
 * Prompts and turns. Contract: a turn is in the journal before its prompt is written and before anyone is told of it;
 * one turn owns the pipe of an agent, the others wait in order; every turn ends exactly once, whatever dies.
 */
@Injectable()
export class SessionsService extends RunObserver {
  private readonly book: TurnBook;
  private readonly pipes: TurnPump;
  private readonly scribe: TurnScribe;
  private readonly turn_mail: TurnMail;
  private readonly parked: ParkedTurns;
  private readonly settler: TurnSettler;
  /** Set by wiring: messages of other agents and of people. */
  mail: Mail = new NoMail();
  /** Set by wiring: failures of work that nobody waits for. */
  warn: (message: string, fields: object) => void = () => undefined;

  constructor(
    @Inject(TurnStore) private readonly turns: TurnStore,
    @Inject(Fleet) private readonly fleet: Fleet,
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(LogBook) private readonly logs: LogBook,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(QuotaService) private readonly quota: QuotaService,
  ) {
    super();
    const lost = (agent_id: string, what: string, error: unknown): void => this.lost(agent_id, what, error);
    const warn = (message: string, fields: object): void => this.warn(message, fields);
    const spent = (agent_id: string): void => quota.spent(agent_id);
    this.book = new TurnBook({ turns, clock, warn, spent });
    const mail = (): Mail => this.mail;
    const turn_mail = (): TurnMail => this.turn_mail;
    this.pipes = new TurnPump({ turns, book: this.book, fleet, runs, logs, quota, clock, mail, turn_mail, lost });
    const openTurn = (agent_id: string): OpenTurn | undefined => this.pipes.openTurn(agent_id);
    const interrupt = (agent_id: string, turn: OpenTurn): Promise<void> => this.pipes.interrupt(agent_id, turn);
    this.turn_mail = new TurnMail({ mail, fleet, approvals, logs, clock, openTurn, interrupt, lost });
    this.scribe = new TurnScribe({ turns, events, approvals, lost });
    const comeToRest = (agent_id: string): void => this.comeToRest(agent_id);
    const get = (turn_id: string): Turn => this.get(turn_id);
    const { book, pipes } = this;
    this.parked = new ParkedTurns({
      turns,
      book,
      pipes,
      turn_mail: this.turn_mail,
      fleet,
      approvals,
      registry,
      clock,
      get,
      comeToRest,
      lost,
    });
    const rest = (agent_id: string): void => this.parked.rest(agent_id);
    this.settler = new TurnSettler({
      turns,
      book,
      quota,
      turn_mail: this.turn_mail,
      clock,
      get,
      rest,
      comeToRest,
    });
    quota.onResume = (agent_id) => this.pipes.pump(agent_id);
    quota.isBusy = (agent_id) => this.pipes.isBusy(agent_id);
    quota.onChange = (agent_id) => this.show(agent_id);
    quota.onModelChange = (agent_id) => {
      this.tryAfresh(agent_id).catch((error: unknown) => this.lost(agent_id, 'resume', error));
    };
    approvals.onUnparked = (agent_id) => this.parked.unpark(agent_id);
    approvals.stillComesBack = (turn_id) => turns.get(turn_id)?.status === 'deferred';
    quota.onLost = (agent_id, error) => this.lost(agent_id, 'hold', error);
  }

  /** Queues a prompt. INVALID_STATE when the agent is stopped or failed: nobody would ever answer it. */
  async prompt(agent_id: string, content: string, actor: Actor, source: Turn['source'] = 'user'): Promise<Turn> {
    const { process_state } = this.fleet.get(agent_id);
    if (!canTakePrompts(process_state)) {
      const { reason } = this.fleet.describe(agent_id, null);
      const why = reason === undefined ? '' : ` (${reason})`;
      throw new NoxError('INVALID_STATE', `Agent ${agent_id} is ${process_state}${why}; start it first.`);
    }
    // A person knows better than a breaker.
    this.quota.release(agent_id, 'storm');
    // Whoever prompts again may have logged in meanwhile.
    if (this.quota.holdFor(agent_id, 'login') !== undefined) await this.tryAfresh(agent_id);
    const turn = await this.book.queue({ agent_id, prompt: content, source, actor: actor.name });
    const retired = this.retiredSince(agent_id);
    if (retired !== undefined) {
      const end = { status: 'cancelled', text: '', reason: retired, usage: null } as const;
      return (await this.book.finish(agent_id, turn.id, end)) ?? turn;
    }
    const hold = this.quota.hold(agent_id);
    if (hold !== undefined) {
      await this.turns.tellHold(turn.id, hold);
      return this.get(turn.id);
    }
    this.pipes.pump(agent_id);
    return turn;
  }

  /** There may be a message for the agent: it is handed over as far as the agent can take it; an unstored one only at rest. */
  nudge(agent_id: string, what: 'stored' | 'unstored' = 'stored'): void {
    if (what === 'stored' || this.pipes.isFree(agent_id)) this.pipes.pump(agent_id);
  }

  /** The agent seems to run away: its turn ends, and the next ones wait until then, or until a person prompts it. */
  async park(agent_id: string, reason: string, resume_ms: number, also: (tx: Tx) => void): Promise<void> {
    this.quota.park(agent_id, reason, resume_ms, also);
    const turn = this.pipes.openTurn(agent_id);
    if (turn !== undefined) await this.pipes.interrupt(agent_id, turn);
  }

  /** The turn that has the agent's pipe, and the messages that it reads. */
  current(agent_id: string): { readonly turn_id: string; readonly message_ids: readonly string[] } | undefined {
    const turn = this.pipes.openTurn(agent_id);
    if (turn === undefined) return undefined;
    return { turn_id: turn.id, message_ids: turn.parcels.flatMap(({ ids }) => ids) };
  }

  /**
   * FORBIDDEN unless the running turn holds this tool call and it was allowed: a program that does not ask first cannot
   * use what waits for a person.
   */
  assertAllowed(agent_id: string, tool_use_id: string | null, tool_name: string): void {
    const blocks = this.pipes.openTurn(agent_id)?.blocks ?? [];
    const found = blocks.some(
      (block) =>
        block.type === 'tool' &&
        block.tool.tool_use_id === tool_use_id &&
        block.tool.name === tool_name &&
        block.tool.decision === 'allow',
    );
    if (!found) throw new NoxError('FORBIDDEN', `The call of ${tool_name} has not been approved.`);
  }

  /** Resolves with the turn when it has ended, at once when it has; still queued when it waits for a person to log in. */
  ended(id: string): Promise<Turn> {
    const turn = this.get(id);
    if (turn.ended_at !== null) return Promise.resolve(turn);
    return this.book.waiters.wait(id);
  }

  /** Before a shutdown; see `ParkedTurns`. */
  parkAll(): Promise<void> {
    return this.parked.parkAll();
  }

  /** Nox shuts down: whoever waits for a turn is told so. Turns that wait run when it is back. */
  releaseWaiters(): void {
    this.book.waiters.release();
  }

  get(id: string): Turn {
    const turn = this.turns.get(id);
    if (turn === undefined) throw new NoxError('TURN_NOT_FOUND', `No turn has the id ${id}.`);
    return turn;
  }

  /** The newest turn that was for this task. */
  latestOfTask(task_id: string): Turn | undefined {
    return this.turns.latestOfTask(task_id);
  }

  conversation(
    agent_id: string,
    query: { limit: number; before?: string | undefined },
  ): { turns: Turn[]; has_more: boolean } {
    this.fleet.get(agent_id);
    return this.turns.page(agent_id, query.limit, query.before);
  }

  /**
   * Cancels a queued turn, interrupts a running one; a turn that has ended is INVALID_STATE. With `requeue` the messages that
   * it was reading are handed over again.
   */
  async cancel(id: string, actor: Actor, { requeue = false } = {}): Promise<Turn> {
    const { agent_id, status } = this.get(id);
    const open = this.pipes.openTurn(agent_id);
    if (status === 'running' && open?.id === id) {
      open.cancelled = true;
      open.requeue = requeue;
      await this.pipes.interrupt(agent_id, open);
      return this.ended(id);
    }
    const turn = await this.book.finish(agent_id, id, {
      status: 'cancelled',
      text: '',
      reason: `cancelled by ${actor.name}`,
      usage: null,
    });
    if (turn === undefined) throw new NoxError('INVALID_STATE', `Turn ${id} has ended already.`);
    await this.turn_mail.settleOf(agent_id, id, cutShort(`cancelled by ${actor.name}`, requeue));
    if (this.book.queuedCount(agent_id) === 0) this.quota.nothingWaits(agent_id);
    return turn;
  }

  /** After a start of Nox: turns that ran in an earlier one have ended; those that waited still wait. */
  async recover(): Promise<void> {
    this.quota.recover();
    await failpoint('recover.turns');
    for (const { id, agent_id } of this.turns.withStatus('running')) {
      const blocks = this.turns.get(id)?.blocks ?? [];
      if (await this.parked.deferIfParked(agent_id, id)) continue;
      await this.book.finish(agent_id, id, interruptedEnd(blocks, 'Nox ended while this turn ran'));
    }
    for (const { agent_id } of this.turns.withStatus('deferred')) this.parked.unpark(agent_id);
    for (const { agent_id } of this.turns.withStatus('queued')) {
      this.book.recount(agent_id);
      if (this.registry.agents().has(agent_id)) this.pipes.pump(agent_id);
      else await this.book.cancelQueued(agent_id, 'the agent was removed');
    }
  }

  // What the supervisor tells.

  onReady(agent_id: string): void {
    // A new process reads the login anew.
    this.quota.release(agent_id, 'login');
    if (this.quota.note(agent_id) !== undefined) this.show(agent_id);
    this.pipes.pump(agent_id);
  }

  onEvent(agent_id: string, event: RuntimeEvent): void {
    if (event.type === 'log') {
      this.logs.add(agent_id, event.stream, event.line);
      return;
    }
    if (event.type === 'rate_limit') {
      this.quota.limited(agent_id, event);
      return;
    }
    const turn = this.pipes.openTurn(agent_id);
    if (turn === undefined) return;
    if (event.type === 'text_delta') {
      this.quota.answered(agent_id);
      this.scribe.say(agent_id, turn, event.text);
      return;
    }
    this.scribe.flush(agent_id, turn);
    this.handle(agent_id, turn, event).catch((error: unknown) => this.lost(agent_id, event.type, error));
  }

  async onToolCall(agent_id: string, call: ToolCall, signal: AbortSignal): Promise<ToolDecision> {
    const turn = this.pipes.openTurn(agent_id) ?? (await this.parked.comeBack(agent_id));
    const supervisor = this.fleet.get(agent_id);
    let waits = false;
    try {
      const decision = await this.approvals.decide(
        {
          ...call,
          agent_id,
          turn_id: turn?.id ?? null,
          workspace: this.fleet.workspaceOf(agent_id),
          canPark: () => turn !== undefined && call.can_defer === true,
        },
        signal,
        (approval_id) => {
          waits = true;
          supervisor.setActivity(
            call.requires_user_interaction ? 'waiting_input' : 'waiting_approval',
            'tool question',
          );
          if (turn !== undefined) this.scribe.markPending(agent_id, turn, call, approval_id);
        },
      );
      if (decision.behavior === 'defer') return { behavior: 'defer' };
      if (turn !== undefined) {
        await this.scribe.tellDecision(agent_id, turn, call, decision);
        await this.turn_mail.steer(agent_id, turn).catch((error: unknown) => this.lost(agent_id, 'message', error));
      }
      return decision.behavior === 'allow'
        ? {
            behavior: 'allow',
            ...(decision.updated_input === undefined ? {} : { updated_input: decision.updated_input }),
          }
        : { behavior: 'deny', reason: decision.reason };
    } finally {
      if (waits && supervisor.process_state === 'running' && this.approvals.pendingCount(agent_id) === 0) {
        supervisor.setActivity(this.pipes.isOpen(agent_id) ? 'working' : 'idle', 'tool decision');
      }
    }
  }

  onEnded(agent_id: string, reason: string, expected: boolean): void {
    this.quota.answered(agent_id);
    const turn = this.pipes.openTurn(agent_id);
    if (turn === undefined) return;
    this.scribe.flush(agent_id, turn);
    this.pipes.close(agent_id);
    this.endedOpen(agent_id, turn, reason, expected).catch((error: unknown) => this.lost(agent_id, 'end', error));
  }

  /**
   * A process that ended after its call was parked and before it said so: the turn waits all the same, and so do its
   * messages. When Nox itself ends they stay as they are, too: the next start finds out what the agent has read.
   */
  private async endedOpen(agent_id: string, turn: OpenTurn, reason: string, expected: boolean): Promise<void> {
    if (await this.parked.deferIfParked(agent_id, turn.id)) return;
    await this.book.finish(agent_id, turn.id, interruptedEnd(turn.blocks, `the process ended: ${reason}`));
    if (this.fleet.is_closing) return;
    await this.turn_mail.settle(agent_id, turn, expected ? cutShort(reason, turn.requeue) : { kind: 'died', reason });
  }

  onCutShort(agent_id: string): void {
    const turn = this.pipes.openTurn(agent_id);
    if (turn !== undefined) turn.requeue = true;
  }

  onRetired(agent_id: string, reason: string, requeue = false): void {
    this.quota.release(agent_id);
    this.retire(agent_id, reason, requeue).catch((error: unknown) => this.lost(agent_id, 'cancel', error));
  }

  work(agent_id: string): AgentWork {
    const turn = this.pipes.openTurn(agent_id);
    return {
      current_turn_id: turn?.id ?? null,
      turn_started_ms: turn?.started_ms ?? null,
      running_tools: turn?.blocks.filter((block) => block.type === 'tool' && block.tool.result === null).length ?? 0,
      queued_turns: this.pipes.isParked(agent_id) ? 0 : this.book.queuedCount(agent_id),
      usage: this.book.usage(agent_id),
      mail_waits: !this.pipes.isParked(agent_id) && this.mail.waits(agent_id, 'idle'),
      note: this.note(agent_id),
    };
  }

  private async handle(
    agent_id: string,
    turn: OpenTurn,
    event: Exclude<RuntimeEvent, { type: 'log' | 'text_delta' | 'rate_limit' }>,
  ): Promise<void> {
    switch (event.type) {
      case 'turn_init':
        for (const name of event.failed_mcp) this.logs.add(agent_id, 'nox', `MCP server ${name} did not connect`);
        return;
      case 'prompt_state':
        if (event.state !== 'started') return;
        await this.turn_mail.received(turn, event.prompt_uuid);
        if (this.fleet.get(agent_id).activity === 'working')
          this.fleet.get(agent_id).setActivity('working', 'prompt receipt');
        await this.runs.markTranscript(agent_id);
        return;
      case 'text':
      case 'tool_call':
      case 'tool_result':
        if (event.type === 'tool_call') this.quota.calls(agent_id);
        else this.quota.answered(agent_id);
        await this.scribe.addBlock(agent_id, turn, event);
        return;
      case 'api_retry': {
        const { attempt, max_retries, delay_ms, error } = event;
        this.quota.retrying(agent_id, event);
        await this.events.append(
          'agent.api_retry',
          { turn_id: turn.id, attempt, max_retries, delay_ms, error },
          agent_id,
        );
        return;
      }
      case 'result': {
        this.pipes.close(agent_id);
        const missed = turn.parcels.findIndex(({ started }) => !started);
        if (missed >= 0) for (const parcel of turn.parcels.splice(missed, 1)) this.pipes.adopt(agent_id, parcel);
        try {
          await this.pipes.settled(agent_id, () => this.settler.settle(agent_id, turn, event));
        } finally {
          this.comeToRest(agent_id);
          this.pipes.pump(agent_id);
        }
      }
    }
  }

  private comeToRest(agent_id: string): void {
    const supervisor = this.fleet.get(agent_id);
    if (supervisor.process_state !== 'running' || this.pipes.isOpen(agent_id)) return;
    supervisor.setActivity(this.note(agent_id)?.activity ?? 'idle', 'result');
  }

  private note(agent_id: string): AgentWork['note'] {
    if (!this.pipes.isParked(agent_id)) return this.quota.note(agent_id);
    return { reason: 'a tool call waits for a decision', activity: 'parked' };
  }

  private async retire(agent_id: string, reason: string, requeue: boolean): Promise<void> {
    await this.approvals.cancelForAgent(agent_id, reason);
    for (const { id } of this.turns.withStatus('deferred', agent_id)) {
      await this.book.finish(agent_id, id, { status: 'cancelled', text: '', reason, usage: null });
      await this.turn_mail.settleOf(agent_id, id, cutShort(reason, requeue));
    }
    await this.book.cancelQueued(agent_id, reason);
  }

  /** After a person's act: what waits is tried by a fresh process, which reads login and model anew. */
  private async tryAfresh(agent_id: string): Promise<void> {
    this.quota.release(agent_id);
    await this.fleet.serially(agent_id, async () => {
      const { process_state, activity } = this.fleet.get(agent_id);
      if (process_state !== 'running' || !isAtRest(activity) || this.pipes.isOpen(agent_id)) return;
      await this.fleet.hibernate(agent_id, 'to read login and model anew');
    });
    this.pipes.pump(agent_id);
  }

  /** Tells how the agent is, when what its turns wait for has changed. */
  private show(agent_id: string): void {
    if (!this.registry.agents().has(agent_id)) return;
    const supervisor = this.fleet.get(agent_id);
    const activity = this.pipes.isOpen(agent_id)
      ? supervisor.activity
      : (this.quota.note(agent_id)?.activity ?? ('idle' as const));
    if (supervisor.process_state === 'running' && supervisor.activity !== activity)
      supervisor.setActivity(activity, 'quota');
    else supervisor.announce();
  }

  /** Why an agent takes no prompts any more that took them when the prompt was asked for. */
  private retiredSince(agent_id: string): string | undefined {
    if (!this.fleet.has(agent_id)) return 'the agent was removed';
    const { process_state } = this.fleet.get(agent_id);
    return canTakePrompts(process_state) ? undefined : `the agent is ${process_state}`;
  }

  /** An event that the journal refused was never shown; the agent goes on, a person is told. */
  private lost(agent_id: string, what: string, error: unknown): void {
    this.warn('an event of an agent was not dealt with', { agent_id, what, reason: messageOf(error) });
  }
}
