import { Inject, Injectable } from '@nestjs/common';
import { canTakePrompts } from '../agents/agent-state.js';
import { Fleet } from '../agents/fleet.js';
import type { Evidence } from '../contracts/task.js';
import type { Turn } from '../contracts/turn.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { Clock } from '../shared/clock.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { Acceptance } from './acceptance.js';
import type { Draft } from './draft.js';
import { blockedBy, isOpen, isOverdue, type KeptTask, startable } from './model.js';
import { mustHave } from './new-task.js';
import { promptAfterFailure, promptFor } from './prompts.js';
import { TaskBook } from './task-book.js';
import { agendaOf } from './schedule.js';
import { formatHistory } from './task-history.js';
import { afterProof, afterTurn, begun, failedCommand, notBegun, toGoOn } from './verdicts.js';

const NOX = { name: 'nox', role: 'admin' } as const;

/** Told when a delegated task has come to its end; given at wiring. */
export type TaskReturned = (task: KeptTask) => Promise<void>;

/**
 * Lets agents do their tasks: starts what may start, follows the turns, runs the acceptance, tries again. Contract: a
 * task has at most one open turn; it is done only when its acceptance has passed; every end of a turn moves its task.
 */
@Injectable()
export class TaskRunner {
  private readonly queue = new KeyedQueue();
  private planned = false;
  private closed = false;
  private cancelTimer: () => void = () => undefined;
  /** Set by wiring. */
  warn: (message: string, fields: object) => void = () => undefined;
  returned: TaskReturned = () => Promise.resolve();

