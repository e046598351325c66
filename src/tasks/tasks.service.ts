import { Inject, Injectable } from '@nestjs/common';
import { ApprovalsService } from '../approvals/approvals.service.js';
import type { Actor } from '../contracts/auth.js';
import type { RouteInput, RouteReply } from '../contracts/routes.js';
import type {
  CreateTask,
  DelegateTask,
  Delegation,
  Task,
  TaskFile,
  TaskLog,
  TaskOverview,
  UpdateTask,
} from '../contracts/task.js';
import { RegistryService } from '../registry/registry.service.js';
import { redact } from '../registry/redact.js';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { EMPTY, withStatus } from './ingest.js';
import { byUrgency, findCycle, isOpen, type KeptTask } from './model.js';
import { type Draft, TaskBook } from './task-book.js';
import { TaskRunner } from './task-runner.js';
import { readLog } from './task-store.js';

type ListQuery = Omit<RouteInput<'tasks_list'>['query'], never>;

/** Tells an agent something; given at wiring. */
export type TellAgent = (message: {
  from: string;
  to: string;
  content: string;
  priority: Task['priority'];
  task_id: string;
}) => Promise<void>;

/**
 * What people, and agents by their tools, ask of tasks. Answers are given when file and journal have the change. An actor
 * `agent:<id>` may touch only tasks that it works on, has asked for, or has delegated.
 */
@Injectable()
export class TasksService {
  /** Set by wiring. */
  tell: TellAgent = () => Promise.resolve();
  warn: (message: string, fields: object) => void = () => undefined;

  constructor(
    @Inject(TaskBook) private readonly book: TaskBook,
    @Inject(TaskRunner) private readonly runner: TaskRunner,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    runner.returned = (task) => this.bringBack(task);
  }

  list(query: ListQuery): RouteReply<'tasks_list'> {
    const all = this.book.all();
    const fits = (task: Task): boolean =>
      (query.agent_id === undefined || task.agent_id === query.agent_id) &&
      (query.status === undefined || task.status === query.status) &&
      (query.priority === undefined || task.priority === query.priority) &&
      (query.overdue === undefined || task.overdue === query.overdue);
    const found = [...all.values()].filter((task) => query.agent_id === undefined || task.agent_id === query.agent_id);
    const tasks = found
      .sort(byUrgency(all))
      .map((task) => this.book.view(task))
      .filter(fits);
    const from = (query.page - 1) * query.limit;
    return {
      tasks: tasks.slice(from, from + query.limit),
      pagination: { page: query.page, limit: query.limit, total: tasks.length },
    };
  }

  /** TASK_NOT_FOUND. */
  get(id: string): Task {
    return this.book.view(this.book.get(id));
  }

  log(id: string): TaskLog {
    this.book.get(id);
    return readLog(this.db, this.clock, id);
  }

  file(agent_id: string): Promise<TaskFile> {
    this.knownAgent(agent_id);
    return this.book.file(agent_id);
  }

  overview(): TaskOverview {
    const tasks = [...this.book.all().values()].sort(byUrgency(this.book.all())).map((task) => this.book.view(task));
    const byAgent = Map.groupBy(tasks, (task) => task.agent_id);
    return {
      overview: countsOf(tasks),
      agents: [...byAgent].map(([agent_id, own]) => ({ agent_id, ...countsOf(own) })),
      blocked_tasks: tasks.filter(({ status }) => status === 'blocked'),
      critical_tasks: tasks.filter((task) => task.priority === 'critical' && isOpen(task)),
      overdue_tasks: tasks.filter(({ overdue }) => overdue),
      file_problems: this.book.fileProblems(),
    };
  }

  /** AGENT_NOT_FOUND, TASK_DEPENDENCY_CYCLE, TASK_FILE_INVALID. */
  async create(body: CreateTask, actor: Actor): Promise<Task> {
    this.knownAgent(body.agent_id);
    if (body.accept.length > 0) await this.mayAccept(body.agent_id, body.accept, actor);
    const id = this.book.freshId();
    await this.book.change([body.agent_id], actor.name, (draft) => {
      this.checkDependencies(draft, id, body.dependencies);
      draft.put(this.fresh(id, body, actor.name));
    });
    return this.get(id);
  }

