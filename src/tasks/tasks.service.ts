import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '../contracts/auth.js';
import type { RouteInput, RouteReply } from '../contracts/routes.js';
import type {
  CreateTask,
  DelegateTask,
  PriorityAnswer,
  PriorityRequest,
  Task,
  TaskFile,
  TaskFileProblem,
  TaskLog,
  TaskOverview,
  UpdateTask,
} from '../contracts/task.js';
import { redact } from '../registry/redact.js';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { taskIdOf } from '../shared/ids.js';
import { NoxError } from '../shared/nox-error.js';
import { Delegations } from './delegations.js';
import type { Draft } from './draft.js';
import { withStatus } from './ingest.js';
import { byUrgency, findCycle, isOpen, type KeptTask, lessUrgent } from './model.js';
import { defined, freshTask, mustHave, toMinute } from './new-task.js';
import { TaskBook } from './task-book.js';
import { TaskMail } from './task-mail.js';
import { agentOf, TaskRights } from './task-rights.js';
import { TaskRunner } from './task-runner.js';
import { readLog } from './task-store.js';

type ListQuery = Omit<RouteInput<'tasks_list'>['query'], never>;

/**
 * What people, and agents by their tools, ask of tasks. Answers are given when file and journal have the change. An actor
 * `agent:<id>` may touch only tasks that it works on, has asked for, or has delegated.
 */
@Injectable()
export class TasksService {
  /** Set by the folder that tasks are dropped into: what there is no task. */
  dropProblems: () => { path: string; problems: TaskFileProblem[] }[] = () => [];

  constructor(
    @Inject(TaskBook) private readonly book: TaskBook,
    @Inject(TaskRunner) private readonly runner: TaskRunner,
    @Inject(TaskRights) private readonly rights: TaskRights,
    @Inject(Delegations) private readonly delegations: Delegations,
    @Inject(TaskMail) mail: TaskMail,
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    runner.returned = (task) => mail.returned(task);
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

  /** AGENT_NOT_FOUND: no agent has this id, and no task of one that is gone names it. */
  ofAgent(id: string, query: Omit<ListQuery, 'agent_id'>): RouteReply<'tasks_list'> {
    if (![...this.book.all().values()].some((task) => task.agent_id === id)) this.rights.knownAgent(id);
    return this.list({ ...query, agent_id: id });
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
    this.rights.knownAgent(agent_id);
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
      file_problems: [...this.book.fileProblems(), ...this.dropProblems().map((each) => ({ agent_id: null, ...each }))],
    };
  }

  /**
   * AGENT_NOT_FOUND, TASK_DEPENDENCY_CYCLE, TASK_FILE_INVALID, FORBIDDEN. With a `key`, a sha256 in hex, a second call
   * answers with the task of the first.
   */
  async create(body: CreateTask, actor: Actor, key?: string): Promise<Task> {
    const id = key === undefined ? this.book.freshId() : taskIdOf(key);
    if (this.book.all().has(id)) return this.get(id);
    this.rights.knownAgent(body.agent_id);
    this.rights.mayCreateFor(body.agent_id, actor);
    await this.rights.mayAccept(body.agent_id, body.accept, actor);
    await this.book.change([body.agent_id], actor.name, (draft) => {
      this.checkDependencies(draft, id, body.dependencies);
      draft.put(freshTask(id, body, actor.name, this.clock.iso()));
    });
    return this.get(id);
  }

  async update(id: string, patch: UpdateTask, actor: Actor): Promise<Task> {
    const { agent_id } = this.mayTouch(id, actor);
    if (patch.accept !== undefined) {
      // The proof of an agent's work is not the agent's to change.
      if (agentOf(actor) === agent_id)
        throw new NoxError('FORBIDDEN', 'An agent cannot change how its own work is proved.');
      await this.rights.mayAccept(agent_id, patch.accept, actor);
    }
    await this.book.change([agent_id], actor.name, (draft) => {
      const task = mustHave(draft, id);
      const { status, title, description, deadline, note, ...rest } = patch;
      if (patch.dependencies !== undefined) this.checkDependencies(draft, id, patch.dependencies);
      if (status !== undefined) this.rights.maySetStatus(task, status, actor);
      if (note !== undefined) draft.log(id, 'note', redact(note));
      const now = this.clock.iso();
      const after: KeptTask = {
        ...task,
        ...defined(rest),
        ...(title === undefined ? {} : { title: redact(title) }),
        ...(description === undefined ? {} : { description: redact(description) }),
        ...(deadline === undefined ? {} : { deadline: toMinute(deadline) }),
        updated_at: now,
      };
      const reason = note === undefined ? null : redact(note);
      if (status === undefined || status === task.status) draft.put(after);
      // Its own turn is not cut short by what it says in it: that counts when the turn ends.
      else if (agentOf(actor) === task.agent_id && task.turn_id !== null)
        draft.put({ ...after, said: { status, reason } });
      else {
        const moved = withStatus(after, status, now);
        draft.put({ ...moved, in_file: true, reason: moved.reason ?? reason });
      }
    });
    return this.get(id);
  }

  /** Wants it sooner: it and what it still depends on become at least so urgent, whoever has them. INVALID_STATE. */
  async requestPriority(id: string, { priority, reason }: PriorityRequest, actor: Actor): Promise<PriorityAnswer> {
    this.mayTouch(id, actor);
    const owners = lessUrgent(id, priority, this.book.all()).map(({ agent_id }) => agent_id);
    const raised = await this.book.change(owners, actor.name, (draft) => {
      const wanted = mustHave(draft, id);
      if (!isOpen(wanted)) throw new NoxError('INVALID_STATE', `Task ${id} is ${wanted.status} already.`);
      const now = this.clock.iso();
      const slow = lessUrgent(id, priority, draft);
      for (const task of slow) {
        draft.put({ ...task, priority, updated_at: now });
        const sake = task.id === id ? '' : ` for ${id}`;
        draft.log(task.id, 'note', `raised to ${priority}${sake}${reason === undefined ? '' : `: ${redact(reason)}`}`);
      }
      return slow.map((task) => task.id);
    });
    return { task: this.get(id), raised };
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
      const task = mustHave(draft, id);
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
      const task = mustHave(draft, id);
      const now = this.clock.iso();
      const ended = isOpen(task) ? { ...withStatus(task, 'cancelled', now), reason: `deleted by ${actor.name}` } : task;
      draft.put({ ...ended, in_file: false, updated_at: now });
    });
    return this.get(id);
  }

  /** Hands the task, or a part of it, to another agent; see `Delegations.delegate`. */
  async delegate(id: string, body: DelegateTask, actor: Actor, key?: string): Promise<Task> {
    await this.delegations.delegate(id, body, actor, key);
    return this.get(id);
  }

  private mayTouch(id: string, actor: Actor): KeptTask {
    const task = this.book.get(id);
    this.rights.mayTouch(task, actor);
    return task;
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
