import { formatKey, formatTable, formatValue } from './toml-format.js';
import { type Entry, scanToml, type Section } from './toml-scan.js';
import { isTable, parseToml, sameValue, type TomlTable, type TomlValue } from './toml.js';

interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Changes a document from the data `before`, which it holds, to `after`, and leaves alone what stands for the same data:
 * comments, order, unknown keys, spelling of values. The result is read back: a spelling that the edit cannot follow
 * (dotted keys beside new ones, arrays of tables) costs that document its comments, never its data.
 */
export function editToml(text: string, before: TomlTable, after: TomlTable): string {
  if (sameValue(before, after)) return text;
  const edited = editRegion(text, before, after) ?? tryEdit(text, before, after);
  if (edited !== undefined) return edited;
  const written = formatTable([], after);
  if (!sameValue(parseToml(written), after)) throw new TypeError('this data cannot be written as TOML');
  return written;
}

/** Where the tables below one table of the second level stand, as `agents.lead`, in a document and in what it was read as. */
interface Outline {
  readonly text: string;
  readonly regions: readonly Region[];
}
interface Region {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** Of documents that were edited lately: a large one is not looked through again for each change. */
const outlines = new WeakMap<TomlTable, Outline>();

/**
 * The same where all that changed lies below one table such as `[agents.lead]`, and that table's lines stand together: only
 * they are read, edited and read back, since what stands outside a header's reach does not depend on it. Undefined when
 * that is not so.
 */
function editRegion(text: string, before: TomlTable, after: TomlTable): string | undefined {
  const changed = changedTable(before, after);
  if (changed === undefined) return undefined;
  const { group, id, old, young } = changed;
  const known = outlines.get(before);
  const outline = known !== undefined && known.text === text ? known : outlineOf(text);
  const key = keyOf([group, id]);
  const at = outline.regions.findIndex((region) => region.key === key);
  const region = outline.regions[at];
  if (region === undefined || outline.regions.some((other, n) => n !== at && other.key === key)) return undefined;
  const lines = text.slice(region.start, region.end);
  // A neighbour, or a key of this table that stands elsewhere, would show here.
  if (!sameValue(tryParse(lines), { [group]: { [id]: old } })) return undefined;
  const edited = tryEdit(lines, { [group]: { [id]: old } }, { [group]: { [id]: young } });
  if (edited === undefined || (region.end < text.length && !edited.endsWith('\n'))) return undefined;
  const result = text.slice(0, region.start) + edited + text.slice(region.end);
  const shift = edited.length - lines.length;
  const regions = outline.regions.map((other, n) => {
    if (n < at) return other;
    return { key: other.key, start: other.start + (n > at ? shift : 0), end: other.end + shift };
  });
  outlines.set(after, { text: result, regions });
  return result;
}

/** The one table of the second level in which two documents differ; both have it. */
function changedTable(
  before: TomlTable,
  after: TomlTable,
): { group: string; id: string; old: TomlValue; young: TomlValue } | undefined {
  const group = onlyChange(before, after);
  const [old_group, young_group] = group === undefined ? [] : [before[group], after[group]];
  if (group === undefined || !isTable(old_group) || !isTable(young_group)) return undefined;
  const id = onlyChange(old_group, young_group);
  const [old, young] = id === undefined ? [] : [old_group[id], young_group[id]];
  return id !== undefined && isTable(old) && isTable(young) ? { group, id, old, young } : undefined;
}

/** The key whose value is not the same object any more, if it is one and both sides have it. */
function onlyChange(before: TomlTable, after: TomlTable): string | undefined {
  const keys = Object.keys(after);
  const changed = keys.filter((key) => before[key] !== after[key]);
  const [key] = changed;
  return keys.length === Object.keys(before).length && changed.length === 1 && key !== undefined && key in before
    ? key
    : undefined;
}

function outlineOf(text: string): Outline {
  const regions: Region[] = [];
  for (const { path, lead, end } of scanToml(text)) {
    const last = regions.at(-1);
    const key = keyOf(path.slice(0, 2));
    if (last !== undefined && last.key === key && path.length > 2) regions.splice(-1, 1, { ...last, end });
    else regions.push({ key, start: lead, end });
  }
  return { text, regions };
}

function tryParse(text: string): TomlTable | undefined {
  try {
    return parseToml(text);
  } catch {
    // A region that is no document by itself: the whole one is then edited.
    return undefined;
  }
}

function tryEdit(text: string, before: TomlTable, after: TomlTable): string | undefined {
  const edited = new Editor(text).edit(before, after);
  try {
    return sameValue(parseToml(edited), after) ? edited : undefined;
  } catch {
    // Not a failure of the caller's: the document is then written afresh.
    return undefined;
  }
}

const keyOf = (path: readonly string[]): string => JSON.stringify(path);
const within = (path: readonly string[], base: readonly string[]): boolean => base.every((key, i) => path[i] === key);

class Editor {
  private readonly sections: Section[];
  private readonly entries = new Map<string, Entry>();
  private readonly splices: Splice[] = [];

