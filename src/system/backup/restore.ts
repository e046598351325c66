import { chmod, readdir, rename, rm, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { BackupManifest } from '../../contracts/backup.js';
import { registryFromBundle } from '../../registry/care/from-bundle.js';
import { waitForOrphans } from '../../registry/git/git-locks.js';
import { OwnerLock } from '../../registry/owner-lock.js';
import { makeFolder, syncPath, syncTree, writeFileAtomic } from '../../shared/atomic-file.js';
import { isHeld } from '../../shared/db/is-held.js';
import { MIGRATIONS } from '../../shared/db/schema.js';
import { exists } from '../../shared/exists.js';
import { failpoint } from '../../shared/failpoint.js';
import { errnoOf, NoxError } from '../../shared/nox-error.js';
import type { Folders } from '../../shared/paths.js';
import { openArchive } from './archive.js';
import { RESTORING } from './unfinished.js';

/** The journal with what SQLite may keep beside it; and the registry's last good bundle, which may be all that is whole of it. */
const REPLACED = ['state.db', 'state.db-wal', 'state.db-shm', 'registry.bundle'] as const;

export interface RestoreOptions extends Folders {
  readonly file: string;
  /** Whether what is in the folders may be put aside. */
  readonly force: boolean;
  /** Names what is put aside. */
  readonly now: string;
}

export interface Restored {
  readonly registry: string;
  readonly home: string;
  readonly created_at: string;
  readonly version: string;
  readonly branch: string;
  /** The number of the journal's newest event. */
  readonly last_seq: number;
  /** Where that went which was there before; nothing is deleted. */
  readonly put_aside: readonly string[];
  readonly left_out: readonly string[];
}

/** What is in the way of a restore: the folders' own registry and journal. */
export async function occupied({ home, registry }: Folders): Promise<string[]> {
  const journal = join(home, 'state.db');
  return [...((await isEmpty(registry)) ? [] : [registry]), ...((await exists(journal)) ? [journal] : [])];
}

/**
 * Puts a backup into the two folders. It is unpacked and checked whole beside them first; then what is there is renamed
 * aside, and the new registry comes last. A crash on the way leaves a mark with which no Nox starts until a restore has
 * come to its end. INVALID_STATE: a Nox runs there, something is there and `force` is not set, the backup is damaged.
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const home = resolve(options.home);
  const registry = resolve(options.registry);
  let lock = (await exists(join(registry, '.git')))
    ? await OwnerLock.acquire(join(registry, '.git', 'nox.lock'))
    : null;
  const unlock = async (): Promise<void> => {
    const held = lock;
    lock = null;
    await held?.release();
  };
  try {
    await refuseOccupied({ home, registry }, options.force);
    refuseLive(home);
    await makeFolder(home, 0o700);
    await chmod(home, 0o700);
    await makeFolder(dirname(registry));
    const work = join(home, 'restore');
    const fresh = join(dirname(registry), `${basename(registry)}.restoring`);
    // Git of a restore that was killed may still work there.
    await waitForOrphans(fresh);
    for (const left of [work, fresh]) await rm(left, { recursive: true, force: true });
    try {
      const manifest = await openArchive(options.file, work);
      refuseNewer(manifest);
      await registryFromBundle(fresh, join(work, 'registry.bundle'), manifest.refs, manifest.branch);
      await chmod(join(work, 'state.db'), 0o600);
      await syncTree(fresh);
      await failpoint('restore.unpacked');
      const put_aside = await exchange({
        home,
        registry,
        work,
        fresh,
        now: options.now,
        locked: lock !== null,
        unlock,
      });
      return summary(home, registry, manifest, put_aside);
    } finally {
      for (const left of [work, fresh]) await rm(left, { recursive: true, force: true });
    }
  } finally {
    await unlock();
  }
}

/** It would be unpacked and then not start. */
function refuseNewer({ version, journal }: BackupManifest): void {
  if (journal.schema <= MIGRATIONS.length) return;
  throw new NoxError(
    'INVALID_STATE',
    `This backup is of a newer Nox (${version}, journal ${journal.schema}; this one knows ${MIGRATIONS.length}). Restore it with that version.`,
  );
}

async function refuseOccupied(folders: Folders, force: boolean): Promise<void> {
  const there = await occupied(folders);
  if (there.length === 0 || force || (await exists(join(folders.home, RESTORING)))) return;
  throw new NoxError(
    'INVALID_STATE',
    `There is something at ${there.join(' and ')} already. With --force it is put aside; or name other folders with --registry and --home.`,
    { occupied: there },
  );
}

/** A Nox may have the journal and another registry: the lock of that one says nothing here. */
function refuseLive(home: string): void {
  if (!isHeld(join(home, 'state.db'))) return;
  throw new NoxError(
    'INVALID_STATE',
    `Another process, a Nox it seems, has the journal in ${home} open; stop it first.`,
  );
}

interface Exchange extends Folders {
  /** Whether the registry that is there is this process' own until it unlocks. */
  readonly locked: boolean;
  readonly unlock: () => Promise<void>;
  readonly work: string;
  readonly fresh: string;
  readonly now: string;
}

async function exchange({ home, registry, work, fresh, now, locked, unlock }: Exchange): Promise<string[]> {
  const suffix = `before-restore-${now.replace(/[-:]|\.\d+/g, '')}`;
  const mark = join(home, RESTORING);
  const put_aside: string[] = [];
  const aside = async (path: string): Promise<void> => {
    if (!(await exists(path))) return;
    const to = `${path}.${suffix}`;
    await rename(path, to);
    put_aside.push(to);
  };
  const was_marked = await exists(mark);
  await writeFileAtomic(mark, `${now}\n`, 0o600);
  try {
    await failpoint('restore.marked');
    // With the mark no Nox starts any more; one that started while the backup was unpacked keeps what it has.
    if (!locked && (await exists(join(registry, '.git', 'nox.lock'))))
      throw new NoxError('INVALID_STATE', `A Nox was started at ${registry} meanwhile; stop it and restore again.`);
    refuseLive(home);
    // Later the lock's name would be one in the new registry.
    await unlock();
    if (await isEmpty(registry)) await rm(registry, { recursive: true, force: true });
    else await aside(registry);
  } catch (error) {
    // Nothing was exchanged: what is there may start again.
    if (!was_marked) await unlink(mark);
    if (errnoOf(error) !== 'EBUSY' && errnoOf(error) !== 'EXDEV') throw error;
    const remedy = 'it seems to be a mount. Name a folder inside it, here and for "nox serve": --registry FOLDER';
    throw new NoxError('INVALID_STATE', `${registry} cannot be put aside: ${remedy}`, undefined, { cause: error });
  }
  await failpoint('restore.registry.aside');
  for (const name of REPLACED) await aside(join(home, name));
  await failpoint('restore.aside');
  await syncPath(join(work, 'state.db'));
  await rename(join(work, 'state.db'), join(home, 'state.db'));
  await failpoint('restore.journal');
  await rename(fresh, registry);
  await failpoint('restore.placed');
  for (const folder of [home, dirname(registry)]) await syncPath(folder);
  await failpoint('restore.synced');
  await unlink(mark);
  await syncPath(home);
  return put_aside;
}

const summary = (
  home: string,
  registry: string,
  { created_at, version, branch, journal, left_out }: BackupManifest,
  put_aside: string[],
): Restored => ({ registry, home, created_at, version, branch, last_seq: journal.last_seq, put_aside, left_out });

async function isEmpty(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    throw error;
  }
}
