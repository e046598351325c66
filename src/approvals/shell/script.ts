import { MAX_COMMAND_CHARS } from './read-shell.js';

/** One command of a script: its literal words, and the files that it redirects. */
export interface Simple {
  readonly words: readonly string[];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Its input comes from the command before it. */
  readonly piped: boolean;
}

/** A script that was read in whole, and how it is spelt with one space between its tokens. */
export interface Script {
  readonly commands: readonly Simple[];
  readonly spelt: string;
}

const MAX_COMMANDS = 20;
// Bare words hold only what no shell gives a meaning to; quoted ones may hold what quotes make literal everywhere.
const WORD = /'[^'"$`\\!\n]*'|"[^"'$`\\!\n]*"|[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*/y;
const OPERATOR = /&&|\|\||;|\||\n/y;
const REDIRECT = /2>&1(?= |$|[;|\n])|(?:[12&]?>>?|<)(?![<>&|(])/y;
const PROGRAM = /^[A-Za-z0-9_./][A-Za-z0-9_./+-]*$/;
const KEYWORDS = new Set(
  'if then elif else fi for in while until do done case esac select function time coproc repeat foreach end nocorrect noglob'.split(
    ' ',
  ),
);

/**
 * Reads a list of plain commands: literal words, `&&`, `||`, `;`, lines, pipes, and redirections to literal files.
 * Null for everything else: expansions, substitutions, here-documents, groups, keywords, background jobs, look-alikes.
 */
export function readScript(command: string): Script | null {
  if (command.length > MAX_COMMAND_CHARS || !/^[\x20-\x7e\n]*$/.test(command)) return null;
  const reader = new Reader(command.trim());
  return reader.read() ? { commands: reader.commands, spelt: reader.spelt() } : null;
}

class Reader {
  readonly commands: Simple[] = [];
  private readonly tokens: string[] = [];
  private at = 0;
  private words: string[] = [];
  private reads: string[] = [];
  private writes: string[] = [];
  private piped = false;

  constructor(private readonly text: string) {}

  spelt(): string {
    return this.tokens.join(' ');
  }

  /** False when something is not plain. */
  read(): boolean {
    while (this.at < this.text.length) {
      if (this.text[this.at] === ' ') {
        this.at += 1;
        continue;
      }
      const operator = this.take(OPERATOR);
      if (operator !== undefined) {
        if (operator === '\n' && this.words.length === 0) continue;
        if (!this.endCommand(operator === '|')) return false;
        this.tokens.push(operator);
      } else if (!this.isParted() || !(this.redirect() ?? this.word())) return false;
    }
    const last = this.tokens.at(-1);
    if (this.isEmpty() && (last === ';' || last === '\n')) this.tokens.pop();
    else if (!this.endCommand(false)) return false;
    return this.commands.length > 0 && this.commands.length <= MAX_COMMANDS;
  }

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  /** Tokens are parted by spaces or operators: shells join what touches. */
  private isParted(): boolean {
    return this.at === 0 || /[ \n;|&]/.test(this.text[this.at - 1] ?? '');
  }

  /** Undefined when no redirection stands here. */
  private redirect(): boolean | undefined {
    const sign = this.take(REDIRECT);
    if (sign === undefined) return undefined;
    if (sign === '2>&1') {
      this.tokens.push(sign);
      return true;
    }
    while (this.text[this.at] === ' ') this.at += 1;
    const target = this.literal();
    if (target === undefined || target.value === '') return false;
    (sign === '<' ? this.reads : this.writes).push(target.value);
    this.tokens.push(`${sign}${target.spelt}`);
    return true;
  }

  private word(): boolean {
    const word = this.literal();
    if (word === undefined) return false;
    if (this.words.length === 0 && (!PROGRAM.test(word.spelt) || KEYWORDS.has(word.spelt))) return false;
    this.words.push(word.value);
    this.tokens.push(word.spelt);
    return true;
  }

  private literal(): { value: string; spelt: string } | undefined {
    const spelt = this.take(WORD);
    if (spelt === undefined || !/^([ \n;|&]|$)/.test(this.text.slice(this.at, this.at + 1))) return undefined;
    return { value: /^['"]/.test(spelt) ? spelt.slice(1, -1) : spelt, spelt };
  }

  private isEmpty(): boolean {
    return this.words.length === 0 && this.reads.length === 0 && this.writes.length === 0;
  }

  private endCommand(next_is_piped: boolean): boolean {
    if (this.words.length === 0) return false;
    this.commands.push({ words: this.words, reads: this.reads, writes: this.writes, piped: this.piped });
    [this.words, this.reads, this.writes, this.piped] = [[], [], [], next_is_piped];
    return true;
  }
}
