import type { Disk } from './disk.js';

/**
 * New files that are written, then flushed together, then given their names: the first flush of several files in a row
 * carries what the file system noted about all of them.
 */
export class Stage {
  private readonly open = new Map<string, number>();
  private readonly made: string[] = [];

  constructor(private readonly disk: Disk) {}

  /** Answers the path. EEXIST when there is such a file. */
  add(path: string, bytes: Uint8Array, mode = 0o644): string {
    this.open.set(path, this.disk.begin(path, bytes, { mode }));
    this.made.push(path);
    return path;
  }

  /** Fills a file that is there, and is not the stage's to remove. */
  fill(path: string, bytes: Uint8Array): void {
    this.open.set(path, this.disk.begin(path, bytes, { fresh: false }));
  }

  /** What was written so far is on the disk when it returns, but for the names. */
  sync(): void {
    for (const [path, fd] of this.open) {
      this.open.delete(path);
      this.disk.finish(fd);
    }
  }

  /** Removes what has not been renamed. */
  discard(): void {
    for (const fd of this.open.values()) this.disk.closeQuietly(fd);
    this.open.clear();
    for (const path of this.made) this.disk.removeQuietly(path);
  }
}
