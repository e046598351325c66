import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder, syncPath } from '../shared/atomic-file.js';
import { errnoOf } from '../shared/nox-error.js';
import { wholeLength } from './record-text.js';

/**
 * Appends an entry of `[[list]]` to a file, which begins with `head` when it is new. One write at the end and one fsync,
 * whatever the file's size; a write that fails leaves the file as it was.
 */
export async function appendEntry(path: string, head: string, entry: string): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
  const file = await open(path, flags, 0o644).catch(async (error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await makeFolder(dirname(path));
    return open(path, flags, 0o644);
  });
  try {
    const { size } = await file.stat();
    try {
      await file.writeFile(size === 0 ? head + entry : entry);
      await file.datasync();
    } catch (error) {
      await file.truncate(size);
      throw error;
    }
    if (size === 0) await syncPath(dirname(path));
  } finally {
    await file.close();
  }
}

/** Cuts what a power cut tore off the last entry; answers how many bytes went and stay. A missing file is whole. */
export async function cutTornEntry(path: string, list: string): Promise<{ torn_bytes: number; bytes: number }> {
  const text = await readFile(path, 'utf8').catch(emptyWhenMissing);
  const bytes = Buffer.byteLength(text);
  const keep = Buffer.byteLength(text.slice(0, wholeLength(text, list)));
  if (keep === bytes) return { torn_bytes: 0, bytes };
  await cutFile(path, keep);
  return { torn_bytes: bytes - keep, bytes: keep };
}

/** Leaves the first bytes of a file. */
export async function cutFile(path: string, bytes: number): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    await file.truncate(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function emptyWhenMissing(error: unknown): string {
  if (errnoOf(error) === 'ENOENT') return '';
  throw error;
}
