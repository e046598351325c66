import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { failpoint } from '../../../shared/failpoint.js';
import { errnoOf } from '../../../shared/nox-error.js';
import type { Disk } from './disk.js';
import { WriterError } from './writer-error.js';

const LOCK_RETRIES_MS = [5, 10, 20, 40, 80, 160, 320, 640];
const EMPTY = Buffer.alloc(0);
export const NO_COMMIT = '0'.repeat(40);

/** A file `<name>.lock`, as every git takes it before it writes `<name>`. */
export class FileLock {
  private held = true;

  private constructor(
    private readonly disk: Disk,
    private readonly target: string,
  ) {}

  /** LOCKED when another git keeps it longer than a second or so. */
  static async take(disk: Disk, target: string): Promise<FileLock> {
    for (const wait_ms of [...LOCK_RETRIES_MS, null]) {
      try {
        disk.create(`${target}.lock`, EMPTY, { sync: false });
        return new FileLock(disk, target);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT' && wait_ms !== null) disk.makeFolder(dirname(target));
        else if (errnoOf(error) !== 'EEXIST') throw error;
        else if (wait_ms === null) throw new WriterError('locked', `Unable to create '${target}.lock': File exists`);
        else await delay(wait_ms);
      }
    }
    throw new WriterError('locked', `Unable to create '${target}.lock'`);
  }

  /** Where that which will take the file's place is written. */
  get path(): string {
    return `${this.target}.lock`;
  }

  /** Puts what it was filled with in place of the file. */
  commit(): void {
    this.disk.rename(`${this.target}.lock`, this.target);
    this.held = false;
  }

  /** Gives the lock back; nothing when it was committed. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    this.disk.removeQuietly(`${this.target}.lock`);
  }
}

/** Refs as files, and their logs. */
export class RefStore {
  constructor(
    private readonly git_dir: string,
    private readonly disk: Disk,
  ) {}

  /** What HEAD says, as `ref: refs/heads/main`. */
  head(): string {
    return this.disk.read(join(this.git_dir, 'HEAD'))?.toString().trim() ?? '';
  }

  /** Null when there is no such ref; throws when its file is damaged. */
  read(ref: string): string | null {
    const loose = this.disk.read(join(this.git_dir, ref));
    if (loose !== undefined) {
      const hash = loose.toString().trim();
      if (/^[0-9a-f]{40}$/.test(hash)) return hash;
      throw new WriterError('failed', `${ref} is damaged`);
    }
    const packed = this.disk.read(join(this.git_dir, 'packed-refs'))?.toString() ?? '';
    const line = packed.split('\n').find((text) => text.endsWith(` ${ref}`));
    return line === undefined ? null : line.slice(0, 40);
  }

  lock(ref: string): Promise<FileLock> {
    return FileLock.take(this.disk, join(this.git_dir, ref));
  }

  /** Moves a ref to what its lock was filled with, on the disk when it resolves. A failure leaves it where it was. */
  async move(ref: string, lock: FileLock, from: string | null): Promise<void> {
    const path = join(this.git_dir, ref);
    // A link to the file that is replaced: on a disk that has just become full nothing could be written to go back.
    const backup = this.disk.temporary(join(this.git_dir, 'ref'), 'old-');
    const loose = from !== null && this.disk.stat(path) !== undefined;
    const kept = loose && this.disk.link(path, backup);
    try {
      lock.commit();
      await failpoint('commit.ref.moved');
      try {
        this.disk.syncDirectory(dirname(path));
      } catch (error) {
        if (kept) this.disk.rename(backup, path);
        else if (loose) this.disk.replace(path, Buffer.from(`${from}\n`));
        else this.disk.remove(path);
        throw error;
      }
    } finally {
      if (kept) this.disk.removeQuietly(backup);
    }
  }

  /** Git's own log of where a ref pointed. */
  log(name: string, lines: string): void {
    this.disk.append(join(this.git_dir, 'logs', name), Buffer.from(lines));
  }
}