  async update(id: string, patch: UpdateTask, actor: Actor): Promise<Task> {
    const { agent_id } = this.mayTouch(id, actor);
    if (patch.accept !== undefined) {
      // The proof of an agent's work is not the agent's to change.
      if (actor.name === `agent:${agent_id}`)
        throw new NoxError('FORBIDDEN', 'An agent cannot change how its own work is proved.');
      await this.mayAccept(agent_id, patch.accept, actor);
    }
    await this.book.change([agent_id], actor.name, (draft) => {
      const task = this.inDraft(draft, id);
      const { status, title, description, deadline, ...rest } = patch;
      if (patch.dependencies !== undefined) this.checkDependencies(draft, id, patch.dependencies);
      const now = this.clock.iso();
      const after: KeptTask = {
        ...task,
        ...defined(rest),
        ...(title === undefined ? {} : { title: redact(title) }),
        ...(description === undefined ? {} : { description: redact(description) }),
        ...(deadline === undefined ? {} : { deadline: toMinute(deadline) }),
        updated_at: now,
      };
      if (status === undefined || status === task.status) draft.put(after);
      else draft.put({ ...withStatus(after, status, now), in_file: true });
    });
    return this.get(id);
  }

  async start(id: string, actor: Actor): Promise<Task> {
    this.mayTouch(id, actor);
    await this.runner.startNow(id, actor.name);
    return this.get(id);
  }

  /** Runs the acceptance commands first, if there are any; the task is done when they pass. */
  done(id: string, actor: Actor): Promise<Task> {
    const task = this.book.get(id);
    if (task.status === 'done') throw new NoxError('INVALID_STATE', `Task ${id} is done already.`);
    if (task.proof === 'running') return Promise.resolve(this.get(id));
    return this.update(id, { status: 'done' }, actor);
  }

  async cancel(id: string, reason: string | undefined, actor: Actor): Promise<Task> {
    const { agent_id } = this.mayTouch(id, actor);
    await this.book.change([agent_id], actor.name, (draft) => {
      const task = this.inDraft(draft, id);
      if (!isOpen(task)) throw new NoxError('INVALID_STATE', `Task ${id} is ${task.status} already.`);
      const now = this.clock.iso();
      const why = `cancelled by ${actor.name}${reason === undefined ? '' : `: ${redact(reason)}`}`;
      draft.put({ ...withStatus(task, 'cancelled', now), reason: why, updated_at: now });
    });
    return this.get(id);
  }

  /** Takes its line out of the file; setting a status brings it back. */
  async remove(id: string, actor: Actor): Promise<Task> {
    const { agent_id } = this.mayTouch(id, actor);
    await this.book.change([agent_id], actor.name, (draft) => {
      const task = this.inDraft(draft, id);
      const now = this.clock.iso();
      const ended = isOpen(task) ? { ...withStatus(task, 'cancelled', now), reason: `deleted by ${actor.name}` } : task;
      draft.put({ ...ended, in_file: false, updated_at: now });
    });
    return this.get(id);
  }

  /**
   * Hands the task, or a part of it, to another agent: both files in one change. With `requires_approval` it answers at
   * once with the delegation pending, and goes on when a person has decided.
   */
  async delegate(id: string, body: DelegateTask, actor: Actor): Promise<Task> {
    const { agent_id: from } = this.mayTouch(id, actor);
    if (body.from_agent !== undefined && body.from_agent !== from)
      throw new NoxError('INVALID_STATE', `Task ${id} is in the file of ${from}, not of ${body.from_agent}.`);
    this.knownAgent(body.to_agent);
    if (body.to_agent === from)
      throw new NoxError('VALIDATION_ERROR', 'to_agent: is the agent that has the task', [
        { field: 'to_agent', message: 'is the agent that has the task' },
      ]);
    if (!isOpen(this.book.get(id)))
      throw new NoxError('INVALID_STATE', `Task ${id} has ended; nothing of it can be delegated.`);
    if (body.accept !== undefined) await this.mayAccept(body.to_agent, body.accept, actor);
    if (!body.requires_approval) {
      await this.handOver(id, from, body, actor.name, null);
      return this.get(id);
    }
    await new Promise<void>((resolve, reject) => {
      this.askThenHandOver(id, from, body, actor.name, resolve).catch((error: unknown) => {
        this.warn('a delegation was not carried out', { task_id: id, reason: messageOf(error) });
        reject(error instanceof Error ? error : new Error(messageOf(error)));
      });
    });
    return this.get(id);
  }

