import { AgentId } from '../../contracts/ids.js';
import { TaskId } from '../../contracts/task.js';
import { parseTime } from './times.js';

/** What the indented lines of a task say. Times are RFC 3339. */
export interface TaskFields {
  readonly started: string | null;
  readonly progress: number | null;
  readonly deadline: string | null;
  readonly depends: readonly string[];
  readonly accept: readonly string[];
  readonly from: string | null;
}

export const FIELD_NAMES = ['Started', 'Progress', 'Deadline', 'Depends', 'Accept', 'From', 'Evidence'] as const;
export type FieldName = (typeof FIELD_NAMES)[number];

export const FIELD = new RegExp(`^([ \\t]+)[-*+][ \\t]+(${FIELD_NAMES.join('|')})[ \\t]*:[ \\t]*(.*?)[ \\t]*$`, 'is');
const LIKE_FIELD = new RegExp(`^([ \\t]*)(\\\\*)([-*+][ \\t]+(?:${FIELD_NAMES.join('|')})[ \\t]*:)`, 'i');
const MAX_DEPENDS = 100;
export const MAX_ACCEPT = 20;

/** A line of a description that would read like a field gets a backslash. */
export const escapeNote = (line: string): string => line.replace(LIKE_FIELD, '$1\\$2$3');
export const unescapeNote = (line: string): string =>
  line.replace(LIKE_FIELD, (whole: string, space: string, slashes: string, rest: string) =>
    slashes === '' ? whole : space + slashes.slice(1) + rest,
  );

/** What is wrong with a field, for the person who wrote it. */
export function fieldProblem(key: string, value: string, zone: string): string | undefined {
  const shown = `"${value.slice(0, 60)}"`;
  switch (key.toLowerCase()) {
    case 'started':
    case 'deadline':
      return parseTime(value, zone) === undefined ? `${shown} is no time; write 2026-11-30 18:00` : undefined;
    case 'progress':
      return readProgress(value) === null ? `${shown} is no progress; write 0% to 100%` : undefined;
    case 'depends': {
      const bad = readList(value).find((id) => !TaskId.safeParse(id).success);
      if (bad !== undefined) return `"${bad.slice(0, 60)}" is no id of a task; ids look like t-7f3k2m`;
      return readList(value).length > MAX_DEPENDS ? `a task depends on at most ${MAX_DEPENDS} others` : undefined;
    }
    case 'accept':
      if (readCommand(value) === '') return 'the acceptance command is missing';
      return value.length > 2000 ? 'an acceptance command has at most 2000 characters' : undefined;
    case 'from':
      return AgentId.safeParse(value).success ? undefined : `${shown} is no id of an agent`;
    default:
      return undefined;
  }
}

/** The fields of one task, from values that have no problem. */
export function readFields(values: ReadonlyMap<string, readonly string[]>, zone: string): TaskFields {
  const last = (key: string): string | undefined => values.get(key)?.at(-1);
  const time = (key: string): string | null => parseTime(last(key) ?? '', zone) ?? null;
  return {
    started: time('started'),
    progress: readProgress(last('progress') ?? ''),
    deadline: time('deadline'),
    depends: [...new Set((values.get('depends') ?? []).flatMap(readList))],
    accept: (values.get('accept') ?? []).map(readCommand),
    from: last('from') ?? null,
  };
}

function readProgress(value: string): number | null {
  const found = /^(\d{1,3})[ \t]*%?$/.exec(value);
  const percent = Number(found?.[1] ?? Number.NaN);
  return percent <= 100 ? percent : null;
}

const readList = (value: string): string[] => value.split(/[\s,]+/).filter((word) => word !== '');

function readCommand(value: string): string {
  const ticks = /^`+/.exec(value)?.[0] ?? '';
  const quoted = ticks !== '' && value.length > 2 * ticks.length && value.endsWith(ticks);
  return (quoted ? value.slice(ticks.length, -ticks.length) : value).trim();
}

/** A command between enough backticks. */
export function formatCommand(command: string): string {
  const longest = Math.max(0, ...[...command.matchAll(/`+/g)].map(([run]) => run.length));
  const ticks = '`'.repeat(longest + 1);
  const pad = command.startsWith('`') || command.endsWith('`') ? ' ' : '';
  return ticks + pad + command + pad + ticks;
}
