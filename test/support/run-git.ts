import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Plain git on a repository, without the person's settings; what it said. */
export async function runGit(root: string, ...args: string[]): Promise<string> {
  const who = ['-c', 'user.name=x', '-c', 'user.email=x@x'];
  const { stdout } = await promisify(execFile)('git', [...who, '-C', root, ...args], {
    env: { PATH: process.env['PATH'] ?? '', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
    maxBuffer: 1 << 28,
  });
  return stdout.trim();
}
