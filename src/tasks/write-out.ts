import { NoxError } from '../shared/nox-error.js';
import { addTask, editTask, newTaskFile, removeTask, type TaskEdit, withIds } from './document/edit.js';
import { parseTasks, type TaskDocument, type TaskEntry } from './document/parse.js';
import { formatTime } from './document/times.js';
import type { Draft } from './draft.js';
import { adopt } from './ingest.js';
import type { KeptTask } from './model.js';

/** A file that is to be written. */
export interface Page {
  readonly agent_id: string;
  readonly zone: string;
  /** What stands in it; empty: nothing, or there is no file. */
  readonly before: string;
  /** The same with an id for each line, when it was just read. */
  readonly document: TaskDocument | undefined;
}

/** The file with the tasks as the draft has them; the draft then has them as the file says it. VALIDATION_ERROR. */
export function writeInto(page: Page, draft: Draft, tasks: ReadonlyMap<string, KeptTask>): string {
  const { agent_id, zone, before, document } = page;
  const start = before === '' ? newTaskFile(agent_id, zone) : before;
  const own = [...draft.all().values()].filter((task) => task.agent_id === agent_id);
  const leaving = [...draft.changed.values()]
    .filter((task) => task.agent_id !== agent_id && tasks.get(task.id)?.agent_id === agent_id)
    .map((task) => ({ ...task, in_file: false }));
  const present = own.filter((task) => task.in_file || draft.changed.has(task.id));
  if (before === '' && present.every((task) => !task.in_file)) return before;
  const base =
    document === undefined ? start : document.bom + document.lines.map((line) => line.text + line.eol).join('');
  const text = align(base, zone, [...leaving, ...present]);
  const parsed = parseTasks(text, zone);
  if (!parsed.ok)
    throw new NoxError('VALIDATION_ERROR', `The task cannot be written: ${parsed.problems[0]?.message ?? ''}.`);
  for (const entry of parsed.document.tasks) {
    const task = draft.get(entry.id ?? '');
    if (task !== undefined && draft.changed.has(task.id)) draft.put(adopt(task, entry));
  }
  return text;
}

/** The document with an id in each task's line. */
export function withNewIds(document: TaskDocument, zone: string, freshId: () => string): TaskDocument {
  if (document.tasks.every(({ id }) => id !== null)) return document;
  return readBack(withIds(document, freshId), zone);
}

/** The text in which the lines of these tasks, and no others, are as the tasks are. */
export function align(text: string, zone: string, tasks: readonly KeptTask[]): string {
  let result = text;
  let document = readBack(text, zone);
  for (const task of tasks) {
    const entry = document.tasks.find(({ id }) => id === task.id);
    let next = result;
    if (!task.in_file) next = entry === undefined ? result : removeTask(document, task.id).text;
    else if (entry === undefined)
      next = addTask(document, { ...wholeOf(task), id: task.id, title: task.title, status: task.status });
    else next = editTask(document, task.id, difference(entry, task, document.zone));
    if (next === result) continue;
    result = next;
    document = readBack(next, zone);
  }
  return result;
}

/** What was written by these very functions can be read; if not, what was there stays. */
function readBack(text: string, zone: string): TaskDocument {
  const parsed = parseTasks(text, zone);
  if (!parsed.ok) throw new Error(`the file would not be readable: ${parsed.problems[0]?.message ?? ''}`);
  return parsed.document;
}

function wholeOf(task: KeptTask): TaskEdit {
  const {
    description,
    deadline,
    progress,
    from_agent: from,
    dependencies: depends,
    accept,
    started_at,
    priority,
  } = task;
  return {
    priority,
    description,
    deadline,
    progress,
    from,
    depends,
    accept,
    ticked: task.status === 'done',
    ...(started_at === null ? {} : { started: started_at }),
  };
}

function difference(entry: TaskEntry, task: KeptTask, zone: string): TaskEdit {
  const minute = (iso: string | null): string | null => (iso === null ? null : formatTime(iso, zone));
  const whole = wholeOf(task);
  const edit: Record<string, unknown> = {};
  if (task.title !== entry.title) edit['title'] = task.title;
  if (task.priority !== (entry.priority ?? 'medium')) edit['priority'] = task.priority;
  for (const name of ['description', 'progress', 'from'] as const)
    if (whole[name] !== entry[name]) edit[name] = whole[name];
  for (const name of ['depends', 'accept'] as const)
    if (JSON.stringify(whole[name]) !== JSON.stringify(entry[name])) edit[name] = whole[name];
  if (minute(task.deadline) !== minute(entry.deadline)) edit['deadline'] = task.deadline;
  if (task.started_at !== null && minute(task.started_at) !== minute(entry.started)) edit['started'] = task.started_at;
  if (task.proof !== 'running') {
    if (task.status !== entry.status) {
      edit['status'] = task.status;
      if (task.status === 'done') edit['completed'] = task.completed_at;
      else if (entry.completed !== null) edit['completed'] = null;
    }
    const ticked = task.status === 'done';
    if (ticked !== entry.ticked && (ticked || task.status !== 'cancelled')) edit['ticked'] = ticked;
  }
  if (task.evidence !== null) {
    const { passed, results, ended_at } = task.evidence;
    const count = results.length === 1 ? '1 command' : `${results.length} commands`;
    edit['evidence'] = `${passed ? 'passed' : 'failed'} ${formatTime(ended_at, zone)} (${count})`;
  }
  return edit;
}
