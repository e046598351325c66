import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TMP_PREFIX } from '../../../shared/atomic-file.js';
import { errnoOf } from '../../../shared/nox-error.js';

/** Every call by which the writer touches the disk; tests let the n-th one fail. */
export interface DiskCalls {
  readonly openSync: (path: string, flags: number, mode?: number) => number;
  readonly closeSync: (fd: number) => void;
  readonly writeSync: (fd: number, bytes: Uint8Array, offset: number) => number;
  readonly fsyncSync: (fd: number) => void;
  readonly readFileSync: (path: string | number) => Buffer;
  readonly lstatSync: (path: string) => FileStat;
  readonly renameSync: (from: string, to: string) => void;
  readonly linkSync: (from: string, to: string) => void;
  readonly unlinkSync: (path: string) => void;
  readonly mkdirSync: (path: string) => void;
}

/** What the index keeps of a file. */
export interface FileStat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

export const DISK_CALLS: DiskCalls = {
  openSync,
  closeSync,
  writeSync: (fd, bytes, offset) => writeSync(fd, bytes, offset),
  fsyncSync,
  readFileSync: (path) => readFileSync(path),
  lstatSync: (path) => lstatSync(path, { bigint: true }),
  renameSync,
  linkSync,
  unlinkSync,
  mkdirSync: (path) => {
    mkdirSync(path);
  },
};

const { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Whole operations on files, made of those calls. Synchronous: the writer has a thread of its own. */
export class Disk {
  constructor(private readonly calls: DiskCalls = DISK_CALLS) {}

  /** Undefined when there is no such file. Symbolic links are not followed. */
  read(path: string): Buffer | undefined {
    const fd = this.tryOpen(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (fd === undefined) return undefined;
    try {
      return this.calls.readFileSync(fd);
    } finally {
      this.calls.closeSync(fd);
    }
  }

  stat(path: string): FileStat | undefined {
    return ignoring(['ENOENT', 'ENOTDIR'], () => this.calls.lstatSync(path));
  }

  /** A new file with these bytes, on the disk but for its name. EEXIST when there is one. */
  create(path: string, bytes: Uint8Array, options: { readonly mode?: number; readonly sync?: boolean } = {}): void {
    const fd = this.calls.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, options.mode ?? 0o644);
    try {
      try {
        this.writeAll(fd, bytes);
        if (options.sync !== false) this.calls.fsyncSync(fd);
      } finally {
        this.calls.closeSync(fd);
      }
    } catch (error) {
      this.removeQuietly(path);
      throw error;
    }
  }

  /** Bytes in a file that this process made or, with `fresh`, makes; not flushed, and open. */
  begin(path: string, bytes: Uint8Array, options: { readonly mode?: number; readonly fresh?: boolean } = {}): number {
    const fresh = options.fresh === false ? O_NOFOLLOW : O_CREAT | O_EXCL | O_NOFOLLOW;
    const fd = this.calls.openSync(path, O_WRONLY | fresh, options.mode ?? 0o644);
    try {
      this.writeAll(fd, bytes);
      return fd;
    } catch (error) {
      this.closeQuietly(fd);
      this.removeQuietly(path);
      throw error;
    }
  }

  /** Flushes and closes. */
  finish(fd: number): void {
    try {
      this.calls.fsyncSync(fd);
    } finally {
      this.calls.closeSync(fd);
    }
  }

  closeQuietly(fd: number): void {
    try {
      this.calls.closeSync(fd);
    } catch {
      // The first error counts.
    }
  }

  /** Writes over a file from its beginning; makes it when there is none. */
  overwrite(path: string, bytes: Uint8Array, sync: boolean): void {
    const fd = this.calls.openSync(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o644);
    try {
      this.writeAll(fd, bytes);
      if (sync) this.calls.fsyncSync(fd);
    } finally {
      this.calls.closeSync(fd);
    }
  }

  append(path: string, bytes: Uint8Array): void {
    const flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW;
    const fd = this.tryOpen(path, flags, 0o644) ?? this.openBelowNewFolder(path, flags);
    try {
      this.writeAll(fd, bytes);
    } finally {
      this.calls.closeSync(fd);
    }
  }

  /** Old or new after a crash at any instant; on the disk when it returns. */
  replace(path: string, bytes: Uint8Array): void {
    const tmp = this.temporary(path);
    this.create(tmp, bytes);
    try {
      this.calls.renameSync(tmp, path);
    } catch (error) {
      this.removeQuietly(tmp);
      throw error;
    }
    this.syncDirectory(dirname(path));
  }

  temporary(path: string, word = ''): string {
    return join(dirname(path), `${TMP_PREFIX}${word}${basename(path)}-${randomBytes(6).toString('hex')}`);
  }

  rename(from: string, to: string): void {
    this.calls.renameSync(from, to);
  }

  /** False on file systems without hard links. */
  link(from: string, to: string): boolean {
    const unsupported = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];
    return ignoring(unsupported, () => this.calls.linkSync(from, to) ?? true) ?? false;
  }

  /** A file that is gone already is no error. */
  remove(path: string): void {
    ignoring(['ENOENT'], () => this.calls.unlinkSync(path));
  }

  /** For cleaning up behind an error that is told: a file that stays is garbage that the next start removes. */
  removeQuietly(path: string): void {
    try {
      this.calls.unlinkSync(path);
    } catch {
      // The first error counts.
    }
  }

  /** The folder and those above it, their names on the disk. */
  makeFolder(path: string): void {
    if (this.stat(path) !== undefined) return;
    this.makeFolder(dirname(path));
    ignoring(['EEXIST'], () => this.calls.mkdirSync(path));
    this.syncDirectory(dirname(path));
  }

  /** After it, names that were added to or taken from the folder are on the disk. */
  syncDirectory(path: string): void {
    const fd = this.calls.openSync(path, O_RDONLY | O_DIRECTORY);
    try {
      this.calls.fsyncSync(fd);
    } finally {
      this.calls.closeSync(fd);
    }
  }

  private writeAll(fd: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.calls.writeSync(fd, bytes, at);
  }

  private tryOpen(path: string, flags: number, mode?: number): number | undefined {
    return ignoring(['ENOENT', 'ENOTDIR'], () => this.calls.openSync(path, flags, mode));
  }

  private openBelowNewFolder(path: string, flags: number): number {
    this.makeFolder(dirname(path));
    return this.calls.openSync(path, flags, 0o644);
  }
}

/** Undefined when the call fails in one of these ways. */
function ignoring<T>(codes: readonly string[], call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (codes.includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
