/** Paints a text, or leaves it as it is when there are no colours. */
export type Paint = (text: string) => string;

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
} as const;
const MORE = { magenta: [35, 39], cyan: [36, 39], grey: [90, 39] } as const;

export type StyleName = keyof typeof CODES | keyof typeof MORE;
export type Style = Readonly<Record<StyleName, Paint>>;

/** Colours for one stream; all of them identity functions when `on` is false. */
export function styleOf(on: boolean): Style {
  const entries = Object.entries({ ...CODES, ...MORE }).map(([name, [open, close]]): [string, Paint] => [
    name,
    on ? (text) => (text === '' ? '' : `\u001b[${open}m${text}\u001b[${close}m`) : (text) => text,
  ]);
  return Object.fromEntries(entries) as Style;
}

export interface ColourQuestion {
  /** False after `--no-color`. */
  readonly flag: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly is_tty: boolean;
}

/** Colours are for terminals, and never where a person said no (https://no-color.org). */
export function wantsColour({ flag, env, is_tty }: ColourQuestion): boolean {
  if (!flag || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') return false;
  return is_tty || (env['FORCE_COLOR'] ?? '') !== '';
}

interface Sign {
  readonly sign: string;
  readonly colour: StyleName;
}

/** Word, sign and colour of every state, as in the dashboard. */
const SIGNS: Readonly<Record<string, Sign>> = {
  // agents
  inactive: { sign: '■', colour: 'grey' },
  starting: { sign: '◌', colour: 'blue' },
  idle: { sign: '○', colour: 'grey' },
  busy: { sign: '●', colour: 'blue' },
  waiting: { sign: '◆', colour: 'yellow' },
  parked: { sign: '⏸', colour: 'magenta' },
  hibernated: { sign: '☾', colour: 'cyan' },
  stopping: { sign: '◌', colour: 'grey' },
  crashed: { sign: '↻', colour: 'yellow' },
  failed: { sign: '✕', colour: 'red' },
  // turns
  queued: { sign: '◌', colour: 'grey' },
  running: { sign: '●', colour: 'blue' },
  complete: { sign: '✓', colour: 'green' },
  error: { sign: '✕', colour: 'red' },
  interrupted: { sign: '■', colour: 'yellow' },
  deferred: { sign: '⏸', colour: 'magenta' },
  cancelled: { sign: '■', colour: 'grey' },
  // tasks
  todo: { sign: '○', colour: 'grey' },
  in_progress: { sign: '●', colour: 'blue' },
  blocked: { sign: '⏸', colour: 'magenta' },
  done: { sign: '✓', colour: 'green' },
  // approvals
  pending: { sign: '◆', colour: 'yellow' },
  approved: { sign: '✓', colour: 'green' },
  denied: { sign: '✕', colour: 'red' },
  expired: { sign: '■', colour: 'grey' },
  // messages
  delivered: { sign: '●', colour: 'blue' },
  acked: { sign: '✓', colour: 'green' },
  dead: { sign: '✕', colour: 'red' },
  // components and checks
  ok: { sign: '✓', colour: 'green' },
  degraded: { sign: '!', colour: 'yellow' },
  warn: { sign: '!', colour: 'yellow' },
  fail: { sign: '✕', colour: 'red' },
};

const RISKS: Readonly<Record<string, Sign>> = {
  low: { sign: '▰▱▱▱', colour: 'grey' },
  medium: { sign: '▰▰▱▱', colour: 'yellow' },
  high: { sign: '▰▰▰▱', colour: 'yellow' },
  critical: { sign: '▰▰▰▰', colour: 'red' },
};

export interface Painted {
  readonly text: string;
  readonly paint: Paint;
}

/** A state with its sign and colour; a word that this program does not know is shown bare. */
export const stateCell = (word: string, style: Style): Painted => cell(SIGNS, word, style);
/** A risk as filled bars, with its word. */
export const riskCell = (word: string, style: Style): Painted => cell(RISKS, word, style);

function cell(signs: Readonly<Record<string, Sign>>, word: string, style: Style): Painted {
  const row = Object.hasOwn(signs, word) ? signs[word] : undefined;
  if (row === undefined) return { text: word, paint: (text) => text };
  return { text: `${row.sign} ${word}`, paint: style[row.colour] };
}

/** The same as one text. */
export const painted = ({ text, paint }: Painted): string => paint(text);
