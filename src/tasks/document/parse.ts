import type { TaskFileProblem, TaskStatus } from '../../contracts/task.js';
import { FIELD, fieldProblem, MAX_ACCEPT, readFields, unescapeNote, type TaskFields } from './fields.js';
import { readFrontMatter } from './front-matter.js';
import { indentOf, isBlank, type Line, splitLines } from './lines.js';
import { isZone } from './times.js';
import { readTitle, type TitleParts } from './title.js';

export const MAX_FILE_BYTES = 1024 * 1024;
const MAX_LINE = 16_384;
const MAX_TASKS = 2000;
const MAX_TITLE = 300;
const MAX_PROBLEMS = 20;

/** A task as its file has it. Lines are indexes into the document's; `end` is the first one after it. */
export interface TaskEntry extends TitleParts, TaskFields {
  readonly status: TaskStatus;
  readonly ticked: boolean;
  readonly first: number;
  readonly end: number;
  readonly indent: number;
  /** Lines of its block that are no fields, without their common white space. */
  readonly description: string;
}

export interface Section {
  /** Undefined: free text of people. */
  readonly status: TaskStatus | undefined;
  /** Index of its heading; -1 for what stands before the first one. */
  readonly heading: number;
  readonly end: number;
}

export interface TaskDocument {
  readonly bom: string;
  readonly lines: readonly Line[];
  readonly sections: readonly Section[];
  readonly tasks: readonly TaskEntry[];
  readonly zone: string;
}

export type Parsed =
  { readonly ok: true; readonly document: TaskDocument } | { readonly ok: false; readonly problems: TaskFileProblem[] };

const TASK = /^([ \t]*)([-*+])[ \t]+\[([ xX])\](?:[ \t]+(.*))?$/s;
const HEADING = /^##(?!#)[ \t]*(.*?)[ \t]*#*$/s;
const ID_COMMENT = /<!--[ \t]*id:/i;
const ZONE = /^<!--[ \t]*(?:time ?zone|zone|times)[ \t]*:[ \t]*([^\s>]+)[ \t]*-->[ \t]*$/i;

const WORDS: Readonly<Record<string, TaskStatus>> = {
  'in progress': 'in_progress',
  doing: 'in_progress',
  todo: 'todo',
  'to do': 'todo',
  blocked: 'blocked',
  done: 'done',
  completed: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
  canceled: 'cancelled',
};

/** The status that a heading names by its words, whatever signs stand around them. */
export function statusOfHeading(text: string): TaskStatus | undefined {
  const words = text
    .replaceAll(/[^\p{L}\s]/gu, ' ')
    .trim()
    .replaceAll(/\s+/g, ' ')
    .toLowerCase();
  return Object.hasOwn(WORDS, words) ? WORDS[words] : undefined;
}

/**
 * Reads a task file. Everything that is no task is kept by the document as it stands; what looks like a task and cannot
 * be read as one is a problem of its line, and then nothing of the file counts. Takes time linear in its length.
 */
export function parseTasks(text: string, server_zone: string): Parsed {
  if (text.length > MAX_FILE_BYTES) return refusal(null, `is larger than ${MAX_FILE_BYTES} bytes`);
  const zero = text.indexOf('\u0000');
  if (zero >= 0) return refusal(text.slice(0, zero).split('\n').length, 'holds a zero byte');
  const { bom, lines } = splitLines(text);
  const long = lines.findIndex((line) => line.text.length > MAX_LINE);
  if (long >= 0) return refusal(long + 1, `is longer than ${MAX_LINE} characters`);
  const matter = readFrontMatter(lines);
  if (matter !== null && 'message' in matter) return refusal(matter.line, matter.message);
  return new Reader(bom, lines, matter?.end ?? 0, server_zone).read();
}

const refusal = (line: number | null, message: string): Parsed => ({ ok: false, problems: [{ line, message }] });

class Reader {
  private readonly problems: TaskFileProblem[] = [];
  private readonly tasks: TaskEntry[] = [];
  private readonly sections: Section[] = [];
  private readonly ids = new Map<string, number>();

  constructor(
    private readonly bom: string,
    private readonly lines: readonly Line[],
    private readonly start: number,
    private readonly server_zone: string,
  ) {}

  read(): Parsed {
    const zone = this.zone();
    let section: { status: TaskStatus | undefined; heading: number } = { status: 'todo', heading: -1 };
    let index = this.start;
    while (index < this.lines.length && this.problems.length < MAX_PROBLEMS) {
      const text = this.text(index);
      const after = this.afterFreeBlock(index);
      if (after > index) {
        for (let at = index; at < after; at += 1) this.refuseStrayId(at, 'is inside a code block or a comment');
        index = after;
        continue;
      }
      const heading = HEADING.exec(text);
      if (heading !== null) {
        this.sections.push({ ...section, end: index });
        section = { status: statusOfHeading(heading[1] ?? ''), heading: index };
      }
      const task = TASK.exec(text);
      if (task === null || indentOf(text) > 3) {
        this.refuseStrayId(index, 'is not on the line of a task ("- [ ] Title <!-- id: … -->")');
        index += 1;
      } else if (section.status === undefined) {
        this.refuseStrayId(index, 'stands under a heading that names no status');
        index += 1;
      } else {
        index = this.readTask(index, task, section.status, zone);
      }
    }
    this.sections.push({ ...section, end: this.lines.length });
    if (this.problems.length > 0) return { ok: false, problems: this.problems };
    const { bom, lines, sections, tasks } = this;
    return { ok: true, document: { bom, lines, sections, tasks, zone } };
  }

