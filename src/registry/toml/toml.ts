import { parse } from '@iarna/toml';

/** A TOML document as plain data: times are RFC 3339 strings in UTC, integers beyond the safe range are strings. */
export type TomlValue = string | number | boolean | readonly TomlValue[] | TomlTable;
export interface TomlTable {
  readonly [key: string]: TomlValue;
}

/** Why a text is not TOML, and on which line (from 1). */
export class TomlProblem extends Error {
  override readonly name = 'TomlProblem';

  constructor(
    message: string,
    readonly line: number,
  ) {
    super(message);
  }
}

/** Reads a document. Throws TomlProblem, whatever the text holds. */
export function parseToml(text: string): TomlTable {
  const body = text.startsWith('\u{feff}') ? text.slice(1) : text;
  try {
    refuseTraps(body);
    return plainTable(parse(body));
  } catch (error) {
    if (error instanceof TomlProblem) throw error;
    const line = typeof error === 'object' && error !== null && 'line' in error ? Number(error.line) + 1 : 1;
    const message = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
    throw new TomlProblem(message.replace(/ at row \d+, col \d+, pos \d+:?$/, ''), line);
  }
}

/** What a table itself holds under a key. */
export const own = (table: TomlTable, key: string): TomlValue | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

export const isTable = (value: unknown): value is TomlTable =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Deep equality of plain data; the order of keys does not count. Same references are equal without a look inside. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i]));
  if (!isTable(a) || !isTable(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key], b[key]))
  );
}

/** Data without its `undefined` members, as TOML can hold it. */
export function withoutUndefined(value: unknown): TomlValue {
  if (Array.isArray(value)) return value.filter((item) => item !== undefined && item !== null).map(withoutUndefined);
  if (typeof value !== 'object' || value === null) return value as TomlValue;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined && member !== null);
  return Object.fromEntries(entries.map(([key, member]) => [key, withoutUndefined(member)]));
}

const TRAPS = new Set(Object.getOwnPropertyNames(Object.prototype));
const MAYBE_TRAP = new RegExp([...TRAPS, '\\\\[uU]'].join('|'));
const TOKEN = /"""(?:\\[\s\S]|[^\\])*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*|[A-Za-z0-9_-]+/g;

/**
 * Refuses keys such as `constructor`, by name, before the parser sees them: it takes the one that every object inherits
 * for a table of the document, and writes into it.
 */
function refuseTraps(text: string): void {
  if (!MAYBE_TRAP.test(text)) return;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token.startsWith('#') || !TRAPS.has(wordOf(token))) continue;
    const line = text.slice(0, index).split('\n');
    const before = line.at(-1)?.trim() ?? '';
    const after = /\S/.exec(text.slice(index + token.length))?.[0] ?? '';
    // Quoted, it may as well be a value; a bare word is always a key.
    const quoted = token.startsWith('"') || token.startsWith("'");
    const is_key = !quoted || after === '.' || after === '=' || before.endsWith('.') || before.startsWith('[');
    if (is_key) throw new TomlProblem(`the key ${wordOf(token)} is not allowed`, line.length);
  }
}

function wordOf(token: string): string {
  if (token.startsWith("'")) return token.slice(1, -1);
  if (!token.startsWith('"')) return token;
  const hex = /\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))/g;
  return token.slice(1, -1).replace(hex, (all, short?: string, long?: string) => {
    const code = Number.parseInt(short ?? long ?? '', 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

function plainTable(table: object): TomlTable {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, plain(value)]));
}

function plain(value: unknown): TomlValue {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) return plainTable(value);
  if (typeof value === 'bigint') return value.toString();
  return value as TomlValue;
}
