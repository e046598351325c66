import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf } from './nox-error.js';

/** Prefix of the temporary files, so that recovery can tell and remove them. */
export const TMP_PREFIX = '.nox-tmp-';

/**
 * Replaces a file so that after a crash at any instant it holds the old or the new text, whole, and so that success
 * means it is on the disk: write to a new file beside it, fsync, rename, fsync the directory.
 */
export async function writeFileAtomic(path: string, text: string | Uint8Array, mode = 0o644): Promise<void> {
  const directory = dirname(path);
  const tmp = join(directory, `${TMP_PREFIX}${basename(path)}-${randomBytes(6).toString('hex')}`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    const file = await open(tmp, flags, mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(tmp, path);
  } catch (error) {
    await unlink(tmp).catch(() => undefined);
    throw error;
  }
  await syncPath(directory);
}

/** Makes a folder and those above it that are missing, their names on the disk. */
export async function makeFolder(path: string, mode?: number): Promise<void> {
  const first = await mkdir(path, { recursive: true, ...(mode === undefined ? {} : { mode }) });
  if (first === undefined) return;
  for (let made = resolve(path); made !== dirname(resolve(first)); made = dirname(made)) await syncPath(dirname(made));
}

/** All that is in a folder, on the disk: the names, and unless it is said otherwise what the files hold. */
export async function syncTree(folder: string, what: 'all' | 'names' = 'all'): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    try {
      if (entry.isDirectory()) await syncTree(path, what);
      else if (entry.isFile() && what === 'all') await syncPath(path);
    } catch (error) {
      // It went meanwhile, which is for its folder to keep.
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  await syncPath(folder);
}

/** After it, what a file holds, or which names a folder has, is on the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
