import { countHidden, mixedScriptWords } from './hidden-characters.js';
import { type DiffLine, lineDiff } from './line-diff.js';

/** A tool's input, taken apart for reading. Nothing is left out: what has no view of its own is in `rest`. */
export interface RequestParts {
  readonly command?: string;
  readonly path?: string;
  /** Markdown: what an agent in plan mode wants to do. */
  readonly plan?: string;
  readonly diffs: readonly { readonly label: string; readonly lines: readonly DiffLine[] }[];
  /** What the agent says about it; its words, not a fact. */
  readonly description?: string;
  readonly rest: readonly (readonly [string, unknown])[];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function partsOf(tool_name: string, input: unknown): RequestParts {
  if (!isRecord(input)) return { diffs: [], rest: input === undefined || input === null ? [] : [['input', input]] };
  const left = new Map(Object.entries(input));
  const take = (key: string): string | undefined => {
    const value = left.get(key);
    if (typeof value !== 'string') return undefined;
    left.delete(key);
    return value;
  };
  const command = tool_name === 'Bash' ? take('command') : undefined;
  const path = take('file_path') ?? take('notebook_path');
  const plan = tool_name === 'ExitPlanMode' ? take('plan') : undefined;
  const diffs = diffsOf(tool_name, left);
  const description = take('description');
  return {
    ...(command !== undefined && { command }),
    ...(path !== undefined && { path }),
    ...(plan !== undefined && { plan }),
    ...(description !== undefined && { description }),
    diffs,
    rest: [...left],
  };
}

function diffsOf(tool_name: string, left: Map<string, unknown>): RequestParts['diffs'] {
  const content = left.get('content');
  if (tool_name === 'Write' && typeof content === 'string') {
    left.delete('content');
    return [{ label: 'The whole file will be', lines: lineDiff('', content) }];
  }
  const single = editOf(Object.fromEntries(left));
  if (tool_name === 'Edit' && single !== undefined) {
    left.delete('old_string');
    left.delete('new_string');
    return [{ label: 'Change', lines: single }];
  }
  const edits = left.get('edits');
  if (Array.isArray(edits)) {
    const lines = edits.map(editOf);
    if (lines.every((each) => each !== undefined)) {
      left.delete('edits');
      return lines.map((each, i) => ({ label: `Change ${i + 1} of ${lines.length}`, lines: each }));
    }
  }
  return [];
}

function editOf(edit: unknown): DiffLine[] | undefined {
  if (!isRecord(edit)) return undefined;
  const { old_string, new_string, ...rest } = edit;
  if (typeof old_string !== 'string' || typeof new_string !== 'string') return undefined;
  const flags = Object.entries(rest).filter(([key]) => key === 'replace_all');
  const lines = lineDiff(old_string, new_string);
  return flags.some(([, value]) => value === true)
    ? [{ kind: 'hunk', text: 'at every place where it occurs' }, ...lines]
    : lines;
}

/** One line that says what a call does: the command, the path, or its first plain value. */
export function oneLine(tool_name: string, input: unknown): string {
  const { command, path, plan, rest } = partsOf(tool_name, input);
  const first = rest.map(([, value]) => value).find((value) => typeof value === 'string');
  const text = command ?? path ?? plan ?? first ?? JSON.stringify(input) ?? '';
  return text.replaceAll(/\s+/g, ' ').slice(0, 300);
}

/** What a reader could miss in these bytes, in sentences. */
export function warningsOf(input: unknown): string[] {
  const texts = stringsIn(input);
  const hidden = texts.reduce((sum, text) => sum + countHidden(text), 0);
  const mixed = [...new Set(texts.flatMap(mixedScriptWords))];
  return [
    ...(hidden > 0
      ? [
          `${hidden === 1 ? 'One character' : `${hidden} characters`} in here would not show, or would show in another place; marked below by code.`,
        ]
      : []),
    ...(mixed.length > 0
      ? [`Letters of other alphabets stand among Latin ones: ${mixed.slice(0, 5).join(', ')}.`]
      : []),
  ];
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(stringsIn);
  return isRecord(value) ? [...Object.keys(value), ...Object.values(value).flatMap(stringsIn)] : [];
}