  private async askThenHandOver(
    id: string,
    from: string,
    body: DelegateTask,
    actor: string,
    asked: () => void,
  ): Promise<void> {
    const waiting: Delegation = {
      type: body.delegation_type,
      from_agent: from,
      to_agent: body.to_agent,
      task_id: null,
      status: 'pending',
      approval_id: null,
    };
    const { title } = this.book.get(id);
    const input = {
      task_id: id,
      title: body.title ?? title,
      to_agent: body.to_agent,
      delegation_type: body.delegation_type,
    };
    let noted: Promise<void> = Promise.resolve();
    const decision = await this.approvals.decide(
      {
        agent_id: from,
        session_id: null,
        turn_id: null,
        tool_use_id: `delegate:${id}:${this.book.freshId()}`,
        tool_name: 'delegate_task',
        input,
        cwd: this.registry.path,
        requires_user_interaction: true,
      },
      new AbortController().signal,
      (approval_id) => {
        noted = this.note(id, { ...waiting, approval_id }, actor).finally(asked);
      },
    );
    await noted;
    if (decision.behavior === 'deny')
      await this.note(id, { ...waiting, approval_id: decision.approval_id, status: 'denied' }, decision.by);
    else await this.handOver(id, from, body, decision.by, decision.approval_id);
    asked();
  }

  private async note(id: string, delegation: Delegation, actor: string): Promise<void> {
    await this.book.change([], actor, (draft) => {
      this.putDelegation(draft, id, delegation);
    });
  }

  private putDelegation(draft: Draft, id: string, delegation: Delegation): void {
    const task = this.inDraft(draft, id);
    const others = task.delegations.filter(
      (each) => each.status !== 'pending' || each.approval_id !== delegation.approval_id,
    );
    draft.put({ ...task, delegations: [...others, delegation], updated_at: this.clock.iso() });
    draft.delegations.push({ task_id: id, delegation });
    draft.log(id, 'delegated', `${delegation.status}: ${delegation.type} to ${delegation.to_agent}`);
  }

  private async handOver(
    id: string,
    from: string,
    body: DelegateTask,
    actor: string,
    approval_id: string | null,
  ): Promise<void> {
    const { to_agent, delegation_type: type } = body;
    const part = type === 'assignment' ? id : this.book.freshId();
    await this.book.change([from, to_agent], actor, (draft) => {
      const task = this.inDraft(draft, id);
      if (task.agent_id !== from || !isOpen(task))
        throw new NoxError('INVALID_STATE', `Task ${id} can no longer be delegated.`);
      const delegation: Delegation = {
        type,
        from_agent: from,
        to_agent,
        task_id: part,
        status: 'delegated',
        approval_id,
      };
      if (type === 'assignment') {
        draft.put({
          ...withStatus(task, 'todo', this.clock.iso()),
          agent_id: to_agent,
          from_agent: from,
          ...(body.title === undefined ? {} : { title: redact(body.title) }),
          ...(body.description === undefined ? {} : { description: redact(body.description) }),
          ...defined({ priority: body.priority, accept: body.accept }),
        });
      } else {
        const given: CreateTask = {
          agent_id: to_agent,
          title: body.title ?? task.title,
          description: body.description ?? task.description,
          priority: body.priority ?? task.priority,
          deadline: task.deadline,
          dependencies: [],
          accept: body.accept ?? [],
        };
        draft.put({ ...this.fresh(part, given, `agent:${from}`), from_agent: from, parent_id: id });
        if (type === 'request')
          draft.put({ ...task, dependencies: [...task.dependencies, part], updated_at: this.clock.iso() });
      }
      this.putDelegation(draft, id, delegation);
    });
    const { title, priority } = this.book.get(part);
    await this.tell({
      from,
      to: to_agent,
      task_id: part,
      priority,
      content: `Task ${part} was delegated to you by ${from}: ${title}`,
    });
  }

