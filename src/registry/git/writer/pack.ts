import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import { commonLength } from '../../common-length.js';
import type { GitObject } from './git-object.js';

const TYPES = { commit: 1, tree: 2, blob: 3 } as const;
const OFFSET_DELTA = 6;
/** Readers walk the whole chain. */
const MAX_CHAIN = 40;
/** Below it a difference saves nothing. */
const MIN_DELTA_BYTES = 512;
/** Above it speed counts more than room: gc packs better later. */
const FAST_BYTES = 16 * 1024;
const HEADER_BYTES = 12;

interface Row {
  readonly oid: string;
  readonly crc: number;
  readonly offset: number;
}

/** A pack as the two files that git reads. */
export interface PackFiles {
  /** Hash over the pack: part of the names of its files. */
  readonly name: string;
  readonly pack: Buffer;
  readonly index: Buffer;
}

/** Objects as a pack with its index (version 2), in memory. A version of a path is stored as its difference to the one before. */
export class Pack {
  private readonly rows = new Map<string, Row>();
  private readonly chunks: Buffer[] = [];
  private readonly last = new Map<string, { body: Buffer; offset: number; chain: number }>();
  private end = HEADER_BYTES;

  get bytes(): number {
    return this.end;
  }

  get objects(): number {
    return this.rows.size;
  }

  /** Nothing when it holds the object. */
  add({ oid, type, body, path }: GitObject): void {
    if (this.rows.has(oid)) return;
    const base = path === undefined ? undefined : this.last.get(path);
    const delta = base !== undefined && base.chain < MAX_CHAIN ? deltaOf(base.body, body) : undefined;
    const entry =
      base === undefined || delta === undefined
        ? Buffer.concat([entryHeader(TYPES[type], body.length), deflate(body)])
        : Buffer.concat([entryHeader(OFFSET_DELTA, delta.length), backwards(this.end - base.offset), deflate(delta)]);
    if (path !== undefined) {
      this.last.set(path, { body, offset: this.end, chain: delta === undefined ? 0 : (base?.chain ?? 0) + 1 });
    }
    this.rows.set(oid, { oid, crc: crc32(entry), offset: this.end });
    this.chunks.push(entry);
    this.end += entry.length;
  }

  files(): PackFiles {
    const head = Buffer.alloc(HEADER_BYTES);
    head.write('PACK');
    head.writeUInt32BE(2, 4);
    head.writeUInt32BE(this.rows.size, 8);
    const content = Buffer.concat([head, ...this.chunks]);
    const checksum = createHash('sha1').update(content).digest();
    const index = indexOf([...this.rows.values()], checksum);
    return { name: checksum.toString('hex'), pack: Buffer.concat([content, checksum]), index };
  }
}

const deflate = (bytes: Uint8Array): Buffer => deflateSync(bytes, { level: bytes.length > FAST_BYTES ? 1 : 6 });

function indexOf(rows: Row[], pack_checksum: Buffer): Buffer {
  rows.sort((a, b) => (a.oid < b.oid ? -1 : 1));
  const count = rows.length;
  const [oids_at, crcs_at, offsets_at] = [1032, 1032 + count * 20, 1032 + count * 24];
  const content = Buffer.alloc(offsets_at + count * 4 + 20);
  content.writeUInt32BE(0xff744f63, 0);
  content.writeUInt32BE(2, 4);
  rows.forEach(({ oid, crc, offset }, i) => {
    content.write(oid, oids_at + i * 20, 'hex');
    content.writeUInt32BE(crc, crcs_at + i * 4);
    // Packs of the writer stay far below the 2 GiB at which offsets need more.
    content.writeUInt32BE(offset, offsets_at + i * 4);
  });
  for (let first = 0, seen = 0; first < 256; first += 1) {
    while (seen < count && content[oids_at + seen * 20] === first) seen += 1;
    content.writeUInt32BE(seen, 8 + first * 4);
  }
  pack_checksum.copy(content, offsets_at + count * 4);
  return Buffer.concat([content, createHash('sha1').update(content).digest()]);
}

/** Type and length: four bits of it, then seven each. */
function entryHeader(type: number, length: number): Buffer {
  const bytes: number[] = [];
  let first = (type << 4) | (length & 15);
  for (let rest = Math.floor(length / 16); ; rest = Math.floor(rest / 128)) {
    bytes.push(rest > 0 ? first | 0x80 : first);
    if (rest === 0) return Buffer.from(bytes);
    first = rest & 0x7f;
  }
}

/** The distance to the base, in git's own way of counting. */
function backwards(distance: number): Buffer {
  const bytes = [distance & 0x7f];
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest -= 1;
    bytes.unshift(0x80 | (rest & 0x7f));
  }
  return Buffer.from(bytes);
}

/** What both have at the beginning and at the end is copied, the middle is new. Undefined when that saves little. */
export function deltaOf(base: Buffer, target: Buffer): Buffer | undefined {
  const shorter = Math.min(base.length, target.length);
  if (target.length < MIN_DELTA_BYTES) return undefined;
  const head = commonLength(shorter, (at, end) => base.compare(target, at, end, at, end) === 0);
  const [b, t] = [base.length, target.length];
  const tail = commonLength(shorter - head, (at, end) => base.compare(target, t - end, t - at, b - end, b - at) === 0);
  const fresh = target.subarray(head, target.length - tail);
  if (fresh.length > target.length / 2) return undefined;
  const parts = [size(base.length), size(target.length), ...copies(0, head)];
  for (let at = 0; at < fresh.length; at += 127) {
    const piece = fresh.subarray(at, at + 127);
    parts.push(Buffer.from([piece.length]), piece);
  }
  return Buffer.concat([...parts, ...copies(base.length - tail, tail)]);
}

function size(length: number): Buffer {
  const bytes: number[] = [];
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest >= 128 ? (rest & 0x7f) | 0x80 : rest);
    if (rest < 128) return Buffer.from(bytes);
  }
}

/** Instructions that copy a stretch of the base, 64 KiB at most each. */
function* copies(from: number, length: number): Generator<Buffer> {
  for (let done = 0; done < length;) {
    const at = from + done;
    const count = Math.min(0xffff, length - done);
    const offset = [at & 0xff, (at >>> 8) & 0xff, (at >>> 16) & 0xff, (at >>> 24) & 0xff];
    yield Buffer.from([0xbf, ...offset, count & 0xff, count >>> 8]);
    done += count;
  }
}
