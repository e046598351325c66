export type ShellKind = 'program' | 'flag' | 'string' | 'variable' | 'operator' | 'comment' | 'space' | 'word';
export interface ShellToken {
  readonly kind: ShellKind;
  readonly text: string;
}

const OPERATOR = /^(?:&&|\|\||;;|<<<|<<-?|>>|>&|<&|&>|[|&;()<>{}])/;
const VARIABLE = /^\$(?:\{[^}]*\}?|\(|[A-Za-z_]\w*|[0-9@*#?$!-])/;
const KEYWORDS = new Set([
  'if',
  'then',
  'else',
  'elif',
  'do',
  'while',
  'until',
  '!',
  'time',
  'exec',
  'env',
  'sudo',
  'xargs',
  'nohup',
]);

/**
 * Cuts a command for highlighting. The pieces joined are the command, byte for byte. It colours, it does not judge: the
 * server's own parser decides about risk.
 */
export function shellTokens(command: string): ShellToken[] {
  const tokens: ShellToken[] = [];
  let at = 0;
  let wants_program = true;
  while (at < command.length) {
    const next = tokenOf(command.slice(at), wants_program, at === 0 || tokens.at(-1)?.kind === 'space');
    tokens.push({ kind: next.kind, text: next.text });
    at += next.text.length;
    wants_program = next.wants_program;
  }
  return tokens;
}

interface Step extends ShellToken {
  /** Whether the next word is the name of a program. */
  readonly wants_program: boolean;
}

function tokenOf(rest: string, wants_program: boolean, after_space: boolean): Step {
  const space = /^\s+/.exec(rest)?.[0];
  if (space !== undefined) return { kind: 'space', text: space, wants_program: wants_program || space.includes('\n') };
  if (after_space && rest.startsWith('#'))
    return { kind: 'comment', text: /^[^\n]+/.exec(rest)?.[0] ?? '#', wants_program };
  const operator = OPERATOR.exec(rest)?.[0];
  if (operator !== undefined) return { kind: 'operator', text: operator, wants_program: !/[<>]/.test(operator) };
  const variable = VARIABLE.exec(rest)?.[0];
  if (variable === '$(') return { kind: 'operator', text: variable, wants_program: true };
  if (variable !== undefined) return { kind: 'variable', text: variable, wants_program: false };
  if (/^['"`]/.test(rest)) return { kind: 'string', text: rest.slice(0, quotedLength(rest)), wants_program: false };
  return wordOf(/^(?:\\[\s\S]|[^\s|&;()<>{}$'"`\\])+/.exec(rest)?.[0] ?? rest.slice(0, 1), wants_program);
}

function wordOf(text: string, wants_program: boolean): Step {
  if (!wants_program) return { kind: text.startsWith('-') ? 'flag' : 'word', text, wants_program: false };
  if (/^[A-Za-z_]\w*=/.test(text)) return { kind: 'variable', text, wants_program: true };
  return { kind: 'program', text, wants_program: KEYWORDS.has(text) };
}

/** The programs that a command names, in order, each once. */
export function programsOf(command: string): string[] {
  return [
    ...new Set(
      shellTokens(command)
        .filter((t) => t.kind === 'program')
        .map((t) => t.text),
    ),
  ];
}

function quotedLength(text: string): number {
  const quote = text[0];
  for (let i = 1; i < text.length; i += 1) {
    if (text[i] === '\\' && quote !== "'") i += 1;
    else if (text[i] === quote) return i + 1;
  }
  return text.length;
}
