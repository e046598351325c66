import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

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

/** After it, what a file holds, or which names a folder has, is on the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
