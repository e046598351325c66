import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../shared/atomic-file.js';
import { NoxError } from '../../shared/nox-error.js';
import { GitProcess } from '../git/git-process.js';
import { MainBranch } from '../git/main-branch.js';
import type { RefAt } from './bundle.js';
import { checkRepository } from './repository-check.js';

const TIMEOUT_MS = 10 * 60_000;

/**
 * Makes a registry in a new folder: what the bundle has, refs as given, the branch in force and the record checked out.
 * All objects are read and checked. INVALID_STATE when the bundle is not whole or lacks something.
 */
export async function registryFromBundle(
  root: string,
  bundle: string,
  refs: readonly RefAt[],
  branch: string,
): Promise<void> {
  await mkdir(root, { recursive: true });
  const git = new GitProcess(root);
  try {
    await new MainBranch(git).init();
    await git.run(['bundle', 'unbundle', bundle], { timeout_ms: TIMEOUT_MS });
    const input = refs.map(({ ref, hash }) => `create ${ref} ${hash}\n`).join('');
    await git.run(['update-ref', '--stdin'], { input });
    await writeFileAtomic(join(root, '.git', 'HEAD'), `ref: refs/heads/${branch}\n`);
    const problems = await checkRepository(git);
    if (problems.length > 0) throw new Error(problems.join('; '));
    if (refs.some(({ ref }) => ref === 'refs/heads/record')) {
      // Through an index of its own: to the branch in force the record's files are not there.
      const env = { GIT_INDEX_FILE: join(root, '.git', 'nox-record-index') };
      await git.run(['read-tree', 'refs/heads/record'], { env });
      await git.run(['checkout-index', '--all'], { env, timeout_ms: TIMEOUT_MS });
      await rm(env.GIT_INDEX_FILE, { force: true });
    }
    await git.run(['read-tree', '--reset', 'HEAD']);
    await git.run(['checkout-index', '--all', '--force']);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NoxError('INVALID_STATE', `The registry of this backup is not whole: ${reason}`, undefined, {
      cause: error,
    });
  }
}