  /** The result of a delegated task goes to the agent that gave it away. */
  private async bringBack(task: KeptTask): Promise<void> {
    const from = task.from_agent;
    if (from === null || !this.registry.agents().has(from)) return;
    const owner = task.parent_id ?? task.id;
    await this.book.change([], 'nox', (draft) => {
      const parent = draft.get(owner);
      if (parent === undefined) return;
      const delegations = parent.delegations.map((each) =>
        each.task_id === task.id && each.status === 'delegated' ? { ...each, status: 'returned' as const } : each,
      );
      draft.put({ ...parent, delegations });
    });
    const how =
      task.status === 'done' ? 'is done' : `is ${task.status}${task.reason === null ? '' : ` (${task.reason})`}`;
    const proof = task.proof === 'passed' ? ' Its acceptance passed.' : '';
    const result = task.result === null ? '' : `\n\n${task.result}`;
    await this.tell({
      from: task.agent_id,
      to: from,
      task_id: task.id,
      priority: task.priority,
      content: `Task ${task.id} (${task.title}) ${how}.${proof}${result}`,
    });
  }

  private fresh(id: string, body: CreateTask, requested_by: string): KeptTask {
    const now = this.clock.iso();
    return {
      ...EMPTY,
      ...body,
      id,
      title: redact(body.title),
      description: redact(body.description),
      deadline: toMinute(body.deadline),
      requested_by,
      created_at: now,
      updated_at: now,
    };
  }

  private inDraft(draft: Draft, id: string): KeptTask {
    const task = draft.get(id);
    if (task === undefined) throw new NoxError('TASK_NOT_FOUND', `No task has the id ${id}.`);
    return task;
  }

  /** FORBIDDEN for an agent that has nothing to do with it. */
  private mayTouch(id: string, actor: Actor): KeptTask {
    const task = this.book.get(id);
    if (!actor.name.startsWith('agent:')) return task;
    const agent = actor.name.slice('agent:'.length);
    if ([task.agent_id, task.from_agent].includes(agent) || task.requested_by === actor.name) return task;
    throw new NoxError('FORBIDDEN', `Task ${id} is none of agent ${agent}.`);
  }

  /** Commands that an agent wants Nox to run are held to what holds for its own calls. */
  private async mayAccept(agent_id: string, commands: readonly string[], actor: Actor): Promise<void> {
    if (!actor.name.startsWith('agent:')) return;
    for (const command of commands) {
      const call = {
        agent_id: actor.name.slice('agent:'.length),
        session_id: null,
        turn_id: null,
        tool_use_id: `accept:${agent_id}:${this.book.freshId()}`,
        tool_name: 'Bash',
        input: { command },
        cwd: this.registry.path,
        requires_user_interaction: false,
      };
      const decision = await this.approvals.decide(call, new AbortController().signal, () => undefined);
      if (decision.behavior === 'deny')
        throw new NoxError(
          'FORBIDDEN',
          `The acceptance command ${JSON.stringify(command)} was not allowed: ${decision.reason}`,
        );
    }
  }

  private checkDependencies(draft: Draft, id: string, dependencies: readonly string[]): void {
    const unknown = dependencies.find((each) => draft.get(each) === undefined);
    if (unknown !== undefined && unknown !== id)
      throw new NoxError('VALIDATION_ERROR', `dependencies: no task has the id ${unknown}`, [
        { field: 'dependencies', message: `no task has the id ${unknown}` },
      ]);
    const cycle = findCycle(id, (each) => (each === id ? dependencies : (draft.get(each)?.dependencies ?? [])));
    if (cycle !== undefined)
      throw new NoxError('TASK_DEPENDENCY_CYCLE', `These tasks would wait for each other: ${cycle.join(' → ')}.`);
  }

  private knownAgent(id: string): void {
    if (!this.registry.agents().has(id)) throw new NoxError('AGENT_NOT_FOUND', `No agent has the id ${id}.`);
  }
}

function countsOf(tasks: readonly Task[]): TaskOverview['overview'] {
  const of = (status: Task['status']): number => tasks.filter((task) => task.status === status).length;
  return {
    total: tasks.length,
    todo: of('todo'),
    in_progress: of('in_progress'),
    blocked: of('blocked'),
    done: of('done'),
    failed: of('failed'),
    cancelled: of('cancelled'),
  };
}

/** Files have minutes. */
const toMinute = (iso: string | null): string | null => (iso === null ? null : `${iso.slice(0, 16)}:00.000Z`);

const defined = <T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
