import type { TaskFileProblem, TaskStatus } from '../contracts/task.js';
import type { TaskDocument, TaskEntry } from './document/parse.js';
import { findCycle, isOpen, type KeptTask } from './model.js';

type Tasks = ReadonlyMap<string, KeptTask>;

export interface Ingested {
  /** Tasks that are other than before, new ones among them. */
  readonly changed: readonly KeptTask[];
  /** If there are any, nothing of the file counts. */
  readonly problems: readonly TaskFileProblem[];
}

/** What a file says that a person has edited, as changes of the tasks that are known. Every entry has an id. */
export function ingest(document: TaskDocument, agent_id: string, tasks: Tasks, now_ms: number): Ingested {
  const now = new Date(now_ms).toISOString();
  const problems: TaskFileProblem[] = [];
  const changed: KeptTask[] = [];
  const here = new Set<string>();
  for (const entry of document.tasks) {
    const id = entry.id ?? '';
    here.add(id);
    const before = tasks.get(id);
    if (before !== undefined && before.agent_id !== agent_id && before.in_file) {
      problems.push({ line: entry.first + 1, message: `${id} stands in tasks/${before.agent_id}.md too` });
      continue;
    }
    const after = adopt(before ?? newTask(id, agent_id, entry, now), entry, agent_id);
    const moved = withAsk(after, entry, before, now);
    if (before === undefined || !same(before, moved)) changed.push({ ...moved, updated_at: now });
  }
  problems.push(...cycles(document, tasks));
  for (const task of tasks.values()) {
    if (task.agent_id !== agent_id || !task.in_file || here.has(task.id)) continue;
    const gone = { in_file: false, updated_at: now };
    changed.push(
      isOpen(task)
        ? { ...task, ...gone, status: 'cancelled', proof: 'none', reason: 'its line was deleted', completed_at: now }
        : { ...task, ...gone },
    );
  }
  return { changed: problems.length > 0 ? [] : changed, problems };
}

/** Whether taking this file as it is would cancel tasks: a file that is half written looks like that. */
export const losesTasks = (document: TaskDocument, agent_id: string, tasks: Tasks): boolean => {
  const here = new Set(document.tasks.map(({ id }) => id));
  return [...tasks.values()].some((task) => task.agent_id === agent_id && task.in_file && !here.has(task.id));
};

/** The task with what its entry says; its status is decided elsewhere. */
export function adopt(task: KeptTask, entry: TaskEntry, agent_id = task.agent_id): KeptTask {
  return {
    ...task,
    agent_id,
    in_file: true,
    title: entry.title,
    description: entry.description,
    priority: entry.priority ?? 'medium',
    deadline: entry.deadline,
    dependencies: [...entry.depends],
    accept: [...entry.accept],
    progress: entry.progress,
    from_agent: entry.from,
  };
}

/** Asks for done: runs the acceptance commands first, if there are any. */
export function askDone(task: KeptTask, now: string): KeptTask {
  const open = isOpen(task) ? task : { ...task, status: 'todo' as const };
  if (task.accept.length > 0) return { ...open, proof: 'running', reason: null };
  return {
    ...task,
    status: 'done',
    held: false,
    turn_id: null,
    proof: 'none',
    reason: null,
    completed_at: now,
    next_try_at: null,
  };
}

/** The task in another status, with what goes with it. */
export function withStatus(task: KeptTask, status: TaskStatus, now: string): KeptTask {
  if (status === 'done') return askDone(task, now);
  const fresh = { ...task, status, proof: 'none' as const, turn_id: null, next_try_at: null, reason: null, said: null };
  switch (status) {
    case 'todo':
      return { ...fresh, held: false, attempts: 0, completed_at: null };
    case 'in_progress':
      return { ...fresh, held: false, started_at: now, completed_at: null };
    case 'blocked':
      return { ...fresh, completed_at: null };
    default:
      return { ...fresh, completed_at: now };
  }
}

function withAsk(after: KeptTask, entry: TaskEntry, before: KeptTask | undefined, now: string): KeptTask {
  const ended = ['done', 'cancelled', 'failed'].includes(entry.status);
  const known = before !== undefined && before.in_file ? before.status : undefined;
  let wanted: TaskStatus = entry.ticked && !ended ? 'done' : entry.status;
  if (entry.status === 'done' && !entry.ticked && known === 'done') wanted = 'todo';
  if (wanted === known) return after;
  if (wanted === 'done' && after.proof === 'running') return after;
  const base: KeptTask = known === undefined && wanted === 'done' ? { ...after, status: 'todo' } : after;
  const next = withStatus(base, wanted, now);
  return wanted === 'in_progress' ? { ...next, started_at: entry.started ?? now } : next;
}

function newTask(id: string, agent_id: string, entry: TaskEntry, now: string): KeptTask {
  return {
    ...EMPTY,
    id,
    agent_id,
    title: entry.title,
    requested_by: entry.from === null ? 'external' : `agent:${entry.from}`,
    started_at: entry.started,
    created_at: now,
    updated_at: now,
  };
}

/** What a task begins with. */
export const EMPTY = {
  description: '',
  status: 'todo',
  priority: 'medium',
  progress: null,
  deadline: null,
  dependencies: [],
  accept: [],
  proof: 'none',
  evidence: null,
  from_agent: null,
  parent_id: null,
  delegations: [],
  result: null,
  reason: null,
  held: false,
  attempts: 0,
  next_try_at: null,
  turn_id: null,
  started_at: null,
  completed_at: null,
  in_file: true,
  told: [],
  overdue_told: null,
} as const satisfies Partial<KeptTask>;

function cycles(document: TaskDocument, tasks: Tasks): TaskFileProblem[] {
  const own = new Map(document.tasks.map((entry) => [entry.id, entry.depends]));
  const of = (id: string): readonly string[] => own.get(id) ?? tasks.get(id)?.dependencies ?? [];
  for (const entry of document.tasks) {
    if (entry.depends.length === 0) continue;
    const cycle = findCycle(entry.id ?? '', of);
    if (cycle !== undefined)
      return [{ line: entry.first + 1, message: `these tasks wait for each other: ${cycle.join(' → ')}` }];
  }
  return [];
}

const same = (a: KeptTask, b: KeptTask): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (task: KeptTask): unknown[] => Object.entries(task).sort(([a], [b]) => (a < b ? -1 : 1));
