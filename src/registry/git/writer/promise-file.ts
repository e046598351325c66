import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../../shared/nox-error.js';
import type { Disk } from './disk.js';

/** What Nox was about to commit: with it, a start after a crash tells Nox's own half-done write from a person's edit. */
export interface Promised {
  /** Where the branch was; empty: nowhere. */
  readonly head: string;
  /** The commit that was to be its next newest; its objects are on the disk. */
  readonly tip: string;
  readonly object_ref: string;
  /** Hash of each file's new version in the folder. */
  readonly blobs: Readonly<Record<string, string>>;
  /** Files whose version in the folder is not the committed one. */
  readonly apart?: readonly string[];
}

const pathOf = (git_dir: string): string => join(git_dir, 'nox-promise.json');
const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** `sync` for changes of several files, of which a power cut may keep some. What an older promise left behind it is no harm. */
export function writePromise(disk: Disk, git_dir: string, promised: Promised, sync: boolean): void {
  const text = JSON.stringify(promised);
  disk.overwrite(pathOf(git_dir), Buffer.from(`${text}\n${sumOf(text)}\n`), sync);
}

/** Undefined when there is none, or none that a power cut left whole. */
export async function readPromise(git_dir: string): Promise<Promised | undefined> {
  try {
    const [text = '', sum] = (await readFile(pathOf(git_dir), 'utf8')).split('\n');
    return sum === sumOf(text) ? (JSON.parse(text) as Promised) : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
