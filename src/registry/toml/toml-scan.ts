import { parseToml } from './toml.js';

/** `key = value`: the whole line from `start` to `end`, its value within. `path` is the key from the document's root. */
export interface Entry {
  readonly path: readonly string[];
  readonly start: number;
  readonly value_start: number;
  readonly value_end: number;
  readonly end: number;
}

/** A table's header with its entries, and the comments that touch it: from `lead` to `end`. The first one is the root. */
export interface Section {
  readonly path: readonly string[];
  /** `[[…]]` */
  readonly array: boolean;
  readonly lead: number;
  readonly header: number;
  readonly entries: Entry[];
  end: number;
}

/** Finds headers and entries of a valid TOML document, by position. Linear in its length. */
export function scanToml(text: string): Section[] {
  return new Scanner(text).scan();
}

/** The line (from 1) on which a path stands, or its nearest table; 1 when nothing fits. */
export function lineOf(text: string, path: readonly string[]): number {
  let best = { depth: 0, at: 0 };
  const offer = (candidate: readonly string[], at: number): void => {
    const fits = candidate.length <= path.length && candidate.every((key, i) => key === path[i]);
    if (fits && candidate.length > best.depth) best = { depth: candidate.length, at };
  };
  for (const section of scanToml(text)) {
    offer(section.path, section.header);
    for (const entry of section.entries) offer(entry.path, entry.start);
  }
  return text.slice(0, best.at).split('\n').length;
}

class Scanner {
  private pos = 0;
  private section: Section = { path: [], array: false, lead: 0, header: 0, entries: [], end: 0 };
  private readonly sections = [this.section];
  /** Start of the comment lines just read, and whether they follow the section without an empty line between. */
  private comments: { start: number; touch: boolean } | undefined;

  constructor(private readonly text: string) {
    if (text.startsWith('\u{feff}')) this.pos = 1;
  }

  scan(): Section[] {
    while (this.pos < this.text.length) this.line();
    this.endComments(this.pos);
    return this.sections;
  }

  private line(): void {
    const start = this.pos;
    this.skipBlanks();
    const char = this.text[this.pos];
    if (char === undefined || char === '\n' || char === '\r') {
      this.endComments(start);
      this.skipLine();
    } else if (char === '#') {
      this.comments ??= { start, touch: start === this.section.end };
      this.skipLine();
    } else if (char === '[') {
      this.header(start);
    } else {
      this.entry(start);
    }
  }

  /** Comments right behind a section, with nothing else below them, are the section's own. */
  private endComments(end: number): void {
    if (this.comments?.touch === true) this.section.end = end;
    this.comments = undefined;
  }

  private header(start: number): void {
    const array = this.text[this.pos + 1] === '[';
    this.pos += array ? 2 : 1;
    const path = this.key(']');
    this.skipLine();
    const lead = this.comments?.start ?? start;
    this.section = { path, array, lead, header: start, entries: [], end: this.pos };
    this.sections.push(this.section);
    this.comments = undefined;
  }

  private entry(start: number): void {
    const key = this.key('=');
    this.pos += 1;
    this.skipBlanks();
    const value_start = this.pos;
    this.value(/[\n#]/g);
    const value_end = value_start + this.text.slice(value_start, this.pos).trimEnd().length;
    this.skipLine();
    this.section.entries.push({ path: [...this.section.path, ...key], start, value_start, value_end, end: this.pos });
    this.section.end = this.pos;
    this.comments = undefined;
  }

  /** A dotted key; stops before `until`. */
  private key(until: string): string[] {
    const start = this.pos;
    while (this.pos < this.text.length && this.text[this.pos] !== until) {
      if (this.text[this.pos] === '"' || this.text[this.pos] === "'") this.string();
      else this.pos += 1;
    }
    const raw = this.text.slice(start, this.pos).trim();
    if (/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(raw)) return raw.split('.');
    const path: string[] = [];
    for (let at: unknown = parseToml(`${raw} = 0`); typeof at === 'object' && at !== null;) {
      const [key, value] = Object.entries(at)[0] ?? ['', 0];
      path.push(key);
      at = value;
    }
    return path;
  }

  private value(stop: RegExp): void {
    const char = this.text[this.pos];
    if (char === '"' || char === "'") return this.string();
    if (char === '[' || char === '{') return this.container();
    stop.lastIndex = this.pos;
    this.pos = stop.exec(this.text)?.index ?? this.text.length;
  }

  private container(): void {
    let depth = 0;
    do {
      const char = this.text[this.pos];
      if (char === '"' || char === "'") {
        this.string();
        continue;
      }
      if (char === '#') {
        this.skipLine();
        continue;
      }
      if (char === '[' || char === '{') depth += 1;
      if (char === ']' || char === '}') depth -= 1;
      this.pos += 1;
    } while (depth > 0 && this.pos < this.text.length);
  }

  private string(): void {
    const quote = this.text[this.pos] ?? '"';
    const block = quote.repeat(3);
    const is_block = this.text.startsWith(block, this.pos);
    const end = is_block ? block : quote;
    this.pos += end.length;
    while (this.pos < this.text.length && !this.text.startsWith(end, this.pos)) {
      this.pos += quote === '"' && this.text[this.pos] === '\\' ? 2 : 1;
    }
    this.pos += end.length;
    // A block may end with quotes of its own: `""""` is one quote and the end.
    if (is_block) while (this.text[this.pos] === quote) this.pos += 1;
  }

  private skipBlanks(): void {
    while (this.text[this.pos] === ' ' || this.text[this.pos] === '\t') this.pos += 1;
  }

  private skipLine(): void {
    const end = this.text.indexOf('\n', this.pos);
    this.pos = end < 0 ? this.text.length : end + 1;
  }
}
