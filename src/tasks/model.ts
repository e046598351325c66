import type { Priority } from '../contracts/agent.js';
import type { Task } from '../contracts/task.js';
import type * as z from 'zod';

/** What Nox keeps of a task; the rest of its view follows from the others and from the time. */
export type KeptTask = Omit<Task, 'overdue' | 'blocked_by'> & {
  /** Whether its line stands in the file. */
  readonly in_file: boolean;
  /** Dependencies whose results its agent has been told. */
  readonly told: readonly string[];
  /** The deadline for which it was told that it has passed. */
  readonly overdue_told: string | null;
  /** What its agent said of it during the turn under way; older ones have none. */
  readonly said?: { readonly status: Task['status']; readonly reason: string | null } | null;
};

type Tasks = ReadonlyMap<string, KeptTask>;

/** Whatever knows tasks by id. */
export interface KnownTasks {
  get(id: string): KeptTask | undefined;
}

const RANK: Readonly<Record<z.infer<typeof Priority>, number>> = { critical: 0, high: 1, medium: 2, low: 3 };

export const isOpen = ({ status }: Pick<Task, 'status'>): boolean => !['done', 'failed', 'cancelled'].includes(status);

/** Those of its dependencies that are not done, unknown ones too. */
export const blockedBy = (task: Pick<KeptTask, 'dependencies'>, tasks: KnownTasks): string[] =>
  task.dependencies.filter((id) => tasks.get(id)?.status !== 'done');

export const isOverdue = (task: KeptTask, now_ms: number): boolean =>
  isOpen(task) && task.deadline !== null && Date.parse(task.deadline) <= now_ms;

/** The task as it is shown. */
export function viewOf(task: KeptTask, tasks: KnownTasks, now_ms: number): Task {
  const { in_file: _, overdue_told: __, told: ___, said: ____, ...kept } = task;
  const blocked_by = isOpen(task) ? blockedBy(task, tasks) : [];
  return { ...kept, overdue: isOverdue(task, now_ms), blocked_by };
}

/** A way from a task to itself along dependencies, first and last the same; undefined when there is none. */
export function findCycle(id: string, dependenciesOf: (id: string) => readonly string[]): string[] | undefined {
  const seen = new Set<string>();
  const path = [id];
  const stack = [[...dependenciesOf(id)]];
  while (stack.length > 0) {
    const next = stack.at(-1)?.pop();
    if (next === undefined) {
      stack.pop();
      path.pop();
      continue;
    }
    if (next === id) return [...path, id];
    if (seen.has(next)) continue;
    seen.add(next);
    path.push(next);
    stack.push([...dependenciesOf(next)]);
  }
  return undefined;
}

/**
 * Its rank: its own, or that of the most urgent open task that waits for it (so that a critical task does not stand
 * behind a low one that it needs).
 */
export function urgency(task: KeptTask, tasks: Tasks): number {
  let best = RANK[task.priority];
  const seen = new Set([task.id]);
  let front = [task.id];
  while (front.length > 0 && best > 0) {
    const waiting = [...tasks.values()].filter(
      (each) => !seen.has(each.id) && isOpen(each) && each.dependencies.some((id) => front.includes(id)),
    );
    front = waiting.map(({ id }) => id);
    for (const each of waiting) {
      seen.add(each.id);
      best = Math.min(best, RANK[each.priority]);
    }
  }
  return best;
}

/** The task and what it still depends on, however far: those that are less urgent than is wanted. */
export function lessUrgent(id: string, wanted: Task['priority'], tasks: KnownTasks): KeptTask[] {
  const found = new Map<string, KeptTask>();
  const front = [id];
  for (let next = front.pop(); next !== undefined; next = front.pop()) {
    const task = tasks.get(next);
    if (task === undefined || !isOpen(task) || found.has(next)) continue;
    found.set(next, task);
    front.push(...task.dependencies);
  }
  return [...found.values()].filter(({ priority }) => RANK[priority] > RANK[wanted]);
}

/** The order in which tasks are started: priority, then deadline (none is last), then age. */
export function byUrgency(tasks: Tasks): (a: KeptTask, b: KeptTask) => number {
  const ranks = new Map<string, number>();
  const rank = (task: KeptTask): number => {
    const known = ranks.get(task.id) ?? urgency(task, tasks);
    ranks.set(task.id, known);
    return known;
  };
  const due = ({ deadline }: KeptTask): number => (deadline === null ? Number.POSITIVE_INFINITY : Date.parse(deadline));
  return (a, b) =>
    rank(a) - rank(b) || compare(due(a), due(b)) || compare(a.created_at, b.created_at) || compare(a.id, b.id);
}

const compare = <T extends number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

/** Whether Nox works on it: its turn is open, or its acceptance commands run. */
export const isRunning = ({ status, turn_id, proof }: KeptTask): boolean =>
  (status === 'in_progress' && turn_id !== null) || proof === 'running';

/** Tasks of one agent that may start now, best first, no more than there is room for; also one that a person moved to
 * "In Progress". */
export function startable(agent_id: string, tasks: Tasks, limit: number, now_ms: number): KeptTask[] {
  const own = [...tasks.values()].filter((task) => task.agent_id === agent_id);
  const room = limit - own.filter(isRunning).length;
  if (room <= 0) return [];
  return own
    .filter(
      (task) =>
        (task.status === 'todo' || task.status === 'in_progress') &&
        task.turn_id === null &&
        task.in_file &&
        !task.held &&
        task.proof !== 'running' &&
        blockedBy(task, tasks).length === 0 &&
        (task.next_try_at === null || Date.parse(task.next_try_at) <= now_ms),
    )
    .sort(byUrgency(tasks))
    .slice(0, room);
}

/** What follows from dependencies alone: who must wait, who need not any more. A person's own hold stays. */
export function blockChanges(tasks: Tasks): { id: string; status: 'blocked' | 'todo'; reason: string | null }[] {
  const changes: { id: string; status: 'blocked' | 'todo'; reason: string | null }[] = [];
  for (const task of tasks.values()) {
    if (task.dependencies.length === 0 || task.proof === 'running') continue;
    const waits_for = blockedBy(task, tasks);
    if (task.status === 'todo' && waits_for.length > 0)
      changes.push({ id: task.id, status: 'blocked', reason: `waits for ${waits_for.join(', ')}` });
    if (task.status === 'blocked' && waits_for.length === 0)
      changes.push({ id: task.id, status: 'todo', reason: null });
  }
  return changes;
}

export interface RetryPolicy {
  readonly max_attempts: number;
  readonly initial_ms: number;
  readonly max_ms: number;
}

/** What becomes of a task whose attempt failed: it is tried again after a growing while, or it has failed. */
export function afterFailure(task: KeptTask, reason: string, policy: RetryPolicy, now_ms: number): KeptTask {
  const gone = { ...task, turn_id: null, updated_at: new Date(now_ms).toISOString() };
  if (task.attempts >= policy.max_attempts) {
    return { ...gone, status: 'failed', next_try_at: null, reason: `${reason} (${task.attempts} attempts)` };
  }
  const wait_ms = Math.min(policy.max_ms, policy.initial_ms * 2 ** Math.max(0, task.attempts - 1));
  return { ...gone, status: 'todo', reason, next_try_at: new Date(now_ms + wait_ms).toISOString() };
}
