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
  let rest = command;
  let expectsProgram = true;
  const take = (kind: ShellKind, length: number): void => {
    tokens.push({ kind, text: rest.slice(0, length) });
    rest = rest.slice(length);
  };
  while (rest !== '') {
    const space = /^\s+/.exec(rest)?.[0];
    if (space !== undefined) {
      if (space.includes('\n')) expectsProgram = true;
      take('space', space.length);
      continue;
    }
    if (rest.startsWith('#') && (tokens.length === 0 || tokens.at(-1)?.kind === 'space')) {
      take('comment', /^[^\n]*/.exec(rest)?.[0].length ?? rest.length);
      continue;
    }
    const operator = OPERATOR.exec(rest)?.[0];
    if (operator !== undefined) {
      expectsProgram = !/[<>]/.test(operator);
      take('operator', operator.length);
      continue;
    }
    const variable = VARIABLE.exec(rest)?.[0];
    if (variable !== undefined) {
      expectsProgram = variable === '$(';
      take(variable === '$(' ? 'operator' : 'variable', variable.length);
      continue;
    }
    if (rest.startsWith("'") || rest.startsWith('"') || rest.startsWith('`')) {
      take('string', quotedLength(rest));
      expectsProgram = false;
      continue;
    }
    const word = /^(?:\\[\s\S]|[^\s|&;()<>{}$'"`\\])+/.exec(rest)?.[0] ?? rest.slice(0, 1);
    if (word.startsWith('-') && !expectsProgram) {
      take('flag', word.length);
    } else if (expectsProgram && /^[A-Za-z_]\w*=/.test(word)) {
      take('variable', word.length);
    } else {
      take(expectsProgram ? 'program' : 'word', word.length);
      expectsProgram = expectsProgram && KEYWORDS.has(word);
    }
  }
  return tokens;
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