  constructor(
    @Inject(TaskBook) private readonly book: TaskBook,
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(Fleet) private readonly fleet: Fleet,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Acceptance) private readonly acceptance: Acceptance,
  ) {}

  /** After a start of Nox: turns that ended meanwhile are dealt with, proofs that were cut off run again. */
  start(): void {
    this.book.onChanged = (changes) => {
      for (const { before, after } of changes) this.follow(before, after);
      this.keepHistory(changes);
      this.plan();
    };
    this.events.subscribe((event) => {
      if (event.type === 'turn.ended' && event.payload.turn.source.startsWith('task:'))
        this.turnEnded(event.payload.turn);
      if (event.type === 'agent.status_changed') this.plan();
    });
    for (const task of this.book.all().values()) {
      if (task.proof === 'running') this.prove(task.id);
      else if (toGoOn(task)) this.sendBack(task.id);
      else if (task.status === 'in_progress') this.catchUp(task);
    }
    this.plan();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancelTimer();
    await this.book.idle();
  }

  /** Starts a task now, whatever waits before it. INVALID_STATE when it or its agent cannot. */
  async startNow(id: string, actor: string): Promise<void> {
    await this.queue.run(id, async () => {
      const task = this.book.get(id);
      const open = blockedBy(task, this.book.all());
      if (open.length > 0)
        throw new NoxError('INVALID_STATE', `Task ${id} is blocked: ${open.join(', ')} must be done first.`);
      if (task.proof === 'running' || task.turn_id !== null)
        throw new NoxError('INVALID_STATE', `Task ${id} is being worked on already.`);
      if (!this.canWork(task.agent_id))
        throw new NoxError('INVALID_STATE', `Agent ${task.agent_id} is not active; start it first.`);
      await this.begin(id, actor, (draft_task) => promptFor(draft_task, this.book.all()), { attempts: 0 });
    });
  }

  /** Something may have become possible. */
  plan(): void {
    if (this.planned || this.closed) return;
    this.planned = true;
    setImmediate(() => {
      this.planned = false;
      if (!this.closed) this.round();
    });
  }

  private round(): void {
    const now_ms = this.clock.now();
    const all = this.book.all();
    const { tasks, agents } = this.registry.config();
    const { owners, overdue, next_ms } = agendaOf(all, now_ms);
    for (const id of overdue) this.tellOverdue(id);
    if (tasks.auto_start) {
      for (const agent_id of owners) {
        if (!this.canWork(agent_id)) continue;
        const limits = this.registry.agents().get(agent_id)?.resource_limits;
        const limit = limits?.max_concurrent_tasks ?? agents.limits.max_concurrent_tasks;
        for (const task of startable(agent_id, all, limit, now_ms)) this.startLater(task.id, limit);
      }
    }
    this.cancelTimer();
    if (next_ms !== undefined) this.cancelTimer = this.clock.after(next_ms - now_ms + 1, () => this.plan());
  }

  private canWork(agent_id: string): boolean {
    return (
      this.registry.agents().has(agent_id) &&
      this.fleet.has(agent_id) &&
      canTakePrompts(this.fleet.get(agent_id).process_state)
    );
  }

  private startLater(id: string, limit: number): void {
    this.job(id, 'start', async () => {
      const task = this.book.all().get(id);
      if (task === undefined || !this.canWork(task.agent_id)) return;
      // Looked at again: others may have started since.
      if (!startable(task.agent_id, this.book.all(), limit, this.clock.now()).some((each) => each.id === id)) return;
      await this.begin(id, 'nox', (given) => promptFor(given, this.book.all()));
    });
  }

  private async begin(
    id: string,
    actor: string,
    prompt: (task: KeptTask) => string,
    reset: Partial<KeptTask> = {},
  ): Promise<void> {
    const { agent_id } = this.book.get(id);
    const now = this.clock.iso();
    const task = await this.book.change([agent_id], actor, (draft) => {
      const before = mustHave(draft, id);
      if (before.turn_id !== null || blockedBy(before, draft.all()).length > 0) return undefined;
      const after = begun(before, reset, now);
      draft.put(after);
      return after;
    });
    if (task === undefined) return;
    try {
      const turn = await this.sessions.prompt(agent_id, prompt(task), NOX, `task:${id}`);
      await this.book.change([], 'nox', (draft) => {
        const now_task = mustHave(draft, id);
        if (now_task.turn_id === 'pending') draft.put({ ...now_task, turn_id: turn.id });
        draft.log(id, 'turn', turn.id);
      });
      // It may have ended, or the task may have been taken away, while that was written.
      const { ended_at } = this.sessions.get(turn.id);
      if (ended_at !== null) this.turnEnded(this.sessions.get(turn.id));
      else if (this.book.get(id).turn_id !== turn.id) await this.sessions.cancel(turn.id, NOX).catch(() => undefined);
    } catch (error) {
      await this.book.change([], 'nox', (draft) => {
        const failed = mustHave(draft, id);
        if (failed.turn_id !== 'pending') return;
        const again_ms = this.clock.now() + this.registry.config().tasks.retry_initial_ms;
        draft.put(notBegun(failed, messageOf(error), this.clock.iso(again_ms)));
      });
      throw error;
    }
  }

  private turnEnded(turn: Turn): void {
    // One that is parked goes on by itself.
    if (this.closed || turn.status === 'deferred') return;
    const id = turn.source.slice('task:'.length);
    this.job(id, 'end of a turn', async () => {
      const task = this.book.all().get(id);
      if (task === undefined || task.turn_id !== turn.id) return;
      await this.book.change([task.agent_id], 'nox', (draft) => {
        const before = mustHave(draft, id);
        if (before.turn_id !== turn.id) return;
        const { retry_initial_ms: initial_ms, retry_max_ms: max_ms, max_attempts } = this.registry.config().tasks;
        draft.put(afterTurn(before, turn, draft, { initial_ms, max_ms, max_attempts }, this.clock.iso()));
      });
    });
  }

  private keepHistory(changes: readonly { before: KeptTask | undefined; after: KeptTask }[]): void {
    const touched = changes.filter(
      ({ before, after }) => before?.status !== after.status || before.result !== after.result,
    );
    for (const agent_id of new Set(touched.map(({ after }) => after.agent_id))) {
      const own = [...this.book.all().values()].filter((task) => task.agent_id === agent_id);
      this.registry.record
        .saveTaskHistory(agent_id, formatHistory(own))
        .catch((error: unknown) =>
          this.warn('the history of tasks was not written', { agent_id, reason: messageOf(error) }),
        );
    }
  }

  /** What a change by anybody brings with it. */
  private follow(before: KeptTask | undefined, after: KeptTask): void {
    if (after.proof === 'running' && before?.proof !== 'running') this.prove(after.id);
    const left = before?.turn_id ?? null;
    if (left !== null && left !== 'pending' && after.turn_id === null) this.endTurn(left);
    const ended = !isOpen(after) && before !== undefined && isOpen(before);
    if (ended && after.from_agent !== null)
      this.returned(after).catch((error: unknown) =>
        this.warn('the end of a delegated task was not told', { task_id: after.id, reason: messageOf(error) }),
      );
  }

  private endTurn(turn_id: string): void {
    if (this.sessions.get(turn_id).ended_at !== null) return;
    this.sessions.cancel(turn_id, NOX).catch((error: unknown) => {
      if (error instanceof NoxError && error.code === 'INVALID_STATE') return;
      this.warn('a turn of a task was not ended', { turn_id, reason: messageOf(error) });
    });
  }

  private prove(id: string): void {
    this.job(id, 'acceptance', async () => {
      const task = this.book.get(id);
      if (task.proof !== 'running') return;
      const evidence = await this.acceptance.prove(task.agent_id, task.accept);
      if (this.closed) return;
      const again = await this.book.change([task.agent_id], 'nox', (draft) =>
        this.judge(draft, id, task.accept, evidence),
      );
      if (again) await this.begin(id, 'nox', (given) => promptAfterFailure(given, evidence));
    });
  }

  /** Nox ended after a proof had failed and before the agent knew. */
  private sendBack(id: string): void {
    this.job(id, 'going on after a failed proof', async () => {
      const { evidence } = this.book.get(id);
      if (evidence !== null && toGoOn(this.book.get(id)))
        await this.begin(id, 'nox', (given) => promptAfterFailure(given, evidence));
    });
  }

  /** Answers whether the agent is to go on with it. */
  private judge(draft: Draft, id: string, ran: readonly string[], evidence: Evidence): boolean {
    const task = mustHave(draft, id);
    // Taken away, or asked for anew with other commands: then this says nothing about it.
    if (task.proof !== 'running') return false;
    if (JSON.stringify(task.accept) !== JSON.stringify(ran)) {
      draft.put({ ...task, proof: 'none', reason: 'its acceptance commands were changed while they ran' });
      return false;
    }
    draft.evidence.set(id, evidence);
    draft.log(id, 'evidence', evidence.passed ? 'passed' : `failed: ${failedCommand(evidence)}`, evidence);
    const { max_attempts } = this.registry.config().tasks;
    const verdict = afterProof(
      task,
      evidence,
      { max_attempts, can_work: this.canWork(task.agent_id) },
      this.clock.iso(),
    );
    draft.put(verdict.task);
    return verdict.again;
  }

  private tellOverdue(id: string): void {
    this.job(id, 'deadline', async () => {
      await this.book.change([], 'nox', (draft) => {
        const task = mustHave(draft, id);
        if (isOverdue(task, this.clock.now()) && task.overdue_told !== task.deadline)
          draft.put({ ...task, overdue_told: task.deadline });
      });
    });
  }

  /** A task that Nox worked on when it ended. */
  private catchUp(task: KeptTask): void {
    const turn = this.sessions.latestOfTask(task.id);
    if (task.turn_id === null) return;
    this.job(task.id, 'catching up', async () => {
      if (turn === undefined || (task.turn_id !== 'pending' && task.turn_id !== turn.id)) {
        await this.book.change([], 'nox', (draft) =>
          draft.put({ ...mustHave(draft, task.id), status: 'todo', turn_id: null }),
        );
        return;
      }
      if (task.turn_id === 'pending')
        await this.book.change([], 'nox', (draft) => draft.put({ ...mustHave(draft, task.id), turn_id: turn.id }));
      if (turn.ended_at !== null) this.turnEnded(turn);
    });
  }

  private job(id: string, what: string, work: () => Promise<void>): void {
    this.queue.run(id, work).catch((error: unknown) => {
      if (!this.closed) this.warn('a task was not moved on', { task_id: id, what, reason: messageOf(error) });
    });
  }
}
