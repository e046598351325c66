import { join } from 'node:path';
import { errnoOf } from '../../../shared/nox-error.js';
import type { CommitRequest } from './commit-request.js';
import type { Disk } from './disk.js';
import { WriterError } from './writer-error.js';

/** A file of the folder that is to be replaced. */
export interface Wanted {
  readonly path: string;
  readonly full: string;
  readonly tmp: string;
  readonly body: Buffer;
  /** What must stand there. */
  readonly old_oid: string;
  /** Whether `body` is not what is committed. */
  readonly apart: boolean;
}

/** A file of the folder that was replaced, and how that is undone. */
export interface Replaced {
  readonly path: string;
  readonly backup: string | undefined;
  readonly old: Buffer;
  /** What was put there. */
  readonly young: Buffer;
}

/** Replaces files of the folder, each only while it is what it is thought to be, and takes that back. */
export class FolderFiles {
  constructor(
    private readonly root: string,
    private readonly disk: Disk,
  ) {}

  /** What is put in place is the last version; what must stand there, the first one named. */
  wanted(request: CommitRequest): Wanted[] {
    const wanted = new Map<string, { readonly old_oid: string; readonly text: string; readonly apart: boolean }>();
    for (const { path, content, replaces, folder } of request.commits.flatMap(({ files }) => files)) {
      const old_oid = wanted.get(path)?.old_oid ?? replaces;
      if (typeof content !== 'string' || old_oid === undefined) continue;
      wanted.set(path, { old_oid, text: folder ?? content, apart: folder !== undefined && folder !== content });
    }
    return [...wanted].map(([path, { old_oid, text, apart }]) => {
      const full = join(this.root, path);
      return { path, full, tmp: this.disk.temporary(full), body: Buffer.from(text), old_oid, apart };
    });
  }

  /** WriterError `edited` when an editor has put another one there. */
  replace({ path, full, tmp, body }: Wanted): Replaced {
    const link = this.disk.temporary(full, 'old-');
    const backup = this.linkTo(full, link, path);
    try {
      const before = backup === undefined ? this.disk.read(full) : undefined;
      // An editor that saves by a rename has put another file there since: ours must not take its place.
      const [kept, stands] = [this.disk.stat(backup ?? full), this.disk.stat(full)];
      if (stands === undefined || kept?.ino !== stands.ino) throw new WriterError('edited', path);
      this.disk.rename(tmp, full);
      try {
        // Read after the rename: what an editor wrote into the file until then is in it.
        const old = backup === undefined ? before : this.disk.read(backup);
        if (old === undefined) throw new WriterError('edited', path);
        return { path: full, backup, old, young: body };
      } catch (error) {
        if (backup !== undefined) this.disk.rename(backup, full);
        throw error;
      }
    } catch (error) {
      if (backup !== undefined) this.disk.removeQuietly(backup);
      throw error;
    }
  }

  /** Undefined on file systems without hard links. */
  private linkTo(full: string, link: string, path: string): string | undefined {
    try {
      return this.disk.link(full, link) ? link : undefined;
    } catch (error) {
      // An editor has moved it away for a moment.
      if (errnoOf(error) === 'ENOENT') throw new WriterError('edited', path);
      throw error;
    }
  }

  putBack({ path, backup, old, young }: Replaced): void {
    // Saved by an editor meanwhile: the newest version stays.
    if (!this.stillHolds(path, young)) {
      if (backup !== undefined) this.disk.removeQuietly(backup);
    } else if (backup === undefined) this.disk.replace(path, old);
    else this.disk.rename(backup, path);
  }

  private stillHolds(path: string, bytes: Buffer): boolean {
    try {
      return this.disk.read(path)?.equals(bytes) === true;
    } catch {
      // A disk that cannot be read: the old version is what counts.
      return true;
    }
  }
}
