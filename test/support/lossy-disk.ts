import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { DISK_CALLS, type DiskCalls } from '../../src/registry/git/writer/disk.js';

/** Bytes of a file: what is on the disk for sure, and what was written since its last flush. */
interface Inode {
  durable: Buffer;
  pending: { readonly at: number; readonly bytes: Buffer }[];
}
/** A name that came to, or went from, a folder since the folder's last flush. */
interface NameOp {
  readonly name: string;
  readonly inode: Inode | undefined;
}
interface Folder {
  durable: Map<string, Inode>;
  pending: NameOp[];
}

const SECTOR = 512;

/**
 * The calls of a writer, carried out and written down, so that after each of them it can be told what a loss of power could
 * leave: of a folder's names those up to its last flush and any number of the next ones, of a file's bytes those up to its
 * last flush and of the later writes all, some, or a torn part, sector by sector.
 */
export class LossyDisk {
  private readonly folders = new Map<string, Folder>();
  private readonly open = new Map<number, { readonly path: string; readonly inode: Inode | undefined; at: number }>();
  readonly calls: DiskCalls;
  /** Called after each call that changes something. */
  onChange: () => void = () => undefined;

  constructor(private readonly root: string) {
    this.learn(root);
    this.calls = {
      ...DISK_CALLS,
      openSync: (path, flags, mode) => this.opened(path, flags, mode),
      writeSync: (fd, bytes, offset) => this.written(fd, bytes, offset),
      // What it means is written down here; the machine under this test will not lose its power.
      fsyncSync: (fd) => this.flushed(fd),
      closeSync: (fd) => {
        this.open.delete(fd);
        DISK_CALLS.closeSync(fd);
      },
      renameSync: (from, to) => {
        DISK_CALLS.renameSync(from, to);
        const inode = this.find(from);
        this.name(to, inode);
        this.name(from, undefined);
        this.onChange();
      },
      linkSync: (from, to) => {
        DISK_CALLS.linkSync(from, to);
        this.name(to, this.find(from));
        this.onChange();
      },
      unlinkSync: (path) => {
        DISK_CALLS.unlinkSync(path);
        this.name(path, undefined);
        this.onChange();
      },
      mkdirSync: (path) => {
        DISK_CALLS.mkdirSync(path);
        this.folders.set(path, { durable: new Map(), pending: [] });
      },
    };
  }

  /** Writes down elsewhere what a loss of power at this instant might leave. */
  image(to: string, random: () => number): void {
    for (const [path, folder] of this.folders) {
      const names = new Map(folder.durable);
      const kept = Math.floor(random() * (folder.pending.length + 1));
      for (const { name, inode } of folder.pending.slice(0, kept)) {
        if (inode === undefined) names.delete(name);
        else names.set(name, inode);
      }
      const target = join(to, relative(this.root, path));
      mkdirSync(target, { recursive: true });
      for (const [name, inode] of names) writeFileSync(join(target, name), torn(inode, random));
    }
  }

  private learn(path: string): void {
    const folder: Folder = { durable: new Map(), pending: [] };
    this.folders.set(path, folder);
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const full = join(path, entry.name);
      if (entry.isDirectory()) this.learn(full);
      else folder.durable.set(entry.name, { durable: readFileSync(full), pending: [] });
    }
  }

  private find(path: string): Inode | undefined {
    const folder = this.folders.get(dirname(path));
    const last = folder?.pending.findLast(({ name }) => name === basename(path));
    return last === undefined ? folder?.durable.get(basename(path)) : last.inode;
  }

  private name(path: string, inode: Inode | undefined): void {
    this.folders.get(dirname(path))?.pending.push({ name: basename(path), inode });
  }

  private opened(path: string, flags: number, mode?: number): number {
    const fd = DISK_CALLS.openSync(path, flags, mode);
    let inode = this.find(path);
    if (inode === undefined && (flags & constants.O_CREAT) !== 0) {
      inode = { durable: Buffer.alloc(0), pending: [] };
      this.name(path, inode);
    }
    const at = (flags & constants.O_APPEND) === 0 ? 0 : whole(inode).length;
    this.open.set(fd, { path, inode, at });
    if ((flags & constants.O_CREAT) !== 0) this.onChange();
    return fd;
  }

  private written(fd: number, bytes: Uint8Array, offset: number): number {
    const count = DISK_CALLS.writeSync(fd, bytes, offset);
    const file = this.open.get(fd);
    if (file?.inode !== undefined) {
      file.inode.pending.push({ at: file.at, bytes: Buffer.from(bytes.subarray(offset, offset + count)) });
      file.at += count;
    }
    this.onChange();
    return count;
  }

  private flushed(fd: number): void {
    const file = this.open.get(fd);
    const folder = this.folders.get(file?.path ?? '');
    if (file?.inode !== undefined) {
      file.inode.durable = whole(file.inode);
      file.inode.pending = [];
    } else if (folder !== undefined) {
      for (const { name, inode } of folder.pending) {
        if (inode === undefined) folder.durable.delete(name);
        else folder.durable.set(name, inode);
      }
      folder.pending = [];
    }
    this.onChange();
  }
}

const put = (into: Buffer, at: number, bytes: Buffer): Buffer => {
  const grown = Buffer.alloc(Math.max(into.length, at + bytes.length));
  into.copy(grown);
  bytes.copy(grown, at);
  return grown;
};

const whole = (inode: Inode | undefined): Buffer =>
  (inode?.pending ?? []).reduce((all, { at, bytes }) => put(all, at, bytes), inode?.durable ?? Buffer.alloc(0));

function torn(inode: Inode, random: () => number): Buffer {
  const fate = random();
  if (inode.pending.length === 0 || fate < 0.25) return inode.durable;
  if (fate < 0.5) return whole(inode);
  let bytes = inode.durable;
  for (const write of inode.pending)
    for (let from = 0; from < write.bytes.length; from += SECTOR) {
      const sector = write.bytes.subarray(from, from + SECTOR);
      const fate_of_one = random();
      if (fate_of_one < 0.5) bytes = put(bytes, write.at + from, sector);
      // Lost: zeros where the file has grown, else what was there; or it has not even grown.
      else if (fate_of_one < 0.75) bytes = put(bytes, write.at + from + sector.length, Buffer.alloc(0));
    }
  return bytes;
}
