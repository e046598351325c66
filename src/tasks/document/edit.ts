import type { TaskStatus } from '../../contracts/task.js';
import { escapeNote, FIELD, type FieldName, formatCommand, type TaskFields } from './fields.js';
import { eolOf, isBlank, joinLines, type Line } from './lines.js';
import type { TaskDocument, TaskEntry } from './parse.js';
import { formatTime } from './times.js';
import { formatTitle, type TitleParts } from './title.js';

/** What of a task's lines is to change; what is not named stays as it is, byte for byte. */
export interface TaskEdit extends Partial<Omit<TitleParts, 'id' | 'completed'>>, Partial<TaskFields> {
  readonly status?: TaskStatus;
  readonly ticked?: boolean;
  /** RFC 3339; null takes it away. */
  readonly completed?: string | null;
  readonly description?: string;
  /** A remark of Nox on its last run of the acceptance commands. */
  readonly evidence?: string | null;
}

export interface NewTask extends TaskEdit {
  readonly id: string;
  readonly title: string;
  readonly status: TaskStatus;
}

const HEADINGS: Readonly<Record<TaskStatus, string>> = {
  in_progress: '## 🟢 In Progress',
  todo: '## 📋 Todo',
  blocked: '## ⛔ Blocked',
  failed: '## ❌ Failed',
  done: '## ✅ Done',
  cancelled: '## 🗑️ Cancelled',
};
const EMPTY = { id: null, title: '', priority: null, completed: null } as const;

/** A file for an agent that has none. */
export const newTaskFile = (agent_id: string, zone: string): string =>
  [
    `<!-- zone: ${zone} -->`,
    `# Tasks for ${agent_id}`,
    '',
    ...(['in_progress', 'todo', 'blocked', 'done'] as const).flatMap((status) => [HEADINGS[status], '']),
  ].join('\n');

/** Gives every task that has none an id. */
export function withIds(document: TaskDocument, nextId: () => string): string {
  const lines = [...document.lines];
  for (const { id, first } of document.tasks) {
    const line = lines[first];
    if (id === null && line !== undefined)
      lines[first] = { ...line, text: `${line.text.trimEnd()} <!-- id: ${nextId()} -->` };
  }
  return joinLines(document.bom, lines);
}

/** The text with one task changed. The task must be in the document. */
export function editTask(document: TaskDocument, id: string, edit: TaskEdit): string {
  const entry = document.tasks.find((task) => task.id === id);
  if (entry === undefined) throw new Error(`there is no task ${id} in this document`);
  const eol = eolOf(document.lines);
  const block = blockOf(document, entry, edit, eol);
  const lines = [...document.lines];
  if (edit.status === undefined || edit.status === entry.status) {
    lines.splice(entry.first, entry.end - entry.first, ...block);
    return joinLines(document.bom, lines);
  }
  const at = sectionEnd(document, edit.status, entry);
  if (at === undefined) {
    lines.splice(entry.first, entry.end - entry.first);
    return appendSection(document.bom, lines, edit.status, block, eol);
  }
  insertAt(lines, at, block, eol);
  lines.splice(entry.first + (at <= entry.first ? block.length : 0), entry.end - entry.first);
  return joinLines(document.bom, lines);
}

/** The text with one task more, at the end of its section. */
export function addTask(document: TaskDocument, task: NewTask): string {
  const eol = eolOf(document.lines);
  const lines = [...document.lines];
  const { id, title, status, priority = null } = task;
  const box = task.ticked === true ? 'x' : ' ';
  const head: Line = { text: `- [${box}] ${formatTitle({ ...EMPTY, id, title, priority })}`, eol };
  const block = withDetails([head], task, document.zone, eol);
  const at = sectionEnd(document, status);
  if (at === undefined) return appendSection(document.bom, lines, status, block, eol);
  insertAt(lines, at, block, eol);
  return joinLines(document.bom, lines);
}

/** The text without one task, and the lines that were taken out. */
export function removeTask(document: TaskDocument, id: string): { text: string; removed: string } {
  const entry = document.tasks.find((task) => task.id === id);
  if (entry === undefined) return { text: joinLines(document.bom, document.lines), removed: '' };
  const lines = [...document.lines];
  const removed = lines.splice(entry.first, entry.end - entry.first);
  return { text: joinLines(document.bom, lines), removed: joinLines('', removed) };
}

function blockOf(document: TaskDocument, entry: TaskEntry, edit: TaskEdit, eol: Line['eol']): Line[] {
  const block = document.lines.slice(entry.first, entry.end);
  const [head, ...rest] = block;
  if (head === undefined) return [];
  let { text } = head;
  if (edit.ticked !== undefined && edit.ticked !== entry.ticked)
    text = text.replace(/\[[ xX]\]/, edit.ticked ? '[x]' : '[ ]');
  const completed =
    edit.completed === undefined
      ? entry.completed
      : edit.completed === null
        ? null
        : formatTime(edit.completed, document.zone);
  const { id, title, priority } = entry;
  const parts: TitleParts = { id, title: edit.title ?? title, priority: edit.priority ?? priority, completed };
  const same = parts.title === title && parts.priority === priority && parts.completed === entry.completed;
  if (!same)
    text = text.replace(/^([ \t]*[-*+][ \t]+\[[ xX]\][ \t]+)[\s\S]*$/, (_, box: string) => box + formatTitle(parts));
  return withDetails([{ ...head, text }, ...rest], edit, document.zone, eol, entry.indent);
}

