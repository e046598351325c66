import { access } from 'node:fs/promises';
import { GitFailure, type GitProcess } from '../git/git-process.js';

const TIMEOUT_MS = 10 * 60_000;
const MAX_PROBLEMS = 20;

/**
 * Reads everything that git keeps, down to the last byte: objects, packs, refs and what they lead to. Answers what is
 * wrong; nothing: all is whole.
 */
export async function checkRepository(git: GitProcess): Promise<string[]> {
  try {
    // Without it, git takes the folder for none at all.
    await access(`${git.root}/.git/HEAD`);
    await git.run(['fsck', '--full', '--strict', '--no-dangling', '--no-progress'], { timeout_ms: TIMEOUT_MS });
    await git.run(['rev-parse', '--verify', '--quiet', '--end-of-options', 'HEAD^{commit}']);
    return [];
  } catch (error) {
    if (!(error instanceof GitFailure)) return [error instanceof Error ? error.message : String(error)];
    const lines = `${error.stderr}\n${error.stdout}`.split('\n').filter((line) => /\S/.test(line));
    return lines.length === 0 ? [error.message] : lines.slice(0, MAX_PROBLEMS);
  }
}
