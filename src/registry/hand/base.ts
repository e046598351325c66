import type { IntentFile } from '../intent.js';
import { isTable, own, sameValue, type TomlTable, type TomlValue } from '../toml/toml.js';

/** A version that stood on the disk. */
export interface Version {
  readonly text: string;
  readonly table: TomlTable;
  /** When another took its place; undefined: it still stands, or nobody knows. */
  readonly until_ms?: number;
  /** What took its place. */
  readonly replaced_by?: 'write' | 'hand';
}

/** For so long an editor is taken to hold an old version where nothing in the text proves it. */
const STALE_MS = 600_000;

/**
 * The version that somebody's editor had loaded before this text was saved: `versions`, newest first, begin with the one
 * that stands. Agents carry the time of their last change, which no hand touches: a text whose times are older was made
 * from an older version, one whose times are newer was not. Where they do not tell, it is the version that differs least,
 * if it stood there lately and no hand has saved the file since. A text that stood there before, to the letter, was brought back on purpose.
 */
export function baseOf(
  file: IntentFile,
  versions: readonly [Version, ...Version[]],
  edited: Pick<Version, 'text' | 'table'>,
  now_ms: number,
): Version {
  const [current, ...older] = versions;
  if (versions.some(({ text }) => text === edited.text)) return current;
  const descends = (from: Version): boolean => file !== 'agents.toml' || sameTimes(from.table, edited.table);
  const disproved = !descends(current);
  let best = {
    version: current,
    distance: disproved ? Number.POSITIVE_INFINITY : distance(current.table, edited.table),
  };
  let since_hand = true;
  for (const version of older) {
    since_hand &&= version.replaced_by !== 'hand';
    const lately = since_hand && version.until_ms !== undefined && now_ms - version.until_ms <= STALE_MS;
    if (!(lately || disproved) || !descends(version)) continue;
    const far = distance(version.table, edited.table);
    if (far < best.distance) best = { version, distance: far };
  }
  return best.version;
}

function sameTimes(from: TomlTable, edited: TomlTable): boolean {
  const [old, young] = [from['agents'], edited['agents']];
  if (!isTable(old) || !isTable(young)) return true;
  return Object.entries(young).every(([id, agent]) => {
    const known = Object.hasOwn(old, id) ? old[id] : undefined;
    if (!isTable(known) || !isTable(agent)) return true;
    return known['last_modified'] === agent['last_modified'];
  });
}

/** How many values differ. */
function distance(one: TomlValue | undefined, other: TomlValue | undefined): number {
  if (sameValue(one, other)) return 0;
  if (isTable(one) && isTable(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].reduce((sum, key) => sum + distance(own(one, key), own(other, key)), 0);
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    const missing = (list: readonly TomlValue[], from: readonly TomlValue[]) =>
      list.filter((item) => !from.some((each) => sameValue(each, item))).length;
    return Math.max(1, missing(one, other) + missing(other, one));
  }
  return sizeOf(one ?? other);
}

const sizeOf = (value: TomlValue | undefined): number =>
  isTable(value) ? Object.values(value).reduce((sum: number, each) => sum + sizeOf(each), 1) : 1;
