import { IDENTITY } from './toml/toml-lists.js';
import { isTable, own, sameValue, type TomlTable, type TomlValue } from './toml/toml.js';

/** A key that both sides changed, each in its own way; `undefined`: absent there. */
export interface KeyConflict {
  /** As `agents.lead.model`; an item of a list by its identity, as `rules.no-force-push.then`. */
  readonly key: string;
  readonly base: TomlValue | undefined;
  readonly ours: TomlValue | undefined;
  readonly theirs: TomlValue | undefined;
}

export interface MergedTable {
  /** With `ours` at every key in conflict that `choose` did not settle. */
  readonly table: TomlTable;
  readonly conflicts: readonly KeyConflict[];
}

/** Settles a conflict; undefined leaves it one. */
export type Choose = (conflict: KeyConflict) => 'ours' | 'theirs' | undefined;

type Value = TomlValue | undefined;

/** Times that Nox writes: of the last change the later one wins, of the making the earlier one. */
const TIMES: Readonly<Record<string, (ours: string, theirs: string) => boolean>> = {
  last_modified: (ours, theirs) => ours > theirs,
  created_at: (ours, theirs) => ours < theirs,
};

/**
 * Merges two versions of a registry file's data three ways, key by key. What only one side changed is taken; what both
 * changed alike is taken once; what they changed differently is a conflict, named by its key. A table that one side
 * removed while the other changed it is one conflict as a whole. The items of `rules` and `relationships` are merged by
 * their identity; other lists are values. Shared by merges of branches, by undo and by hand edits that meet a write.
 */
export function mergeTables(
  base: TomlTable,
  ours: TomlTable,
  theirs: TomlTable,
  choose: Choose = () => undefined,
): MergedTable {
  const merge = new Merge(choose);
  return { table: merge.tables(base, ours, theirs, []), conflicts: merge.conflicts };
}

class Merge {
  readonly conflicts: KeyConflict[] = [];

  constructor(private readonly choose: Choose) {}

  tables(base: TomlTable, ours: TomlTable, theirs: TomlTable, path: readonly string[]): TomlTable {
    const keys = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
    const merged = [...keys].map((key): [string, Value] => [
      key,
      this.values(own(base, key), own(ours, key), own(theirs, key), [...path, key]),
    ]);
    return Object.fromEntries(merged.filter((pair): pair is [string, TomlValue] => pair[1] !== undefined));
  }

  private values(base: Value, ours: Value, theirs: Value, path: readonly string[]): Value {
    if (same(base, theirs) || same(ours, theirs)) return ours;
    if (same(base, ours)) return theirs;
    const key = path.at(-1) ?? '';
    // Without a base two tables of one name are compared key by key: both sides added it.
    if (isTable(ours) && isTable(theirs)) return this.tables(isTable(base) ? base : {}, ours, theirs, path);
    const identity = path.length === 1 ? IDENTITY[key] : undefined;
    if (identity !== undefined && [base ?? [], ours ?? [], theirs ?? []].every(isListOfTables)) {
      return this.lists(
        [base, ours, theirs].map((list) => (list ?? []) as readonly TomlTable[]),
        identity,
        path,
      );
    }
    const wins = TIMES[key];
    if (wins !== undefined && typeof ours === 'string' && typeof theirs === 'string')
      return wins(ours, theirs) ? ours : theirs;
    const conflict = { key: path.join('.'), base, ours, theirs };
    const chosen = this.choose(conflict);
    if (chosen === undefined) this.conflicts.push(conflict);
    return chosen === 'theirs' ? theirs : ours;
  }

  /** In our order; what they added stands behind the item that it follows on their side. */
  private lists(
    [base = [], ours = [], theirs = []]: readonly (readonly TomlTable[])[],
    identity: (item: TomlTable) => string,
    path: readonly string[],
  ): readonly TomlTable[] {
    const byId = (list: readonly TomlTable[]) => new Map(list.map((item) => [identity(item), item]));
    const [old, mine, yours] = [byId(base), byId(ours), byId(theirs)];
    const order = [...mine.keys()];
    // Nobody but them changed the order: then it is theirs.
    const common = (list: ReadonlyMap<string, unknown>) => [...list.keys()].filter((id) => old.has(id));
    if (same(common(mine), common(old)) && order.every((id) => yours.has(id)))
      order.splice(0, order.length, ...yours.keys());
    let previous: string | undefined;
    for (const id of yours.keys()) {
      if (!order.includes(id)) order.splice(previous === undefined ? 0 : order.indexOf(previous) + 1, 0, id);
      previous = id;
    }
    return order.flatMap((id) => {
      const item = this.values(old.get(id), mine.get(id), yours.get(id), [...path, id]);
      return isTable(item) ? [item] : [];
    });
  }
}

const same = (a: unknown, b: unknown): boolean => sameValue(a, b);
const isListOfTables = (value: unknown): value is readonly TomlTable[] => Array.isArray(value) && value.every(isTable);
