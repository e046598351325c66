import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FileBytes } from './file-bytes.js';
import type { PowerOp } from './power-log.js';

/** A folder's names on the disk for sure, and what came and went since the folder's last flush. */
interface Folder {
  readonly names: Map<string, Node>;
  pending: NameOp[];
}
type Node = { readonly file: FileBytes } | { readonly folder: Folder };

/** One step of the file system: names that come (a node) or go (undefined), in one folder or, by a rename, in two. */
interface NameOp {
  readonly changes: readonly { readonly folder: Folder; readonly name: string; readonly node: Node | undefined }[];
}

export interface DiskOptions {
  /** What a flush is worth: nothing, so that a test can show that it would notice. */
  readonly flushes?: 'none';
}

/**
 * What a disk holds for sure after recorded calls, and what a loss of power could leave of the rest. The model is harder
 * than file systems with a journal are: each folder keeps the names of its last flush and any number of the next ones,
 * whatever other folders keep; a flush of a file is none of its name; of bytes that were not flushed any sectors are there,
 * in any order, and a file may have grown without them. One step (a rename, also between folders) happens whole or not.
 */
export class PowerDisk {
  private readonly root: Folder = { names: new Map(), pending: [] };
  private readonly inodes = new Map<bigint, Node>();

  /** `root`: the inode of the folder, which is empty when the recording begins. */
  constructor(
    root: bigint,
    private readonly options: DiskOptions = {},
  ) {
    this.inodes.set(root, { folder: this.root });
  }

  apply(op: PowerOp): void {
    switch (op.op) {
      case 'create':
        return this.add(op.path, op.inode, { file: new FileBytes() });
      case 'folder':
        return this.add(op.path, op.inode, { folder: { names: new Map(), pending: [] } });
      case 'write':
        return this.fileOf(op.inode)?.write(op.at, op.bytes);
      case 'size':
        return this.fileOf(op.inode)?.resize(op.size);
      case 'sync':
        return this.options.flushes === 'none' ? undefined : this.flush(op.inode);
      case 'rename':
        return this.change([op.to, this.find(op.from)], [op.from, undefined]);
      case 'link':
        return this.change([op.to, this.find(op.from)]);
      case 'unlink':
        return this.change([op.path, undefined]);
      case 'mark':
        return undefined;
    }
  }

  /** Writes down elsewhere what a loss of power at this instant might leave; without `random`, what programs see. */
  image(to: string, random?: () => number): void {
    const kept = this.choose(random);
    const put = (folder: Folder, path: string): void => {
      mkdirSync(path, { recursive: true });
      for (const [name, node] of namesOf(folder, kept.get(folder) ?? 0)) {
        if ('folder' in node) put(node.folder, join(path, name));
        else writeFileSync(join(path, name), node.file.left(random));
      }
    };
    put(this.root, to);
  }

  /** How many pending steps each folder keeps; one that concerns two folders is kept by both or none. */
  private choose(random: (() => number) | undefined): Map<Folder, number> {
    const kept = new Map<Folder, number>();
    const keep = (folder: Folder, count: number): void => {
      const before = kept.get(folder) ?? 0;
      if (count <= before) return;
      kept.set(folder, count);
      for (const op of folder.pending.slice(before, count))
        for (const other of op.changes) keep(other.folder, other.folder.pending.indexOf(op) + 1);
    };
    for (const folder of this.folders()) {
      const { length } = folder.pending;
      const fate = random?.() ?? 1;
      keep(folder, fate < 0.3 ? 0 : fate < 0.7 ? Math.floor((random?.() ?? 1) * (length + 1)) : length);
    }
    return kept;
  }

  private *folders(from = this.root, seen = new Set<Folder>()): Generator<Folder> {
    if (seen.has(from)) return;
    seen.add(from);
    yield from;
    const pending = from.pending.flatMap(({ changes }) => changes.map(({ node }) => node));
    for (const node of [...from.names.values(), ...pending])
      if (node !== undefined && 'folder' in node) yield* this.folders(node.folder, seen);
  }

  private flush(inode: bigint): void {
    const node = this.inodes.get(inode);
    if (node === undefined) return;
    if ('file' in node) node.file.flush();
    else flushFolder(node.folder, node.folder.pending.length);
  }

  private add(path: string, inode: bigint, node: Node): void {
    this.inodes.set(inode, node);
    this.change([path, node]);
  }

  private change(...changes: readonly [path: string, node: Node | undefined][]): void {
    const op: NameOp = {
      changes: changes.flatMap(([path, node]) => {
        const folder = this.folder(dirname(path));
        return folder === undefined || path === '' ? [] : [{ folder, name: basename(path), node }];
      }),
    };
    for (const folder of new Set(op.changes.map((change) => change.folder))) folder.pending.push(op);
  }

  private fileOf(inode: bigint): FileBytes | undefined {
    const node = this.inodes.get(inode);
    return node !== undefined && 'file' in node ? node.file : undefined;
  }

  private find(path: string): Node | undefined {
    if (path === '') return undefined;
    const folder = this.folder(dirname(path));
    return folder === undefined ? undefined : nameOf(folder, basename(path));
  }

  private folder(path: string): Folder | undefined {
    if (path === '/') return this.root;
    const node = this.find(path);
    return node !== undefined && 'folder' in node ? node.folder : undefined;
  }
}

function nameOf(folder: Folder, name: string): Node | undefined {
  for (const { changes } of folder.pending.toReversed())
    for (const change of changes) if (change.folder === folder && change.name === name) return change.node;
  return folder.names.get(name);
}

function namesOf(folder: Folder, kept: number): Map<string, Node> {
  const names = new Map(folder.names);
  for (const op of folder.pending.slice(0, kept)) settle(op, folder, names);
  return names;
}

function settle(op: NameOp, folder: Folder, names: Map<string, Node>): void {
  for (const change of op.changes) {
    if (change.folder !== folder) continue;
    if (change.node === undefined) names.delete(change.name);
    else names.set(change.name, change.node);
  }
}

/** Up to a step that concerns another folder, that folder is on the disk, too. */
function flushFolder(folder: Folder, count: number): void {
  for (const op of folder.pending.splice(0, count)) {
    settle(op, folder, folder.names);
    for (const { folder: other } of op.changes) {
      const at = other.pending.indexOf(op);
      if (at >= 0) flushFolder(other, at + 1);
    }
  }
}
