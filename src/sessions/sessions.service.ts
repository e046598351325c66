import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { canTakePrompts, isAtRest } from '../agents/agent-state.js';
import { Fleet } from '../agents/fleet.js';
import { LogBook } from '../agents/log-book.js';
import { RunStore } from '../agents/run-store.js';
import type { RuntimeEvent, ToolCall, ToolDecision } from '../agents/runtime/runtime.js';
import { type AgentWork, RunObserver } from '../agents/supervisor.js';
import { ApprovalsService } from '../approvals/approvals.service.js';
import type { UsageTotals } from '../contracts/agent.js';
import type { Actor } from '../contracts/auth.js';
import type { Turn } from '../contracts/turn.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { failpoint } from '../shared/failpoint.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { QuotaService } from './quota.service.js';
import { addToBlocks, changeTool, endOf, promptOf, type TurnEnd } from './turn-reducer.js';
import { TurnStore } from './turn-store.js';

/** Deltas of one turn are joined for this long, so that a talkative agent costs a bounded number of events. */
const DELTA_WINDOW_MS = 15;

/** How long a turn's end waits that the journal refused. */
const STORE_AGAIN_MS = 1000;

interface OpenTurn {
  readonly id: string;
  readonly started_ms: number;
  blocks: Turn['blocks'];
  /** Text that is not yet an event. */
  unsaid: string;
  timer: NodeJS.Timeout | undefined;
  /** A person wants it to end: it is not tried again. */
  cancelled?: boolean;
}

const sha256 = (input: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(input) ?? '')
    .digest('hex');

/**
 * Prompts and turns. Contract: a turn is in the journal before its prompt is written and before anyone is told of it;
 * one turn owns the pipe of an agent, the others wait in order; every turn ends exactly once, whatever dies.
 */