  private readTask(first: number, found: RegExpExecArray, status: TaskStatus, zone: string): number {
    const indent = indentOf(this.text(first));
    const end = this.endOfBlock(first, indent);
    const block = this.lines.slice(first + 1, end).map((line) => line.text);
    const title = readTitle(found[4] ?? '');
    if ('problem' in title) this.refuse(first, title.problem);
    else if (title.title === '') this.refuse(first, 'the task has no title');
    else if (title.title.length > MAX_TITLE) this.refuse(first, `the title is longer than ${MAX_TITLE} characters`);
    const notes: string[] = [];
    const fields = new Map<string, string[]>();
    block.forEach((text, offset) => {
      const field = FIELD.exec(text);
      if (field === null) {
        notes.push(text);
        this.refuseStrayId(first + 1 + offset, 'is not on the line of a task of its own');
        return;
      }
      const [, , key = '', value = ''] = field;
      const problem = fieldProblem(key, value, zone);
      if (problem !== undefined) this.refuse(first + 1 + offset, problem);
      fields.set(key.toLowerCase(), [...(fields.get(key.toLowerCase()) ?? []), value]);
    });
    if ((fields.get('accept')?.length ?? 0) > MAX_ACCEPT)
      this.refuse(first, `a task has at most ${MAX_ACCEPT} acceptance commands`);
    if ('problem' in title) return end;
    this.noteId(title.id, first);
    if (this.tasks.length >= MAX_TASKS) this.refuse(first, `there are more than ${MAX_TASKS} tasks in this file`);
    this.tasks.push({
      ...title,
      ...readFields(fields, zone),
      status,
      ticked: found[3] !== ' ',
      first,
      end,
      indent,
      description: dedent(notes),
    });
    return end;
  }

  /** Everything deeper than the task's own line belongs to it, blank lines between too. */
  private endOfBlock(first: number, indent: number): number {
    let end = first + 1;
    for (let at = end; at < this.lines.length; at += 1) {
      const text = this.text(at);
      if (isBlank(text)) continue;
      if (indentOf(text) <= indent) break;
      end = at + 1;
    }
    return end;
  }

  /** Where a fenced code block or a comment of several lines that begins here ends; the index itself when none does. */
  private afterFreeBlock(index: number): number {
    const text = this.text(index);
    const fence = /^ {0,3}(`{3,}|~{3,})/.exec(text)?.[1];
    if (fence !== undefined) {
      const closing = new RegExp(`^ {0,3}\\${fence[0]}{${fence.length},}[ \\t]*$`);
      const end = this.find(index + 1, (line) => closing.test(line));
      if (end < 0) this.refuse(index, 'the code block that begins here never ends');
      return end < 0 ? this.lines.length : end + 1;
    }
    if (!/^ {0,3}<!--/.test(text) || text.includes('-->', text.indexOf('<!--') + 4)) return index;
    const end = this.find(index + 1, (line) => line.includes('-->'));
    if (end < 0) this.refuse(index, 'the comment that begins here never ends');
    return end < 0 ? this.lines.length : end + 1;
  }

  private find(from: number, fits: (line: string) => boolean): number {
    for (let at = from; at < this.lines.length; at += 1) if (fits(this.text(at))) return at;
    return -1;
  }

  private zone(): string {
    const at = this.find(this.start, (line) => line.startsWith('<!--'));
    const found = at < 0 ? undefined : ZONE.exec(this.text(at))?.[1];
    if (found === undefined) return this.server_zone;
    if (isZone(found)) return found;
    this.refuse(at, `"${found}" is no time zone`);
    return this.server_zone;
  }

  private noteId(id: string | null, line: number): void {
    if (id === null) return;
    const known = this.ids.get(id);
    if (known !== undefined) this.refuse(line, `the id ${id} stands on line ${known + 1} already`);
    this.ids.set(id, line);
  }

  private refuseStrayId(index: number, why: string): void {
    if (ID_COMMENT.test(this.text(index))) this.refuse(index, `the id comment ${why}`);
  }

  private refuse(index: number, message: string): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ line: index + 1, message });
  }

  private text(index: number): string {
    return this.lines[index]?.text ?? '';
  }
}

/** Note lines without their common white space. */
function dedent(lines: readonly string[]): string {
  const depth = Math.min(...lines.filter((line) => !isBlank(line)).map(indentOf));
  return lines
    .map((line) => unescapeNote(isBlank(line) ? '' : cutIndent(line, depth)))
    .join('\n')
    .replace(/^\n+/, '')
    .trimEnd();
}

function cutIndent(line: string, width: number): string {
  let at = 0;
  let seen = 0;
  while (seen < width && (line[at] === ' ' || line[at] === '\t')) {
    seen += line[at] === '\t' ? 4 - (seen % 4) : 1;
    at += 1;
  }
  return ' '.repeat(Math.max(0, seen - width)) + line.slice(at);
}
