import { closeSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../../shared/nox-error.js';

/** What reading answers when the process ended meanwhile, or belongs to somebody else. */
export const GONE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

/** Files that are kept open at most. */
const MOST_KEPT = 512;
/** Longer than any such line: fifty numbers, and a name of at most 64 bytes. */
const line = Buffer.allocUnsafeSlow(2048);

/**
 * `/proc/PID/stat` of processes that are looked at again and again. Finding and opening the file takes longer than reading
 * it, so it stays open. An open one is of one process for ever: once that has been reaped there is nothing to read in it,
 * and the pid is looked up anew.
 */
export class StatFiles {
  private readonly kept = new Map<number, number>();

  /** The line, as the kernel makes it up now; null when there is no such process. Waits for no disk. */
  read(pid: number): string | null {
    const kept = this.kept.get(pid);
    if (kept !== undefined) {
      const text = readLine(kept);
      if (text !== null) return text;
      this.close(pid, kept);
    }
    const file = open(pid);
    if (file === null) return null;
    const text = readLine(file);
    if (text !== null && this.kept.size < MOST_KEPT) this.kept.set(pid, file);
    else closeSync(file);
    return text;
  }

  /** Closes the files of all others. */
  keepOnly(pids: ReadonlySet<number>): void {
    for (const [pid, file] of this.kept) if (!pids.has(pid)) this.close(pid, file);
  }

  private close(pid: number, file: number): void {
    this.kept.delete(pid);
    closeSync(file);
  }
}

const open = (pid: number): number | null => unlessGone(() => openSync(`/proc/${pid}/stat`, 'r'));

const readLine = (file: number): string | null =>
  unlessGone(() => line.toString('latin1', 0, readSync(file, line, 0, line.length, 0)));

export function unlessGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (GONE.has(errnoOf(error))) return null;
    throw error;
  }
}