@Injectable()
export class SessionsService extends RunObserver {
  private readonly open = new Map<string, OpenTurn>();
  private readonly queued = new Map<string, number>();
  private readonly totals = new Map<string, UsageTotals>();
  private readonly waiters = new Map<string, Set<{ resolve: (turn: Turn) => void; reject: (error: Error) => void }>>();
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
    quota.onResume = (agent_id) => this.pump(agent_id);
    quota.onChange = (agent_id) => this.show(agent_id);
    quota.onModelChange = (agent_id) => {
      this.tryAfresh(agent_id).catch((error: unknown) => this.lost(agent_id, 'resume', error));
    };
    quota.onLost = (agent_id, error) => this.lost(agent_id, 'hold', error);
  }

  /** Queues a prompt. INVALID_STATE when the agent is stopped or failed: nobody would ever answer it. */
  async prompt(agent_id: string, content: string, actor: Actor): Promise<Turn> {
    const { process_state } = this.fleet.get(agent_id);
    if (!canTakePrompts(process_state)) {
      const { reason } = this.fleet.describe(agent_id, null);
      const why = reason === undefined ? '' : ` (${reason})`;
      throw new NoxError('INVALID_STATE', `Agent ${agent_id} is ${process_state}${why}; start it first.`);
    }
    // Whoever prompts again may have logged in meanwhile.
    if (this.quota.holdFor(agent_id, 'login') !== undefined) await this.tryAfresh(agent_id);
    const turn = await this.turns.queue({ agent_id, prompt: content, source: 'user', actor: actor.name });
    this.queued.set(agent_id, this.queuedCount(agent_id) + 1);
    const retired = this.retiredSince(agent_id);
    if (retired !== undefined) {
      return (
        (await this.finish(agent_id, turn.id, { status: 'cancelled', text: '', reason: retired, usage: null })) ?? turn
      );
    }
    const hold = this.quota.hold(agent_id);
    if (hold !== undefined) {
      await this.turns.tellHold(turn.id, hold);
      return this.get(turn.id);
    }
    this.pump(agent_id);
    return turn;
  }

  /** Resolves with the turn when it has ended, at once when it has; still queued when it waits for a person to log in. */
  ended(id: string): Promise<Turn> {
    const turn = this.get(id);
    if (turn.ended_at !== null) return Promise.resolve(turn);
    return new Promise((resolve, reject) => {
      const waiting = this.waiters.get(id) ?? new Set();
      this.waiters.set(id, waiting.add({ resolve, reject }));
    });
  }

  /** Nox shuts down: whoever waits for a turn is told so. Turns that wait run when it is back. */
  releaseWaiters(): void {
    for (const [turn_id, waiting] of this.waiters) {
      const error = new NoxError('SHUTTING_DOWN', `Nox shuts down; turn ${turn_id} goes on when it is back.`, {
        turn_id,
      });
      for (const { reject } of waiting) reject(error);
    }
    this.waiters.clear();
  }

  get(id: string): Turn {
    const turn = this.turns.get(id);
    if (turn === undefined) throw new NoxError('TURN_NOT_FOUND', `No turn has the id ${id}.`);
    return turn;
  }

  conversation(
    agent_id: string,
    query: { limit: number; before?: string | undefined },
  ): { turns: Turn[]; has_more: boolean } {
    this.fleet.get(agent_id);
    return this.turns.page(agent_id, query.limit, query.before);
  }

  /** Cancels a queued turn, interrupts a running one; a turn that has ended is INVALID_STATE. */
  async cancel(id: string, actor: Actor): Promise<Turn> {
    const { agent_id, status } = this.get(id);
    const open = this.open.get(agent_id);
    if (status === 'running' && open?.id === id) {
      open.cancelled = true;
      await this.fleet.get(agent_id).session?.interrupt();
      return this.ended(id);
    }
    const turn = await this.finish(agent_id, id, {
      status: 'cancelled',
      text: '',
      reason: `cancelled by ${actor.name}`,
      usage: null,
    });
    if (turn === undefined) throw new NoxError('INVALID_STATE', `Turn ${id} has ended already.`);
    if (this.queuedCount(agent_id) === 0) this.quota.nothingWaits(agent_id);
    return turn;
  }

  /** After a start of Nox: turns that ran in an earlier one have ended; those that waited still wait. */
  async recover(): Promise<void> {
    this.quota.recover();
    await failpoint('recover.turns');
    for (const { id, agent_id } of this.turns.withStatus('running')) {
      const blocks = this.turns.get(id)?.blocks ?? [];
      await this.finish(agent_id, id, interrupted(blocks, 'Nox ended while this turn ran'));
    }
    for (const { agent_id } of this.turns.withStatus('queued')) {
      this.queued.set(agent_id, this.turns.queuedCount(agent_id));
      if (this.registry.agents().has(agent_id)) this.pump(agent_id);
      else await this.cancelQueued(agent_id, 'the agent was removed');
    }
  }

  // What the supervisor tells.

  onReady(agent_id: string): void {
    // A new process reads the login anew.
    this.quota.release(agent_id, 'login');
    if (this.quota.note(agent_id) !== undefined) this.show(agent_id);
    this.pump(agent_id);
  }

  onEvent(agent_id: string, event: RuntimeEvent): void {
    if (event.type === 'log') {
      this.logs.add(agent_id, event.stream, event.line);
      return;
    }
    const turn = this.open.get(agent_id);
    if (turn === undefined) return;
    if (event.type === 'text_delta') {
      this.quota.answered(agent_id);
      this.say(agent_id, turn, event.text);
      return;
    }
    this.flushDelta(agent_id, turn);
    this.handle(agent_id, turn, event).catch((error: unknown) => this.lost(agent_id, event.type, error));
  }

  async onToolCall(agent_id: string, call: ToolCall, signal: AbortSignal): Promise<ToolDecision> {
    const turn = this.open.get(agent_id);
    const supervisor = this.fleet.get(agent_id);
    let waits = false;
    try {
      const decision = await this.approvals.decide(
        { ...call, agent_id, turn_id: turn?.id ?? null, workspace: this.fleet.workspaceOf(agent_id) },
        signal,
        (approval_id) => {
          waits = true;
          supervisor.setActivity(
            call.requires_user_interaction ? 'waiting_input' : 'waiting_approval',
            'tool question',
          );
          if (turn !== undefined) this.changeTool(agent_id, turn, call, { decision: 'pending', approval_id });
        },
      );
      if (turn !== undefined) await this.tellDecision(agent_id, turn, call, decision);
      return decision.behavior === 'allow'
        ? {
            behavior: 'allow',
            ...(decision.updated_input === undefined ? {} : { updated_input: decision.updated_input }),
          }
        : { behavior: 'deny', reason: decision.reason };
    } finally {
      if (waits && supervisor.process_state === 'running' && this.approvals.pendingCount(agent_id) === 0) {
        supervisor.setActivity(this.open.has(agent_id) ? 'working' : 'idle', 'tool decision');
      }
    }
  }

  onEnded(agent_id: string, reason: string): void {
    this.quota.answered(agent_id);
    const turn = this.open.get(agent_id);
    if (turn === undefined) return;
    this.flushDelta(agent_id, turn);
    this.open.delete(agent_id);
    this.finish(agent_id, turn.id, interrupted(turn.blocks, `the process ended: ${reason}`)).catch((error: unknown) =>
      this.lost(agent_id, 'end', error),
    );
  }

  onRetired(agent_id: string, reason: string): void {
    this.quota.release(agent_id);
    this.cancelQueued(agent_id, reason).catch((error: unknown) => this.lost(agent_id, 'cancel', error));
  }

  work(agent_id: string): AgentWork {
    let usage = this.totals.get(agent_id);
    if (usage === undefined) {
      usage = this.turns.totals(agent_id);
      this.totals.set(agent_id, usage);
    }
    const turn = this.open.get(agent_id);
    return {
      current_turn_id: turn?.id ?? null,
      turn_started_ms: turn?.started_ms ?? null,
      running_tools: turn?.blocks.filter((block) => block.type === 'tool' && block.tool.result === null).length ?? 0,
      queued_turns: this.queuedCount(agent_id),
      usage,
      note: this.quota.note(agent_id),
    };
  }

  /** Hands the next waiting turn to the agent, if it can take one; wakes it if it sleeps. */
  private pump(agent_id: string): void {
    this.deliverNext(agent_id).catch((error: unknown) => this.lost(agent_id, 'delivery', error));
  }

  private async deliverNext(agent_id: string): Promise<void> {
    if (this.queuedCount(agent_id) === 0) return;
    const hold = this.quota.hold(agent_id);
    if (hold !== undefined) {
      const next = this.turns.next(agent_id);
      if (next !== undefined) await this.turns.tellHold(next.id, hold);
      return;
    }
    const supervisor = this.fleet.get(agent_id);
    if (supervisor.process_state === 'hibernated') {
      // onReady comes back here; a wake that fails permanently retires what waits.
      await this.fleet.wake(agent_id);
      return;
    }
    await this.fleet.serially(agent_id, async () => {
      const { session } = supervisor;
      if (session === undefined || supervisor.process_state !== 'running' || this.open.has(agent_id)) return;
      if (this.quota.hold(agent_id) !== undefined) return;
      const next = this.turns.next(agent_id);
      if (next === undefined) return;
      const known = this.runs.session(agent_id);
      await failpoint('turn.begin.before');
      if (!(await this.turns.begin(next.id, known?.session_id ?? null, null))) return;
      await failpoint('turn.begin.after');
      this.queued.set(agent_id, this.queuedCount(agent_id) - 1);
      this.open.set(agent_id, {
        id: next.id,
        started_ms: this.clock.now(),
        blocks: next.blocks,
        unsaid: '',
        timer: undefined,
      });
      supervisor.setActivity('working', 'prompt');
      try {
        await session.prompt({ uuid: next.prompt_uuid, content: promptOf(next) });
      } catch (error) {
        this.logs.add(agent_id, 'nox', `a prompt did not reach the process: ${messageOf(error)}`);
        // If the process has ended meanwhile, onEnded has dealt with the turn.
        if (this.open.get(agent_id)?.id !== next.id) return;
        this.open.delete(agent_id);
        this.queued.set(agent_id, this.queuedCount(agent_id) + 1);
        await this.turns.requeue(next.id);
        supervisor.setActivity('idle', 'prompt');
        return;
      }
      await failpoint('turn.prompted');
    });
  }

  private async handle(
    agent_id: string,
    turn: OpenTurn,
    event: Exclude<RuntimeEvent, { type: 'log' | 'text_delta' }>,
  ): Promise<void> {
    switch (event.type) {
      case 'turn_init':
        for (const name of event.failed_mcp) this.logs.add(agent_id, 'nox', `MCP server ${name} did not connect`);
        return;
      case 'prompt_state':
        if (event.state !== 'started') return;
        if (this.fleet.get(agent_id).activity === 'working')
          this.fleet.get(agent_id).setActivity('working', 'prompt receipt');
        await this.runs.markTranscript(agent_id);
        return;
      case 'text':
      case 'tool_call':
      case 'tool_result':
        this.quota.answered(agent_id);
        await this.addBlock(agent_id, turn, event);
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
      case 'result':
        this.open.delete(agent_id);
        try {
          await this.settle(agent_id, turn, event);
        } finally {
          this.comeToRest(agent_id);
          this.pump(agent_id);
        }
    }
  }

  /** Ends the turn by its result, or puts it back to be tried again when the model could not answer. */
  private async settle(
    agent_id: string,
    turn: OpenTurn,
    result: Extract<RuntimeEvent, { type: 'result' }>,
  ): Promise<void> {
    const end = endOf(result, turn.blocks);
    const verdict = this.quota.verdict(agent_id, turn.id, result, turn.cancelled === true);
    if (verdict.action === 'put_back') {
      if (!(await this.turns.putBack(turn.id, verdict.hold, result.usage, verdict.store))) return;
      this.queued.set(agent_id, this.queuedCount(agent_id) + 1);
      this.quota.spent(agent_id);
      return;
    }
    await this.finish(agent_id, turn.id, { ...end, reason: verdict.reason ?? end.reason }, () =>
      this.comeToRest(agent_id),
    );
    const hold = this.quota.holdFor(agent_id, 'login');
    if (hold === undefined) return;
    // Nothing goes on by itself here, so those who wait are told instead of kept.
    for (const { id } of this.turns.withStatus('queued', agent_id)) {
      await this.turns.tellHold(id, hold);
      this.answer(this.get(id));
    }
  }

  private comeToRest(agent_id: string): void {
    const supervisor = this.fleet.get(agent_id);
    if (supervisor.process_state !== 'running' || this.open.has(agent_id)) return;
    supervisor.setActivity(this.quota.note(agent_id)?.activity ?? 'idle', 'result');
  }

  /** After a person's act: what waits is tried by a fresh process, which reads login and model anew. */
  private async tryAfresh(agent_id: string): Promise<void> {
    this.quota.release(agent_id);
    await this.fleet.serially(agent_id, async () => {
      const { process_state, activity } = this.fleet.get(agent_id);
      if (process_state !== 'running' || !isAtRest(activity) || this.open.has(agent_id)) return;
      await this.fleet.hibernate(agent_id, 'to read login and model anew');
    });
    this.pump(agent_id);
  }

  /** Tells how the agent is, when what its turns wait for has changed. */
  private show(agent_id: string): void {
    if (!this.registry.agents().has(agent_id)) return;
    const supervisor = this.fleet.get(agent_id);
    const activity = this.open.has(agent_id)
      ? supervisor.activity
      : (this.quota.note(agent_id)?.activity ?? ('idle' as const));
    if (supervisor.process_state === 'running' && supervisor.activity !== activity)
      supervisor.setActivity(activity, 'quota');
    else supervisor.announce();
  }

  private async addBlock(
    agent_id: string,
    turn: OpenTurn,
    event: Extract<RuntimeEvent, { type: 'text' | 'tool_call' | 'tool_result' }>,
  ): Promise<void> {
    const before = turn.blocks.length;
    turn.blocks = addToBlocks(turn.blocks, event, sha256);
    const { id: turn_id } = turn;
    await this.turns.saveBlocks(turn_id, turn.blocks, (tx) => {
      if (event.type === 'text' && turn.blocks.length > before)
        this.events.appendIn(tx, 'turn.text', { turn_id, text: event.text }, agent_id);
      if (event.type === 'tool_call') {
        const { tool_use_id, name, input } = event;
        this.events.appendIn(tx, 'turn.tool_call', { turn_id, tool_use_id, name, input }, agent_id);
      }
      if (event.type === 'tool_result') {
        const { tool_use_id, is_error, result } = event;
        this.events.appendIn(tx, 'turn.tool_result', { turn_id, tool_use_id, is_error, result }, agent_id);
      }
    });
    if (event.type === 'tool_result') {
      await this.approvals.recordExecution(event.tool_use_id, agent_id, { executed: true, result: event.result });
    }
  }

  private changeTool(agent_id: string, turn: OpenTurn, call: ToolCall, change: Parameters<typeof changeTool>[2]): void {
    turn.blocks = changeTool(this.withCall(turn, call), call.tool_use_id, change);
    this.turns
      .saveBlocks(turn.id, turn.blocks, () => undefined)
      .catch((error: unknown) => this.lost(agent_id, 'tool', error));
  }

  private async tellDecision(
    agent_id: string,
    turn: OpenTurn,
    call: ToolCall,
    decision: Awaited<ReturnType<ApprovalsService['decide']>>,
  ): Promise<void> {
    const { behavior, by, approval_id } = decision;
    turn.blocks = changeTool(this.withCall(turn, call), call.tool_use_id, { decision: behavior, approval_id });
    await this.turns.saveBlocks(turn.id, turn.blocks, (tx) =>
      this.events.appendIn(
        tx,
        'turn.tool_decided',
        {
          turn_id: turn.id,
          tool_use_id: call.tool_use_id,
          decision: behavior,
          by,
          reason: decision.reason,
          approval_id,
        },
        agent_id,
      ),
    );
  }

  /** The question may come before the message that holds the call: then the call is known from the question. */
  private withCall(turn: OpenTurn, { tool_use_id, tool_name: name, input }: ToolCall): Turn['blocks'] {
    return addToBlocks(turn.blocks, { type: 'tool_call', tool_use_id, name, input, parent_tool_use_id: null }, sha256);
  }

  private say(agent_id: string, turn: OpenTurn, text: string): void {
    turn.unsaid += text;
    turn.timer ??= setTimeout(() => this.flushDelta(agent_id, turn), DELTA_WINDOW_MS);
  }

  private flushDelta(agent_id: string, turn: OpenTurn): void {
    clearTimeout(turn.timer);
    turn.timer = undefined;
    if (turn.unsaid === '') return;
    const text = turn.unsaid;
    turn.unsaid = '';
    this.events
      .append('turn.text_delta', { turn_id: turn.id, text }, agent_id)
      .catch((error: unknown) => this.lost(agent_id, 'text', error));
  }

  /** `beforeTold` runs when the end is stored, before those who wait for the turn hear of it. */
  private async finish(
    agent_id: string,
    id: string,
    end: TurnEnd,
    beforeTold: () => void = () => undefined,
  ): Promise<Turn | undefined> {
    await failpoint('turn.end.before');
    const turn = await this.storeEnd(id, end);
    await failpoint('turn.end.after');
    if (turn === undefined) return undefined;
    if (turn.started_at === null) this.queued.set(agent_id, Math.max(0, this.queuedCount(agent_id) - 1));
    this.totals.delete(agent_id);
    if (turn.started_at !== null) this.quota.spent(agent_id);
    beforeTold();
    this.answer(turn);
    await this.registry.record
      .appendTurn(turn)
      .catch((error: unknown) =>
        this.warn('a turn is in the journal but not in the record', { turn_id: id, reason: messageOf(error) }),
      );
    return turn;
  }

  private async cancelQueued(agent_id: string, reason: string): Promise<void> {
    for (const { id } of this.turns.withStatus('queued', agent_id)) {
      await this.finish(agent_id, id, { status: 'cancelled', text: '', reason, usage: null });
    }
  }

  /** A turn has to end, also on a disk that is full for a while: it is tried until the journal takes it or closes. */
  private async storeEnd(id: string, end: TurnEnd): Promise<Turn | undefined> {
    for (;;) {
      try {
        return await this.turns.end(id, end);
      } catch (error) {
        if (!(error instanceof NoxError) || error.code !== 'STORAGE_FAILED') throw error;
        this.warn('the end of a turn was not stored; it is tried again', { turn_id: id, reason: error.message });
        await new Promise<void>((resolve) => this.clock.after(STORE_AGAIN_MS, resolve));
      }
    }
  }

  /** Why an agent takes no prompts any more that took them when the prompt was asked for. */
  private retiredSince(agent_id: string): string | undefined {
    if (!this.fleet.has(agent_id)) return 'the agent was removed';
    const { process_state } = this.fleet.get(agent_id);
    return canTakePrompts(process_state) ? undefined : `the agent is ${process_state}`;
  }

  private answer(turn: Turn): void {
    for (const { resolve } of this.waiters.get(turn.id) ?? []) resolve(turn);
    this.waiters.delete(turn.id);
  }

  private queuedCount(agent_id: string): number {
    return this.queued.get(agent_id) ?? 0;
  }

  /** An event that the journal refused was never shown; the agent goes on, a person is told. */
  private lost(agent_id: string, what: string, error: unknown): void {
    this.warn('an event of an agent was not dealt with', { agent_id, what, reason: messageOf(error) });
  }
}

const interrupted = (blocks: Turn['blocks'], reason: string): TurnEnd => ({
  status: 'interrupted',
  text: blocks.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n\n'),
  reason,
  usage: null,
});