/** The block with its fields as the edit has them. */
function withDetails(block: readonly Line[], edit: TaskEdit, zone: string, eol: Line['eol'], indent = 0): Line[] {
  const pad = ' '.repeat(indent + 2);
  let lines = [...block];
  const set = (name: FieldName, values: readonly string[] | undefined): void => {
    if (values !== undefined) lines = withField(lines, name, values, pad, eol);
  };
  const one = (value: string | null | undefined): string[] | undefined =>
    value === undefined ? undefined : value === null ? [] : [value];
  const time = (value: string | null | undefined): string[] | undefined =>
    one(value)?.map((iso) => formatTime(iso, zone));
  if (edit.description !== undefined) lines = withDescription(lines, edit.description, pad, eol);
  set('Started', time(edit.started));
  set('Progress', edit.progress === undefined ? undefined : edit.progress === null ? [] : [`${edit.progress}%`]);
  set('Deadline', time(edit.deadline));
  set('Depends', edit.depends === undefined || edit.depends.length > 0 ? one(edit.depends?.join(', ')) : []);
  set('Accept', edit.accept?.map(formatCommand));
  set('From', one(edit.from));
  set('Evidence', one(edit.evidence));
  return lines;
}

function withField(
  block: readonly Line[],
  name: FieldName,
  values: readonly string[],
  pad: string,
  eol: Line['eol'],
): Line[] {
  const isIt = ({ text }: Line, index: number): boolean =>
    index > 0 && FIELD.exec(text)?.[2]?.toLowerCase() === name.toLowerCase();
  const had = block.filter(isIt).map(({ text }) => FIELD.exec(text)?.[3] ?? '');
  if (had.length === values.length && had.every((value, i) => value === values[i])) return [...block];
  const found = block.findIndex(isIt);
  const wanted = values.map((value): Line => ({ text: `${pad}- ${name}: ${value}`, eol }));
  const rest = block.filter((line, index) => !isIt(line, index));
  // Where the first one was, else below the fields that stand at the top.
  const at = found > 0 ? found : 1 + leadingFields(rest);
  return spliced(rest, at, wanted, eol);
}

function leadingFields(block: readonly Line[]): number {
  const end = block.findIndex(({ text }, index) => index > 0 && !FIELD.test(text));
  return (end < 0 ? block.length : end) - 1;
}

function withDescription(block: readonly Line[], text: string, pad: string, eol: Line['eol']): Line[] {
  const fields = block.filter((line, index) => index === 0 || FIELD.test(line.text));
  const notes = text
    .replaceAll(/\r\n?/g, '\n')
    .trimEnd()
    .replace(/^(?:[ \t]*\n)+/, '');
  if (notes === '') return fields;
  const wanted = notes
    .split('\n')
    .map((line): Line => ({ text: isBlank(line) ? '' : pad + escapeNote(line.trimEnd()), eol }));
  return spliced(fields, fields.length, wanted, eol);
}

/** Puts lines in; what stood last without a line end gets one. */
function spliced(lines: readonly Line[], at: number, wanted: readonly Line[], eol: Line['eol']): Line[] {
  const result = [...lines];
  insertAt(result, at, wanted, eol);
  return result;
}

function insertAt(lines: Line[], at: number, wanted: readonly Line[], eol: Line['eol']): void {
  if (wanted.length === 0) return;
  const before = lines[at - 1];
  if (before?.eol === '') lines[at - 1] = { ...before, eol };
  lines.splice(at, 0, ...wanted.map((line) => (line.eol === '' ? { ...line, eol } : line)));
}

/** Where a task goes that joins this status: below the last one there, else below the heading. */
function sectionEnd(document: TaskDocument, status: TaskStatus, except?: TaskEntry): number | undefined {
  const section =
    document.sections.find((each) => each.status === status && each.heading >= 0) ??
    document.sections.find((each) => each.status === status && hasTasks(document, each));
  if (section === undefined) return undefined;
  const inside = document.tasks.filter(
    (task) => task !== except && task.first > section.heading && task.end <= section.end,
  );
  const last = inside.at(-1);
  if (last !== undefined) return last.end;
  let at = section.heading + 1;
  // Words right below the heading are about the section.
  while (at < section.end && !isBlank(document.lines[at]?.text ?? '') && at !== except?.first) at += 1;
  return at;
}

const hasTasks = (document: TaskDocument, { heading, end }: { heading: number; end: number }): boolean =>
  document.tasks.some((task) => task.first > heading && task.end <= end);

function appendSection(
  bom: string,
  before: readonly Line[],
  status: TaskStatus,
  block: readonly Line[],
  eol: Line['eol'],
): string {
  const lines = [...before];
  const last = lines.at(-1);
  const gap: Line[] = last === undefined || isBlank(last.text) ? [] : [{ text: '', eol }];
  insertAt(lines, lines.length, [...gap, { text: HEADINGS[status], eol }, ...block], eol);
  return joinLines(bom, lines);
}
