/** One tool call that the model asks for. */
export interface ScriptedCall {
  readonly name: string;
  readonly input: Record<string, unknown>;
}

/** What one line of a script asks of the model. README.md describes each. */
export type Directive =
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'slow'; readonly chunks: number; readonly delay_ms: number; readonly text: string }
  | { readonly kind: 'think'; readonly text: string }
  | { readonly kind: 'tools'; readonly calls: readonly ScriptedCall[] }
  /** `times` null: whenever the script comes here; else only so often, then the script goes on. */
  | { readonly kind: 'error'; readonly status: number; readonly times: number | null; readonly message: string }
  | { readonly kind: 'history' }
  | { readonly kind: 'system' }
  | { readonly kind: 'tokens'; readonly input: number; readonly output: number };

export interface ScriptProblem {
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

export interface Script {
  /** Empty when the text holds no script at all: then it is an ordinary prompt. */
  readonly directives: readonly Directive[];
  readonly problems: readonly ScriptProblem[];
}

export const DEFAULT_DELAY_MS = 150;
const MAX_DELAY_MS = 3_600_000;
const MAX_CHUNKS = 10_000;
/** Of a whole script, after `repeat`. */
export const MAX_DIRECTIVES = 1000;

type LineResult = Directive | { readonly kind: 'problem'; readonly message: string } | undefined;

/** Reads the script in a prompt. Lines that are no directive are prose and ignored. Never throws. */
export function parseScript(text: string): Script {
  // A message of another agent comes quoted: its script counts as well.
  const lines = text.split(/\r?\n/).map((line) => line.replace(/^> /, ''));
  const directives: Directive[] = [];
  const problems: ScriptProblem[] = [];
  let repeat = 1;

  for (let at = 0; at < lines.length; at += 1) {
    const first_line = at;
    let line = (lines[at] ?? '').trim();
    const repeated = /^repeat\s+(\d+)(?:\s+(\S.*))?$/.exec(line);
    if (repeated !== null) {
      repeat = Number(repeated[1]);
      if (repeated[2] === undefined) continue;
      line = repeated[2];
    }

    let result: LineResult;
    if (line === 'tools') {
      const calls: ScriptedCall[] = [];
      for (; at + 1 < lines.length; at += 1) {
        const item = /^\s*-\s+(.*)$/.exec(lines[at + 1] ?? '');
        if (item === null) break;
        const call = parseCall(item[1] ?? '');
        if (call === undefined || 'message' in call) {
          problems.push({ line: at + 2, message: call?.message ?? 'expected "- NAME {JSON}"' });
        } else calls.push(call);
      }
      if (calls.length > 0) result = { kind: 'tools', calls };
    } else result = parseLine(line);

    if (result === undefined) continue;
    if (result.kind === 'problem') problems.push({ line: first_line + 1, message: result.message });
    else for (let n = 0; n < repeat && directives.length < MAX_DIRECTIVES; n += 1) directives.push(result);
    repeat = 1;
  }

  // "think about it" alone is what people write to real models, not a script.
  const is_script = directives.some((d) => d.kind !== 'think' && d.kind !== 'tokens');
  return { directives: is_script ? directives : [], problems };
}

function parseLine(line: string): LineResult {
  const [, word = '', rest = ''] = /^([a-z]+)(?:\s+(.*))?$/.exec(line) ?? [];
  switch (word) {
    case 'say':
      return rest === '' ? undefined : { kind: 'say', text: unescape(rest) };
    case 'think':
      return rest === '' ? undefined : { kind: 'think', text: unescape(rest) };
    case 'slow':
      return parseSlow(rest);
    case 'tool': {
      const call = parseCall(rest);
      if (call === undefined) return undefined;
      return 'message' in call ? { kind: 'problem', message: call.message } : { kind: 'tools', calls: [call] };
    }
    case 'error':
      return parseError(rest);
    case 'tokens': {
      const [, input, output] = /^(\d{1,9})\s+(\d{1,9})$/.exec(rest) ?? [];
      return input === undefined ? undefined : { kind: 'tokens', input: Number(input), output: Number(output) };
    }
    case 'history':
    case 'system':
      return rest === '' ? { kind: word } : undefined;
    default:
      return undefined;
  }
}

function parseSlow(rest: string): LineResult {
  const [, chunks, delay, text = ''] = /^(\d+)(?:@(\d+))?(?:\s+(.*))?$/.exec(rest) ?? [];
  if (chunks === undefined) return undefined;
  const delay_ms = delay === undefined ? DEFAULT_DELAY_MS : Number(delay);
  if (Number(chunks) < 1 || Number(chunks) > MAX_CHUNKS || delay_ms > MAX_DELAY_MS) {
    return { kind: 'problem', message: `slow takes 1 to ${MAX_CHUNKS} chunks and up to ${MAX_DELAY_MS} ms each` };
  }
  return { kind: 'slow', chunks: Number(chunks), delay_ms, text: unescape(text) };
}

function parseError(rest: string): LineResult {
  const [, status, times, message] = /^(\d{3})(?:\s+x(\d{1,4}))?(?:\s+(.*))?$/.exec(rest) ?? [];
  if (status === undefined) return undefined;
  if (Number(status) < 400 || Number(status) > 599) {
    return { kind: 'problem', message: 'error takes a status from 400 to 599' };
  }
  return {
    kind: 'error',
    status: Number(status),
    times: times === undefined ? null : Number(times),
    message: message ?? `scripted error ${status}`,
  };
}

/** `NAME {JSON}` or `NAME`; undefined when it is neither, a message when the JSON is wrong. */
function parseCall(text: string): ScriptedCall | { message: string } | undefined {
  const [, name, json] = /^([A-Za-z_][\w-]*)(?:\s+(\{.*))?$/.exec(text.trim()) ?? [];
  if (name === undefined) return undefined;
  if (json === undefined) return { name, input: {} };
  try {
    return { name, input: JSON.parse(json) as Record<string, unknown> };
  } catch (error) {
    return { message: `the input of ${name} is not JSON: ${(error as Error).message}` };
  }
}

/** So that a reply of several lines fits on one line of the script. */
const unescape = (text: string): string => text.replaceAll('\\n', '\n');

/** The pieces in which a `slow` text is sent: its words, shared out, or said again until there are enough. */
export function chunksOf(directive: Extract<Directive, { kind: 'slow' }>): string[] {
  const words = directive.text.split(/(?<=\s)(?=\S)/).filter((word) => word !== '');
  return Array.from({ length: directive.chunks }, (_, n) => {
    if (words.length === 0) return n === 0 ? '1' : ` ${n + 1}`;
    if (words.length > directive.chunks) {
      const from = Math.floor((n * words.length) / directive.chunks);
      return words.slice(from, Math.floor(((n + 1) * words.length) / directive.chunks)).join('');
    }
    const word = (words[n % words.length] ?? '').trimEnd();
    return n === directive.chunks - 1 ? word : `${word} `;
  });
}
