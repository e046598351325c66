/** One command as it seems to stand in a text: good enough to name dangers, never to let anything run. */
export interface LooseCommand {
  readonly words: readonly string[];
  /** Its input comes from the command before it. */
  readonly piped: boolean;
}

export interface ShellReading {
  /** The words, if the text is one plain command of literal words; else null. */
  readonly words: readonly string[] | null;
  /** What makes it more than that, in words for a person. `hidden`: it can run what it does not show. */
  readonly unclear: readonly { readonly what: string; readonly hidden: boolean }[];
  readonly commands: readonly LooseCommand[];
  /** Files that it redirects its output to. */
  readonly redirects: readonly string[];
}

/** Longer commands are not looked at in whole. */
export const MAX_COMMAND_CHARS = 16_384;
const MAX_NESTING = 4;

/**
 * Reads a shell command. `words` is filled by a strict grammar only: every character must be known to mean itself in
 * any usual shell. Everything else is `unclear`, and then `commands` is a guess that finds too much rather than too little.
 */
export function readShell(command: string): ShellReading {
  const words = plainWords(command);
  const loose = new LooseReader();
  loose.read(command.slice(0, MAX_COMMAND_CHARS), 0);
  const unclear = words === null ? whatIsUnclear(command) : [];
  return { words, unclear, commands: loose.commands, redirects: loose.redirects };
}

// Bare words hold only what no shell gives a meaning to; quoted ones may hold what quotes make literal everywhere.
const BARE = /^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*$/;
const PROGRAM = /^[a-z][a-z0-9_-]*$/;
const WORD = /'[^'"$`\\!]*'|"[^"'$`\\!]*"|[^ '"]+/y;

function plainWords(command: string): string[] | null {
  if (command.length > 4096 || !/^[\x20-\x7e]*$/.test(command)) return null;
  const words: string[] = [];
  let at = 0;
  while (at < command.length) {
    if (command[at] === ' ') {
      at += 1;
      continue;
    }
    // Words are parted by spaces: 'a'b and a"b" are refused, though shells would join them.
    if (at > 0 && command[at - 1] !== ' ') return null;
    WORD.lastIndex = at;
    const text = WORD.exec(command)?.[0];
    if (text === undefined) return null;
    const quoted = text.startsWith("'") || text.startsWith('"');
    if (!quoted && !BARE.test(text)) return null;
    if (words.length === 0 && !PROGRAM.test(text)) return null;
    words.push(quoted ? text.slice(1, -1) : text);
    at += text.length;
  }
  return words.length === 0 ? null : words;
}

const SIGNS: readonly [pattern: RegExp, what: string, hidden: boolean][] = [
  [/\P{ASCII}/u, 'characters that can look like others', true],
  [/[^\P{Cc}\t\n]/u, 'control characters', true],
  [/\$\(|`|<\(|>\(/, 'a command inside the command', true],
  [/\$/, 'variables', true],
  [/\\/, 'escaped characters', true],
  [/<</, 'a here-document', true],
  [/\n|;|&&|\|\||&/, 'several commands', false],
  [/\|/, 'a pipe', false],
  [/[<>]/, 'a redirection', false],
  [/[*?[\]{}~!]/, 'patterns that the shell expands', false],
  [/^\s*\w+=/, 'a changed environment', true],
];

function whatIsUnclear(command: string): ShellReading['unclear'] {
  if (command.trim() === '') return [{ what: 'nothing at all', hidden: false }];
  const found = SIGNS.filter(([pattern]) => pattern.test(command)).map(([, what, hidden]) => ({ what, hidden }));
  if (command.length > MAX_COMMAND_CHARS) found.push({ what: 'more text than a person would read', hidden: true });
  return found.length > 0 ? found : [{ what: 'unusual quoting', hidden: false }];
}

/** Cuts a text into what may be commands. It follows quotes, but takes every operator, bracket and line as a border. */
class LooseReader {
  readonly commands: LooseCommand[] = [];
  readonly redirects: string[] = [];
  private words: string[] = [];
  private word: string | null = null;
  private piped = false;
  private redirecting = false;

  read(text: string, depth: number): void {
    let braces = 0;
    for (let at = 0; at < text.length; at += 1) {
      const char = text[at] ?? '';
      const ifs = char === '$' ? /^\$(IFS\b|\{IFS[^}]*\})/.exec(text.slice(at, at + 40))?.[0] : undefined;
      if (ifs !== undefined) {
        this.endWord();
        at += ifs.length - 1;
      } else if (char === '\\') {
        at += 1;
        if (text[at] !== '\n') this.add(text[at] ?? '');
      } else if (char === "'" || char === '"') {
        at = this.quoted(text, at, char, depth);
      } else if (char === '$' && (text[at + 1] === "'" || text[at + 1] === '"')) {
        continue;
      } else if (/[ \t\r]/.test(char) || (char === ',' && braces > 0)) {
        this.endWord();
      } else if (char === '#' && this.word === null) {
        while (at + 1 < text.length && !/[\r\n]/.test(text[at + 1] ?? '')) at += 1;
      } else if (/[;&|\n(){}`]/.test(char)) {
        if (char === '{') braces += 1;
        if (char === '}') braces = Math.max(0, braces - 1);
        // `{` inside a word lists alternatives, which may together be a command: {rm,-rf,/}
        this.endCommand(char === '|' && text[at + 1] !== '|' && text[at - 1] !== '|' && text[at - 1] !== '>');
      } else if (char === '>' || char === '<') {
        if (/^\d$/.test(this.word ?? '')) this.word = null;
        this.endWord();
        this.redirecting = char === '>';
      } else {
        this.add(char);
      }
    }
    this.endCommand(false);
  }

  /** Answers the index of the closing quote. What is nested in double quotes is read as commands of its own. */
  private quoted(text: string, start: number, quote: string, depth: number): number {
    let at = start + 1;
    let content = '';
    for (; at < text.length && text[at] !== quote; at += 1) {
      if (quote === '"' && text[at] === '\\' && /["\\$`]/.test(text[at + 1] ?? '')) at += 1;
      content += text[at] ?? '';
    }
    this.add(content);
    if (quote === '"' && /`|\$\(/.test(content) && depth < MAX_NESTING) {
      const inner = new LooseReader();
      inner.read(content.replace(/^[^`$]*/, ''), depth + 1);
      this.commands.push(...inner.commands);
      this.redirects.push(...inner.redirects);
    }
    return at;
  }

  private add(text: string): void {
    this.word = (this.word ?? '') + text;
  }

  private endWord(): void {
    if (this.word === null) return;
    if (this.redirecting) this.redirects.push(this.word);
    else this.words.push(this.word);
    this.redirecting = false;
    this.word = null;
  }

  private endCommand(next_is_piped: boolean): void {
    this.endWord();
    this.redirecting = false;
    if (this.words.length > 0) this.commands.push({ words: this.words, piped: this.piped });
    this.words = [];
    this.piped = next_is_piped;
  }
}
