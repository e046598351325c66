import type { Dirent } from 'node:fs';
import { readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../shared/nox-error.js';

/** Where `fast-import` puts its commits before the record's ref is moved to them. */
export const PRUNE_REF = 'refs/nox/prune';
/** Nox's own writer has temporary names of its own, and clears them away itself. */
const TEMPORARY = /^(tmp_(?!nox_)|\.tmp-)/;
const KEPT_BY_GIT = 'fast-import';

/**
 * Removes what processes of git that were killed left half done, and every later git would leave there: packs and objects
 * without a name, packs that an import keeps from being packed, the ref of a prune. `older_than_ms` for those that may be
 * in the making; without it only while no git runs. Answers their paths.
 */
export async function removeGitLeftovers(root: string, older_than_ms = 0): Promise<string[]> {
  const git_dir = join(root, '.git');
  const objects = join(git_dir, 'objects');
  const folders = (await entriesOf(objects)).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const found = await Promise.all(folders.map((name) => leftoversIn(join(objects, name))));
  const old = await Promise.all(
    [...found.flat(), join(git_dir, PRUNE_REF)].map(async (path) => {
      const made = await stat(path).catch(whenMissing);
      return made === undefined || Date.now() - made.mtimeMs < older_than_ms ? [] : [path];
    }),
  );
  await Promise.all(old.flat().map((path) => unlink(path).catch(whenMissing)));
  return old.flat();
}

async function leftoversIn(folder: string): Promise<string[]> {
  const files = (await entriesOf(folder)).filter((entry) => entry.isFile()).map(({ name }) => join(folder, name));
  const rubbish = await Promise.all(
    files.map(async (path) => {
      if (TEMPORARY.test(path.slice(folder.length + 1))) return true;
      // A person's own mark stays.
      return path.endsWith('.keep') && (await readFile(path, 'utf8').catch(whenMissing))?.trim() === KEPT_BY_GIT;
    }),
  );
  return files.filter((_, n) => rubbish[n]);
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  return (await readdir(folder, { withFileTypes: true }).catch(whenMissing)) ?? [];
}

function whenMissing(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}