  constructor(private readonly text: string) {
    this.sections = scanToml(text);
    for (const section of this.sections)
      for (const entry of section.entries) this.entries.set(keyOf(entry.path), entry);
  }

  edit(before: TomlTable, after: TomlTable): string {
    this.table([], before, after);
    let result = this.text;
    // From the end to the beginning, so that positions stay true; of two at one place the later one goes in first.
    for (const { start, end, text } of this.splices.toReversed().sort((a, b) => b.start - a.start || b.end - a.end)) {
      result = result.slice(0, start) + text + result.slice(end);
    }
    return result;
  }

  private table(path: readonly string[], before: TomlTable, after: TomlTable): void {
    for (const key of Object.keys(before)) if (after[key] === undefined) this.remove([...path, key]);
    const rows: [string, TomlValue][] = [];
    const tables: (() => void)[] = [];
    for (const [key, value] of Object.entries(after)) {
      const at = [...path, key];
      const old = before[key];
      const entry = this.entries.get(keyOf(at));
      if (old !== undefined && sameValue(old, value)) continue;
      if (entry !== undefined) this.replace(entry, value, key);
      else if (isTable(old) && isTable(value)) tables.push(() => this.table(at, old, value));
      else if (isTable(value) && at.length <= 3) tables.push(() => this.addTable(at, value));
      else rows.push([key, value]);
    }
    // At one place the table's own keys must stand before the tables in it.
    if (rows.length > 0) this.addRows(path, rows);
    for (const add of tables) add();
  }

  private replace(entry: Entry, value: TomlValue, key: string): void {
    this.splices.push({ start: entry.value_start, end: entry.value_end, text: formatValue(value, key) });
  }

  /** A table goes with the comments that touch it; the comments above a single key stay. */
  private remove(path: readonly string[]): void {
    for (const section of this.sections) {
      if (section.path.length > 0 && within(section.path, path)) {
        this.splices.push({ start: section.lead, end: this.skipEmptyLines(section.end), text: '' });
        continue;
      }
      for (const entry of section.entries) {
        if (within(entry.path, path)) this.splices.push({ start: entry.start, end: entry.end, text: '' });
      }
    }
  }

  private addRows(path: readonly string[], rows: readonly [string, TomlValue][]): void {
    const section = this.sections.find((s) => !s.array && keyOf(s.path) === keyOf(path));
    if (section === undefined) return this.addTable(path, Object.fromEntries(rows));
    const at = section.entries.at(-1)?.end ?? (section.path.length === 0 ? 0 : this.lineEnd(section.header));
    const lines = rows.map(([key, value]) => `${formatKey(key)} = ${formatValue(value, key)}\n`).join('');
    this.splices.push({ start: at, end: at, text: (this.atLineStart(at) ? '' : '\n') + lines });
  }

  /** Behind its nearest relatives, or at the end. */
  private addTable(path: readonly string[], table: TomlTable): void {
    const parent = path.slice(0, -1);
    const near = this.sections.findLast((s) => s.path.length > 0 && within(s.path, parent));
    const at = near === undefined || near === this.sections.at(-1) ? this.text.length : near.end;
    const above = this.text.slice(0, at);
    const gap = above === '' || /\n\r?\n$/.test(above) ? '' : this.atLineStart(at) ? '\n' : '\n\n';
    const more = at < this.text.length && this.text[at] !== '\n' && this.text[at] !== '\r';
    this.splices.push({ start: at, end: at, text: gap + formatTable(path, table) + (more ? '\n' : '') });
  }

  private atLineStart = (at: number): boolean => at === 0 || this.text[at - 1] === '\n';

  private lineEnd(from: number): number {
    const end = this.text.indexOf('\n', from);
    return end < 0 ? this.text.length : end + 1;
  }

  private skipEmptyLines(from: number): number {
    let at = from;
    for (let end = this.lineEnd(at); at < this.text.length && this.text.slice(at, end).trim() === '';) {
      at = end;
      end = this.lineEnd(at);
    }
    return at;
  }
}
