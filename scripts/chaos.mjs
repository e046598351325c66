// `npm run chaos`: kills Nox and its agents at random under load, then checks that nothing was lost, doubled or left
// behind. Options: --kills N (200), --minutes N, --agents N (10), --seed N (printed, so that a run can be repeated).
// Ends with 1 when a promise was broken.
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import './typescript-hooks.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string' },
    minutes: { type: 'string' },
    agents: { type: 'string', default: '10' },
    seed: { type: 'string' },
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs'), '--if-changed', '--only=server'], {
  stdio: 'inherit',
});

const { runChaos } = await import('../test/fault/chaos.ts');
const report = await runChaos({
  kills: Number(values.kills ?? (values.minutes === undefined ? 200 : Number.POSITIVE_INFINITY)),
  minutes: Number(values.minutes ?? Number.POSITIVE_INFINITY),
  agents: Number(values.agents),
  seed: Number(values.seed ?? Date.now() % 1_000_000),
  say: (text) => process.stderr.write(`${text}\n`),
});
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
process.exitCode = report.violations.length === 0 ? 0 : 1;
