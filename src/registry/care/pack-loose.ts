import type { GitProcess } from '../git/git-process.js';

const TIMEOUT_MS = 10 * 60_000;

/**
 * Puts objects that are files of their own into a pack. To be called before `repack -d`, which takes such files away while
 * the name of the pack that has them instead may not be on the disk yet: the two are in different folders.
 */
export async function packLoose(git: GitProcess): Promise<void> {
  await git.change(['repack', '-l', '-q'], { timeout_ms: TIMEOUT_MS });
  await git.change(['prune-packed', '--quiet']);
}
