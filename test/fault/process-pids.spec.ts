import { afterAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** More of them: NOX_PIDS=50000. */
const PIDS = Number(process.env['NOX_PIDS'] ?? 2_000);
const LIMIT_MS = 60_000 + PIDS * 20;
const CHURN = join(process.cwd(), 'test/fixtures/trees/pid-churn.mjs');
const APART = ['--pid', '--fork', '--kill-child', '--mount-proc'];

/** Whether a PID namespace can have few pids of its own (Linux 6.14), so that they come again soon. */
function hasFewPids(): boolean {
  try {
    const before = execFileSync('cat', ['/proc/sys/kernel/pid_max']).toString();
    const script = 'echo 400 > /proc/sys/kernel/pid_max && cat /proc/sys/kernel/pid_max';
    // On an older kernel this would be the setting of the whole machine.
    const [major = 0, minor = 0] = execFileSync('uname', ['-r']).toString().split('.').map(Number);
    if (process.geteuid?.() !== 0 || major < 6 || (major === 6 && minor < 14)) return false;
    const inside = execFileSync('unshare', [...APART, 'sh', '-c', script], { stdio: 'pipe' }).toString();
    return inside === '400\n' && before === execFileSync('cat', ['/proc/sys/kernel/pid_max']).toString();
  } catch {
    return false;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'nox-pids-'));
afterAll(() => rmSync(folder, { recursive: true }));

const whereFew = hasFewPids() ? describe : describe.skip;
whereFew('pids that come again', () => {
  it(
    'never make a stranger the target of a sweep',
    async () => {
      const bundle = join(folder, 'process-host.mjs');
      const entryPoints = [join(process.cwd(), 'src/agents/process/native-process-host.ts')];
      await build({ entryPoints, bundle: true, platform: 'node', format: 'esm', outfile: bundle });
      // A shell as pid 1 reaps the strangers.
      const init = ['sh', '-c', '"$@"; exit $?', 'init', process.execPath, CHURN, bundle, String(PIDS)];
      const { stdout } = await promisify(execFile)('unshare', [...APART, ...init], { timeout: LIMIT_MS });
      const { used, reused, wrong } = JSON.parse(stdout) as { used: number; reused: number; wrong: string[] };
      expect(wrong).toEqual([]);
      expect(used).toBeGreaterThanOrEqual(PIDS);
      expect(reused).toBeGreaterThan(10);
    },
    LIMIT_MS,
  );
});
