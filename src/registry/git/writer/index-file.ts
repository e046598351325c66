import { createHash } from 'node:crypto';
import type { FileStat } from './disk.js';

/** A file as git's index has it. `data` are the 40 bytes of times, device, owner and length by which git knows it again. */
export interface IndexEntry {
  readonly path: string;
  readonly oid: string;
  readonly data: Buffer;
  /** Stage and "assume unchanged", as git keeps them above the length of the name. */
  readonly flags: number;
  /** Bits of version 3: "skip worktree", "intent to add". */
  readonly more_flags: number;
}

const STAT_BYTES = 40;
const MTIME_AT = 8;
const MODE_AT = 24;
const SIZE_AT = 36;
const NAME_MASK = 0xfff;
const EXTENDED = 0x4000;

/** Reads versions 2, 3 and 4. Undefined when it is damaged or of another kind: then it is to be made anew. */
export function parseIndex(bytes: Buffer): IndexEntry[] | undefined {
  if (bytes.length < 32 || bytes.toString('latin1', 0, 4) !== 'DIRC') return undefined;
  const version = bytes.readUInt32BE(4);
  const count = bytes.readUInt32BE(8);
  const sum = createHash('sha1').update(bytes.subarray(0, -20)).digest();
  if (version < 2 || version > 4 || !sum.equals(bytes.subarray(-20))) return undefined;
  const entries: IndexEntry[] = [];
  let name = Buffer.alloc(0);
  let at = 12;
  for (let n = 0; n < count; n += 1) {
    const start = at;
    const oid = bytes.toString('hex', at + STAT_BYTES, at + 60);
    const flags = bytes.readUInt16BE(at + 60);
    const extended = version > 2 && (flags & EXTENDED) !== 0;
    const more_flags = extended ? bytes.readUInt16BE(at + 62) : 0;
    at += extended ? 64 : 62;
    if (version === 4) {
      const [strip, from] = varint(bytes, at);
      const end = bytes.indexOf(0, from);
      name = Buffer.concat([name.subarray(0, name.length - strip), bytes.subarray(from, end)]);
      at = end + 1;
    } else {
      const end = bytes.indexOf(0, at);
      name = Buffer.from(bytes.subarray(at, end));
      at = start + padded(end - start);
    }
    const data = Buffer.from(bytes.subarray(start, start + STAT_BYTES));
    entries.push({ path: name.toString(), oid, data, flags: flags & ~(NAME_MASK | EXTENDED), more_flags });
  }
  return hasLink(bytes, at) ? undefined : entries;
}

/** Without extensions: they are caches, and git makes them anew. */
export function formatIndex(entries: readonly IndexEntry[]): Buffer {
  const version = entries.some(({ more_flags }) => more_flags !== 0) ? 3 : 2;
  const rows = entries.map((entry) => ({ entry, name: Buffer.from(entry.path) }));
  rows.sort((a, b) => Buffer.compare(a.name, b.name) || a.entry.flags - b.entry.flags);
  const head = Buffer.alloc(12);
  head.write('DIRC');
  head.writeUInt32BE(version, 4);
  head.writeUInt32BE(rows.length, 8);
  const content = Buffer.concat([head, ...rows.map(({ entry, name }) => formatEntry(entry, name))]);
  return Buffer.concat([content, createHash('sha1').update(content).digest()]);
}

/** `stat`: undefined when the file may differ from the blob; git then looks into it. */
export function indexEntry(path: string, oid: string, mode: string, stat: FileStat | undefined): IndexEntry {
  const data = Buffer.alloc(STAT_BYTES);
  const put = (value: bigint, at: number): number => data.writeUInt32BE(Number(BigInt.asUintN(32, value)), at);
  if (stat !== undefined) {
    put(stat.ctimeNs / 1_000_000_000n, 0);
    put(stat.ctimeNs % 1_000_000_000n, 4);
    put(stat.mtimeNs / 1_000_000_000n, MTIME_AT);
    put(stat.mtimeNs % 1_000_000_000n, 12);
    put(stat.dev, 16);
    put(stat.ino, 20);
    put(stat.uid, 28);
    put(stat.gid, 32);
    put(stat.size, SIZE_AT);
  }
  data.writeUInt32BE(Number.parseInt(mode, 8), MODE_AT);
  return { path, oid, data, flags: 0, more_flags: 0 };
}

/**
 * For an entry that goes into a newer index. Git sees whole seconds: a file that was saved once more in the second in which
 * the last index was written, with the same length, looks the same in the next. Without a length git looks into it.
 */
export function carriedOver(entry: IndexEntry, last_index_s: number): IndexEntry {
  if (entry.data.readUInt32BE(MTIME_AT) < last_index_s) return entry;
  const data = Buffer.from(entry.data);
  data.writeUInt32BE(0, SIZE_AT);
  return { ...entry, data };
}

function formatEntry({ oid, data, flags, more_flags }: IndexEntry, name: Buffer): Buffer {
  const extended = more_flags !== 0;
  const fixed = extended ? 64 : 62;
  const row = Buffer.alloc(padded(fixed + name.length));
  data.copy(row, 0);
  row.write(oid, STAT_BYTES, 'hex');
  row.writeUInt16BE(flags | (extended ? EXTENDED : 0) | Math.min(name.length, NAME_MASK), 60);
  if (extended) row.writeUInt16BE(more_flags, 62);
  name.copy(row, fixed);
  return row;
}

/** One to eight bytes of zero end a name. */
const padded = (length: number): number => (length + 8) & ~7;

/** Git's number of version 4. */
function varint(bytes: Buffer, start: number): [value: number, next: number] {
  let at = start;
  let byte = bytes[at] ?? 0;
  let value = byte & 0x7f;
  while ((byte & 0x80) !== 0) {
    at += 1;
    byte = bytes[at] ?? 0;
    value = (value + 1) * 128 + (byte & 0x7f);
  }
  return [value, at + 1];
}

/** A split index holds a part of the entries only. */
function hasLink(bytes: Buffer, start: number): boolean {
  for (let at = start; at + 8 <= bytes.length - 20; at += 8 + bytes.readUInt32BE(at + 4)) {
    if (bytes.toString('latin1', at, at + 4) === 'link') return true;
  }
  return false;
}
