import { appendFile, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { errnoOf } from '../shared/nox-error.js';

/**
 * Keeps a folder of Nox out of the repository in which Nox was started, in that clone's own `.git/info/exclude`: no
 * file that is under version control changes. Does nothing outside a repository.
 */
export async function excludeFromOuterRepository(folder: string): Promise<void> {
  const outer = await outerRepository(dirname(folder));
  if (outer === undefined) return;
  const line = `/${relative(outer, folder)}/`;
  const path = join(outer, '.git', 'info', 'exclude');
  const text = await readFile(path, 'utf8').catch(emptyWhenMissing);
  if (text.split('\n').includes(line)) return;
  await mkdir(dirname(path), { recursive: true });
  await appendFile(path, `${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`);
}

/** Worktrees and submodules, whose `.git` is a file, are left to the person. */
async function outerRepository(from: string): Promise<string | undefined> {
  for (let dir = from; ; dir = dirname(dir)) {
    const git = await stat(join(dir, '.git')).catch(() => undefined);
    if (git !== undefined) return git.isDirectory() ? dir : undefined;
    if (dir === dirname(dir)) return undefined;
  }
}

function emptyWhenMissing(error: unknown): string {
  if (errnoOf(error) === 'ENOENT') return '';
  throw error;
}
