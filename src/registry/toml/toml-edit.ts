import { formatKey, formatTable, formatValue } from './toml-format.js';
import { editLists } from './toml-lists.js';
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
 * (dotted keys beside new ones, say) costs that document its comments, never its data.
 */
export function editToml(text: string, before: TomlTable, after: TomlTable): string {
  if (sameValue(before, after)) return text;
  const lists = editLists(text, before, after, tryEdit);
  const edited = editRegion(lists.text, lists.table, after) ?? tryEdit(lists.text, lists.table, after);
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
 * The same where all that changed is one table such as `[agents.lead]`, and that table's lines stand together: only they
 * are read, edited and read back, since what stands outside a header's reach does not depend on it. Undefined when that is
 * not so.
 */
function editRegion(text: string, before: TomlTable, after: TomlTable): string | undefined {
  const change = changedTable(before, after);
  if (change === undefined) return undefined;
  const known = outlines.get(before);
  const outline = known !== undefined && known.text === text ? known : outlineOf(text);
  const edit = change.old === undefined ? added(outline, change) : editedIn(outline, change);
  if (edit === undefined) return undefined;
  const { start, end, lines, regions } = edit;
  const result = text.slice(0, start) + lines + text.slice(end);
  const shift = lines.length - (end - start);
  const moved = outline.regions.flatMap((region) => {
    if (region.end <= start) return [region];
    return region.start < end ? [] : [{ key: region.key, start: region.start + shift, end: region.end + shift }];
  });
  const at = moved.findIndex((region) => region.start >= start);
  moved.splice(at < 0 ? moved.length : at, 0, ...regions);
  outlines.set(after, { text: result, regions: moved });
  return result;
}

/** What takes the place of a stretch of the text, and the regions in it. */
interface RegionEdit {
  readonly start: number;
  readonly end: number;
  readonly lines: string;
  readonly regions: readonly Region[];
}

/** A table that is there, with other data or none. */
function editedIn({ text, regions }: Outline, { group, id, old, young, alone }: TableChange): RegionEdit | undefined {
  const key = keyOf([group, id]);
  const at = regions.findIndex((region) => region.key === key);
  const region = regions[at];
  if (region === undefined || regions.some((other, n) => n !== at && other.key === key)) return undefined;
  const { start, end } = region;
  const lines = text.slice(start, end);
  // A neighbour, or a key of this table that stands elsewhere, would show here.
  if (old === undefined || !sameValue(tryParse(lines), { [group]: { [id]: old } })) return undefined;
  // The last one takes its group with it, unless that has a header of its own.
  if (young === undefined)
    return alone ? undefined : { start, end: afterEmptyLines(text, end), lines: '', regions: [] };
  const edited = tryEdit(lines, { [group]: { [id]: old } }, { [group]: { [id]: young } });
  if (edited === undefined || (end < text.length && !edited.endsWith('\n'))) return undefined;
  return { start, end, lines: edited, regions: [{ key, start, end: start + edited.length }] };
}

/** A new table, behind those of its group. */
function added({ text, regions }: Outline, { group, id, young }: TableChange): RegionEdit | undefined {
  const prefix = keyOf([group]).slice(0, -1);
  const near = regions.findLast(({ key }) => key.startsWith(`${prefix},`));
  if (near === undefined || young === undefined) return undefined;
  const at = near === regions.at(-1) ? text.length : near.end;
  const table = formatTable([group, id], young);
  if (!sameValue(tryParse(table), { [group]: { [id]: young } })) return undefined;
  const gap = gapBelow(text.slice(0, at));
  const start = at + gap.length;
  const lines = gap + table + (at < text.length && !isLineEnd(text[at]) ? '\n' : '');
  return { start: at, end: at, lines, regions: [{ key: keyOf([group, id]), start, end: start + table.length }] };
}

interface TableChange {
  readonly group: string;
  readonly id: string;
  /** Undefined: it is new. */
  readonly old: TomlTable | undefined;
  /** Undefined: it goes. */
  readonly young: TomlTable | undefined;
  /** Whether its group has no other. */
  readonly alone: boolean;
}

/** The one table of the second level in which two documents differ. */
function changedTable(before: TomlTable, after: TomlTable): TableChange | undefined {
  const group = onlyChange(before, after);
  const [old_group, young_group] = group === undefined ? [] : [before[group], after[group]];
  if (group === undefined || !isTable(old_group) || !isTable(young_group)) return undefined;
  const id = onlyChange(old_group, young_group);
  if (id === undefined) return undefined;
  const [old, young] = [old_group[id], young_group[id]];
  if ((old !== undefined && !isTable(old)) || (young !== undefined && !isTable(young))) return undefined;
  return { group, id, old, young, alone: Object.keys(young_group).length === 0 };
}

/** The key whose value is not the same object any more, if it is one; one side may lack it. */
function onlyChange(before: TomlTable, after: TomlTable): string | undefined {
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  const changed = Object.keys(after).filter((key) => !Object.hasOwn(before, key) || before[key] !== after[key]);
  const all = [...gone, ...changed];
  return all.length === 1 ? all[0] : undefined;
}

const isLineEnd = (char: string | undefined): boolean => char === '\n' || char === '\r';

/** What separates a new table from the text above it. */
function gapBelow(above: string): string {
  if (above === '' || /\n\r?\n$/.test(above)) return '';
  return above.endsWith('\n') ? '\n' : '\n\n';
}

function afterEmptyLines(text: string, from: number): number {
  let at = from;
  for (let end = lineEnd(text, at); at < text.length && text.slice(at, end).trim() === '';) {
    at = end;
    end = lineEnd(text, at);
  }
  return at;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end + 1;
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
        this.splices.push({ start: section.lead, end: afterEmptyLines(this.text, section.end), text: '' });
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
    const at = section.entries.at(-1)?.end ?? (section.path.length === 0 ? 0 : lineEnd(this.text, section.header));
    const lines = rows.map(([key, value]) => `${formatKey(key)} = ${formatValue(value, key)}\n`).join('');
    this.splices.push({ start: at, end: at, text: (this.atLineStart(at) ? '' : '\n') + lines });
  }

  /** Behind its nearest relatives, or at the end. */
  private addTable(path: readonly string[], table: TomlTable): void {
    const parent = path.slice(0, -1);
    const near = this.sections.findLast((s) => s.path.length > 0 && within(s.path, parent));
    const at = near === undefined || near === this.sections.at(-1) ? this.text.length : near.end;
    const gap = gapBelow(this.text.slice(0, at));
    const more = at < this.text.length && !isLineEnd(this.text[at]);
    this.splices.push({ start: at, end: at, text: gap + formatTable(path, table) + (more ? '\n' : '') });
  }

  private atLineStart = (at: number): boolean => at === 0 || this.text[at - 1] === '\n';
}
