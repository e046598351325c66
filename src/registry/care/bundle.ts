import { open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncPath } from '../../shared/atomic-file.js';
import { failpoint } from '../../shared/failpoint.js';
import { errnoOf } from '../../shared/nox-error.js';
import type { GitProcess } from '../git/git-process.js';

const TIMEOUT_MS = 10 * 60_000;

/** Where a ref points. */
export interface RefAt {
  readonly ref: string;
  readonly hash: string;
}

/** The refs that a bundle, or its list of heads, names. */
export const refsOf = (listed: string): RefAt[] =>
  [...listed.matchAll(/^([0-9a-f]{40}) (refs\/\S+)$/gm)].map(([, hash = '', ref = '']) => ({ ref, hash }));

/**
 * Everything that the repository has as one file, in place of the last one when it is whole and on the disk. Only for a
 * repository that was found whole: it is what a damaged one is repaired from. Answers its refs.
 */
export async function makeBundle(git: GitProcess, path: string): Promise<RefAt[]> {
  const tmp = `${path}.new`;
  // `git bundle create` leaves a ref out that moves while it works: the refs of one moment, and a pack of what they have.
  const refs = refsOf(await git.run(['for-each-ref', '--format=%(objectname) %(refname)']));
  const head = refs.map(({ ref, hash }) => `${hash} ${ref}\n`).join('');
  const handle = await open(tmp, 'w', 0o600);
  try {
    await handle.writeFile(`# v2 git bundle\n${head}\n`);
    const input = refs.map(({ hash }) => `${hash}\n`).join('');
    const pack = ['pack-objects', '--revs', '--stdout', '--quiet', '--delta-base-offset'] as const;
    await git.run(pack, { input, output_fd: handle.fd, timeout_ms: TIMEOUT_MS });
    await git.run(['bundle', 'verify', '--quiet', tmp], { timeout_ms: TIMEOUT_MS });
    await handle.sync();
  } finally {
    await handle.close();
  }
  await failpoint('bundle.written');
  await rename(tmp, path);
  await syncPath(dirname(path));
  return refs;
}

/** When the bundle was made; null: there is none. */
export async function bundleTime(path: string): Promise<Date | null> {
  try {
    return (await stat(path)).mtime;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}
