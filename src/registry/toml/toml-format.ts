import { isTable, type TomlTable, type TomlValue } from './toml.js';

/** Tables down to this depth get a header of their own (`[agents.lead.restart]`); deeper ones are written in line. */
const HEADER_DEPTH = 3;
/** As times are read; another spelling stood there as a text, and must come back as one. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export const formatKey = (key: string): string => (/^[A-Za-z0-9_-]+$/.test(key) ? key : formatLine(key));

/** One value. Times are written as TOML's own under the keys that hold times; texts of several lines as blocks. */
export function formatValue(value: TomlValue, key = '', inline = false): string {
  if (typeof value === 'string') {
    if (/(_at|^last_modified)$/.test(key) && TIME.test(value)) return value.replace(/\.000Z$/, 'Z');
    return value.includes('\n') && !inline ? formatBlock(value) : formatLine(value);
  }
  if (typeof value === 'number') return formatNumber(value);
  if (typeof value === 'boolean') return String(value);
  if (isTable(value)) {
    const members = Object.entries(value).map(([k, v]) => `${formatKey(k)} = ${formatValue(v, k, true)}`);
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
  }
  return `[${value.map((item) => formatValue(item, '', true)).join(', ')}]`;
}

/** `[a.b]` with its keys, then its tables; parts are parted by an empty line. */
export function formatTable(path: readonly string[], table: TomlTable): string {
  const ownHeader = (value: TomlValue): value is TomlTable => isTable(value) && path.length < HEADER_DEPTH;
  const rows = Object.entries(table).filter(([, value]) => !ownHeader(value));
  const tables = Object.entries(table).flatMap(([key, value]) => (ownHeader(value) ? [{ key, value }] : []));
  const body = rows.map(([key, value]) => `${formatKey(key)} = ${formatValue(value, key)}\n`).join('');
  const header = path.length === 0 ? '' : `[${path.map(formatKey).join('.')}]\n`;
  const own = rows.length > 0 || tables.length === 0 ? [header + body] : [];
  return [...own, ...tables.map(({ key, value }) => formatTable([...path, key], value))].join('\n');
}

function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  return String(value);
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\f': '\\f',
  '\r': '\\r',
  '\t': '\\t',
  '\n': '\\n',
};
const escapeControl = (char: string): string =>
  SHORT_ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`;

const formatLine = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- these are what TOML forbids inside a string
  `"${text.replace(/["\\]/g, '\\$&').replace(/[\u0000-\u001f\u007f]/g, escapeControl)}"`;

/** A line of a block never looks like a table's header (`[[`), so that an append-only file can be cut between entries. */
function formatBlock(text: string): string {
  const body = text
    .replaceAll('\\', '\\\\')
    // The last one first: what is escaped already must not be escaped once more.
    .replace(/"$/, '\\"')
    .replaceAll('"""', '""\\"')
    .replace(/^\[(?=\[)/gm, '\\u005B')
    // oxlint-disable-next-line no-control-regex -- these are what TOML forbids inside a block
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, escapeControl);
  return `"""\n${body}"""`;
}
