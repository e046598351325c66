import { mkdirSync, rmdirSync } from 'node:fs';
import { errnoOf } from '../../shared/nox-error.js';

/**
 * Places that are sealed also while nothing is there: a mount needs something to be mounted on, so an empty folder stands
 * there as long as a run needs it. It is taken away after the last one, never while any run has it: that would lift the
 * mount of the others. Only ever an empty folder is removed, and git does not see it meanwhile.
 */
export class MountPoints {
  private readonly holders = new Map<string, number>();

  /** Sees to it that something is at each of these paths, as far as we may write there: if not, the agent may not either. */
  hold(paths: readonly string[]): void {
    for (const path of paths) {
      this.holders.set(path, (this.holders.get(path) ?? 0) + 1);
      try {
        mkdirSync(path);
      } catch (error) {
        if (!STAYS.has(errnoOf(error))) throw error;
      }
    }
  }

  release(paths: readonly string[]): void {
    for (const path of paths) {
      const left = (this.holders.get(path) ?? 1) - 1;
      if (left > 0) {
        this.holders.set(path, left);
        continue;
      }
      this.holders.delete(path);
      try {
        rmdirSync(path);
      } catch (error) {
        // A file, a folder with something in it, gone, or not ours: all the same, it stays as it is.
        if (!STAYS.has(errnoOf(error))) throw error;
      }
    }
  }
}

const STAYS: ReadonlySet<string | undefined> = new Set([
  'ENOTDIR',
  'ENOTEMPTY',
  'EEXIST',
  'ENOENT',
  'EACCES',
  'EPERM',
  'EROFS',
  'EBUSY',
]);
