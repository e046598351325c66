import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint } from '../../../shared/failpoint.js';
import { errnoOf } from '../../../shared/nox-error.js';
import type { Disk } from './disk.js';
import type { GitObject } from './git-object.js';
import { Pack } from './pack.js';
import type { Stage } from './stage.js';

/** Of packs that are not whole yet; git, too, takes `tmp_` for rubbish. */
const TMP_PACK = 'tmp_nox_';
/** A pack that has grown so far is left alone, and the next one begun. */
const MAX_BYTES = 512 * 1024;
const MAX_OBJECTS = 400;
/** So many files of packs that are not needed any more may wait for a quiet moment. */
const MAX_OUTDATED = 64;

export interface StagedPack {
  /** Without the endings of its two files. */
  readonly path: string;
  readonly tmp_pack: string;
  readonly tmp_index: string;
}

/**
 * Puts objects on the disk, where every git finds them: into one pack that is written anew with each flush until it is
 * large enough. That is two files to flush instead of one per object, and a version of a large file costs its difference.
 * What is left half done has a name that git itself clears away.
 */
export class ObjectStore {
  private readonly folder: string;
  private pack = new Pack();
  /** Files of the last flush; the next one holds their objects, too. */
  private current: string | undefined;
  private outdated: string[] = [];

  constructor(
    git_dir: string,
    private readonly disk: Disk,
  ) {
    this.folder = join(git_dir, 'objects', 'pack');
  }

  /** Writes a pack with these objects under names that nobody reads. */
  stage(objects: readonly GitObject[], stage: Stage): StagedPack {
    try {
      for (const object of objects) this.pack.add(object);
      const { name, pack, index } = this.pack.files();
      const path = join(this.folder, `pack-${name}`);
      this.disk.makeFolder(this.folder);
      const tmp_pack = stage.add(join(this.folder, `${TMP_PACK}${name}.pack`), pack, 0o444);
      const tmp_index = stage.add(join(this.folder, `${TMP_PACK}${name}.idx`), index, 0o444);
      return { path, tmp_pack, tmp_index };
    } catch (error) {
      this.seal();
      throw error;
    }
  }

  /** Gives a flushed pack its name; `syncNames` makes that durable. */
  async place({ path, tmp_pack, tmp_index }: StagedPack): Promise<void> {
    try {
      // Git looks for the index: the pack must be there first.
      this.disk.rename(tmp_pack, `${path}.pack`);
      await failpoint('commit.pack.named');
      this.disk.rename(tmp_index, `${path}.idx`);
    } catch (error) {
      this.seal();
      throw error;
    }
    if (this.current !== undefined && path !== this.current) this.outdated.push(this.current);
    this.current = path;
    if (this.pack.bytes >= MAX_BYTES || this.pack.objects >= MAX_OBJECTS) this.seal();
  }

  syncNames(): void {
    this.disk.syncDirectory(this.folder);
  }

  /** Begins a new pack; the one on the disk stays as it is from now on. */
  seal(): void {
    this.pack = new Pack();
    this.current = undefined;
  }

  /** Whether so many files wait for `removeOutdated` that it should not wait for a quiet moment. */
  get crowded(): boolean {
    return this.outdated.length >= MAX_OUTDATED;
  }

  /** Removes the packs whose objects a later one holds. A file that stays is a copy, and gc's to remove. */
  removeOutdated(): void {
    for (const path of this.outdated.splice(0)) {
      this.disk.removeQuietly(`${path}.idx`);
      this.disk.removeQuietly(`${path}.pack`);
    }
  }
}

/** Removes what a writer that was killed left of a pack. Only for the owner of the registry, before it writes. */
export async function removeHalfPacks(root: string): Promise<void> {
  const folder = join(root, '.git', 'objects', 'pack');
  const names = await readdir(folder).catch((error: unknown): string[] => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  const left = names.filter((name) => name.startsWith(TMP_PACK));
  // Of a pack that got its name before its index did nobody knows.
  const nameless = left
    .filter((name) => name.endsWith('.idx'))
    .map((name) => `pack-${name.slice(TMP_PACK.length, -'.idx'.length)}`)
    .filter((name) => names.includes(`${name}.pack`) && !names.includes(`${name}.idx`))
    .map((name) => `${name}.pack`);
  await Promise.all([...nameless, ...left].map((name) => unlink(join(folder, name))));
}
