import { formatKey, formatValue } from './toml-format.js';
import { scanToml, type Section } from './toml-scan.js';
import { isTable, sameValue, type TomlTable, type TomlValue } from './toml.js';

const word = (value: TomlValue | undefined): string =>
  typeof value === 'string' ? value : JSON.stringify(value ?? null);

/** What tells one item of a list of tables from another, by the list's key. */
export const IDENTITY: Readonly<Record<string, (item: TomlTable) => string>> = {
  rules: ({ id }) => word(id),
  relationships: ({ from, to, type }) => `${word(from)} -> ${word(to)} (${word(type)})`,
};

/** Changes the text of one table, given as a document that holds nothing else; undefined when it cannot. */
type EditTable = (text: string, before: TomlTable, after: TomlTable) => string | undefined;

/** A document and what it was read as. */
export interface Edited {
  readonly text: string;
  readonly table: TomlTable;
}

/**
 * Changes lists that are written as `[[rules]]`: an item that stays keeps its lines, one that changed keeps what of them
 * still holds, and each takes the comments that touch it along when the order changes. Lists that are written in another
 * way are left for the caller.
 */
export function editLists(text: string, before: TomlTable, after: TomlTable, edit: EditTable): Edited {
  let edited: Edited = { text, table: before };
  for (const key of Object.keys(IDENTITY)) {
    const [old, young] = [before[key], after[key]];
    if (!isList(old) || !isList(young) || old.length === 0 || young.length === 0 || sameValue(old, young)) continue;
    const next = new ListEdit(edited.text, key, old, edit).to(young);
    if (next !== undefined) edited = { text: next, table: { ...edited.table, [key]: young } };
  }
  return edited;
}

/** An item as it is written. */
interface Block {
  readonly start: number;
  /** Where its `[[` stands, from `start`. */
  readonly header: number;
  end: number;
}

class ListEdit {
  private readonly identity: (item: TomlTable) => string;

  constructor(
    private readonly text: string,
    private readonly key: string,
    private readonly old: readonly TomlTable[],
    private readonly edit: EditTable,
  ) {
    this.identity = IDENTITY[key] ?? word;
  }

  to(young: readonly TomlTable[]): string | undefined {
    const blocks = this.blocks();
    const byId = new Map(this.old.map((item, n) => [this.identity(item), n]));
    const ids = new Set(young.map(this.identity));
    if (blocks === undefined || byId.size !== this.old.length || ids.size !== young.length) return undefined;
    const [first, last] = [blocks[0], blocks.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const written: string[] = [];
    for (const item of young) {
      const n = byId.get(this.identity(item));
      const block = n === undefined ? undefined : blocks[n];
      const lines = block === undefined ? this.fresh(item) : this.changed(block, this.old[n ?? 0] ?? {}, item);
      if (lines === undefined) return undefined;
      written.push(lines.endsWith('\n') ? lines : `${lines}\n`);
    }
    // Comments that stand by themselves between items stay, behind what they followed if that is still there.
    const loose = blocks.map(({ end }, n) => this.text.slice(end, blocks[n + 1]?.start ?? end).trim());
    const tail = this.text.slice(last.end);
    const parts = written.flatMap((lines, i) => {
      const n = byId.get(this.identity(young[i] ?? {}));
      return n === undefined || loose[n] === '' || loose[n] === undefined ? [lines] : [lines, `${loose[n]}\n`];
    });
    const orphans = loose.flatMap((words, n) =>
      words === '' || ids.has(this.identity(this.old[n] ?? {})) ? [] : [`${words}\n`],
    );
    return this.text.slice(0, first.start) + [...orphans, ...parts].join('\n') + tail;
  }

  /** The items where they stand; undefined when something else stands between them, or they are written in another way. */
  private blocks(): Block[] | undefined {
    const blocks: Block[] = [];
    const sections = scanToml(this.text);
    const mine = (section: Section | undefined): boolean => section?.path[0] === this.key;
    const from = sections.findIndex(mine);
    if (from < 0 || sections.slice(from, sections.findLastIndex(mine) + 1).some((section) => !mine(section)))
      return undefined;
    for (const { path, array, lead, header, end } of sections.filter(mine)) {
      const block = blocks.at(-1);
      if (array && path.length === 1) blocks.push({ start: lead, header: header - lead, end });
      else if (block === undefined) return undefined;
      else block.end = end;
    }
    return blocks.length === this.old.length ? blocks : undefined;
  }

  private changed({ start, header, end }: Block, before: TomlTable, after: TomlTable): string | undefined {
    const lines = this.text.slice(start, end);
    if (sameValue(before, after)) return lines;
    // As a table of its own it can be edited like any other.
    const alone = lines.slice(0, header) + lines.slice(header).replace('[[', '[').replace(']]', ']');
    const edited = this.edit(alone, { [this.key]: before }, { [this.key]: after });
    if (edited === undefined || edited.slice(0, header) !== lines.slice(0, header)) return undefined;
    return edited.slice(0, header) + edited.slice(header).replace('[', '[[').replace(']', ']]');
  }

  private fresh(item: TomlTable): string {
    const rows = Object.entries(item).map(([key, value]) => `${formatKey(key)} = ${formatValue(value, key, true)}\n`);
    return `[[${formatKey(this.key)}]]\n${rows.join('')}`;
  }
}

const isList = (value: TomlValue | undefined): value is readonly TomlTable[] =>
  Array.isArray(value) && value.every((item) => isTable(item as TomlValue));
