// `npm run chaos`: the long versions of the fault tests. Each ends with a report of its figures; the exit status is 1 when
// a promise was broken. `--only NAME` (again and again; default kills) chooses, `--only all` runs all:
//
//   kills      kills Nox and its agents at random under load   --kills N (200)  --minutes N  --agents N (10)  --seed N
//   storm      every agent exits at once, again and again      --agents N (200)  --seconds N (120)
//   zoo        hostile process trees, each ended N times       --times N (100)  --rung NAME
//   model      the restart policy against its reference        --times N (100000)
//   strangers  pids that come again, as those of strangers     --times N (50000)
//   groups     random supervision trees and deaths             --times N (1000)
//   hung       agents that hang, spin and do not read          --times N (50)
//   slow       slow but healthy agents                         --minutes N (60)
//   editors    editors save the registry in every way, against writes   --times N (50)  --seed N
//   registry-crash  the registry's writer killed at random     --rounds N (5000)  --seed N
//   registry-failpoints  each place of the registry that can fail, killed, at fault and for a full disk
//   registry-damage  bits flipped and files cut, each found and repaired      --times N (1000)
//   registry-gc     Nox and git killed while gc and prune run beside writes     --rounds N (1000)  --seed N
//   registry-time   Nox and git killed in rollbacks, switches and merges        --rounds N (1000)  --seed N
//   restore    a restore over what is there, killed at random                --rounds N (500)  --seed N
//   registry-model  random histories of the registry, each step held against a model   --times N (6000)  --seed N  --path P
//   registry-power  what the registry's writer has not flushed is lost or torn       --times N (2000)  --seed N
//   power      all that Nox and its git have not flushed is lost or torn   --times N (500)  --rounds N (4)  --seed N; needs a C compiler
//   soak       a large fleet and mixed work: memory stays flat --minutes N (10)
//   broker     Redis, Nox and agents killed under messages    --messages N (1000000)  --kills N (300)
//   tasks      task files written at random                   --times N (10000)
//   canaries   calls that wait meet each fault five times a round --times N (20)
//   binding    approvals against changed, late and racing calls --times N (1000)
//   disk       each single call of the file system fails once  --every N (1); needs a C compiler
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import './typescript-hooks.mjs';

const option = { type: 'string' };
const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: ['kills'] },
    kills: option,
    minutes: option,
    seconds: option,
    agents: option,
    times: option,
    messages: option,
    every: option,
    rung: option,
    seed: option,
    rounds: option,
    path: option,
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const given = (name, fallback) => Number(values[name] ?? fallback);
const say = (text) => process.stderr.write(`${text}\n`);

/** Runs one spec with its numbers turned up. */
function spec(project, file, env) {
  const folder = mkdtempSync(join(tmpdir(), 'nox-long-'));
  try {
    const out = join(folder, 'report.json');
    const jest = [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      'node_modules/jest/bin/jest.js',
    ];
    const began = performance.now();
    spawnSync(process.execPath, [...jest, '--selectProjects', project, '--json', '--outputFile', out, '--', file], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...env },
    });
    const report = JSON.parse(readFileSync(out, 'utf8'));
    const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    return {
      ...env,
      took_s: Math.round((performance.now() - began) / 1000),
      passed: report.numPassedTests,
      skipped: report.numPendingTests,
      violations: tests.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Kills Nox and git in the midst of such work on the registry. */
async function registryLabour(labour) {
  const { runRegistryLabour } = await import('../test/fault/long/registry-labour.ts');
  const seed = given('seed', Date.now() % 1_000_000);
  return runRegistryLabour({ labour, rounds: given('rounds', 1000), seed, say });
}

const RUNS = {
  kills: async () =>
    (await import('../test/fault/chaos.ts')).runChaos({
      kills: given('kills', values.minutes === undefined ? 200 : Number.POSITIVE_INFINITY),
      minutes: given('minutes', Number.POSITIVE_INFINITY),
      agents: given('agents', 10),
      seed: given('seed', Date.now() % 1_000_000),
      say,
    }),
  editors: async () =>
    (await import('../test/fault/long/editors.ts')).runEditors({
      editors: 20,
      saves: given('times', 50),
      writes: 10 * given('times', 50),
      seed: given('seed', Date.now() % 1_000_000),
      say,
    }),
  'registry-crash': async () =>
    (await import('../test/fault/long/registry-crash.ts')).runRegistryCrash({
      rounds: given('rounds', 5000),
      seed: given('seed', Date.now() % 1_000_000),
      say,
    }),
  restore: async () =>
    (await import('../test/fault/long/restore.ts')).runRestoreKills({
      rounds: given('rounds', 500),
      seed: given('seed', Date.now() % 1_000_000),
      say,
    }),
  'registry-damage': () =>
    spec('fault', 'test/fault/registry-damage.spec.ts', { NOX_DAMAGES: String(given('times', 1000)) }),
  'registry-gc': () => registryLabour('care'),
  'registry-time': () => registryLabour('time'),
  'registry-power': async () =>
    (await import('../test/fault/long/registry-power.ts')).runRegistryPower({
      cuts: given('times', 2000),
      seed: given('seed', Date.now() % 1_000_000),
      say,
    }),
  power: async () =>
    (await import('../test/fault/long/power.ts')).runPower({
      cuts: given('times', 500),
      starts: Math.ceil(given('times', 500) / 20),
      rounds: given('rounds', 4),
      seed: given('seed', Date.now() % 1_000_000),
      say,
    }),
  'registry-model': async () =>
    (await import('../test/fault/long/registry-model.ts')).runRegistryModel({
      steps: given('times', 6000),
      seed: given('seed', Date.now() % 1_000_000),
      path: values.path,
      say,
    }),
  storm: async () =>
    (await import('../test/fault/long/storm.ts')).runStorm({
      agents: given('agents', 200),
      seconds: given('seconds', 120),
      say,
    }),
  zoo: async () =>
    (await import('../test/fault/long/zoo.ts')).runZoo({
      in_time: true,
      times: given('times', 100),
      rung: values.rung,
      say,
    }),
  model: () => spec('unit', 'src/agents/restart-policy.spec.ts', { NOX_RUNS: String(given('times', 100_000)) }),
  strangers: () => spec('fault', 'test/fault/process-pids.spec.ts', { NOX_PIDS: String(given('times', 50_000)) }),
  groups: () => spec('unit', 'src/agents/groups.spec.ts', { NOX_RUNS: String(given('times', 1000)) }),
  hung: async () => (await import('../test/fault/long/silence.ts')).runHung({ times: given('times', 50), say }),
  soak: async () =>
    (await import('../test/fault/long/soak.ts')).runSoak({
      registered: 500,
      awake: 50,
      minutes: given('minutes', 10),
      say,
    }),
  canaries: async () =>
    (await import('../test/fault/long/canaries.ts')).runCanaries({ rounds: given('times', 20), real: 2, say }),
  binding: () => spec('unit', 'src/approvals/approvals.binding.spec.ts', { NOX_RUNS: String(given('times', 1000)) }),
  disk: async () => (await import('../test/fault/long/disk.ts')).runDisk({ every: given('every', 1), say }),
  broker: () =>
    spec('fault', 'test/fault/broker-chaos.spec.ts', {
      NOX_CHAOS_MESSAGES: String(given('messages', 1_000_000)),
      NOX_CHAOS_KILLS: String(given('kills', 300)),
    }),
  'registry-failpoints': () => spec('fault', 'test/fault/registry-failpoints.spec.ts', { NOX_NIGHTLY: '1' }),
  tasks: () =>
    spec('integration', 'test/integration/task-watch.spec.ts', { NOX_NIGHTLY: String(given('times', 10_000)) }),
  slow: async () => (await import('../test/fault/long/silence.ts')).runSlow({ minutes: given('minutes', 60), say }),
};

const names = values.only.includes('all') ? Object.keys(RUNS) : values.only;
const unknown = names.find((name) => !(name in RUNS));
if (unknown !== undefined) {
  say(`There is no run "${unknown}"; there are ${Object.keys(RUNS).join(', ')}.`);
  process.exit(2);
}
execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs'), '--if-changed', '--only=server'], {
  stdio: 'inherit',
});
/** What else the machine does is part of every figure. */
const load = () => Math.round(loadavg()[0] * 10) / 10;
const verdicts = [];
for (const name of names) {
  say(`— ${name}`);
  const before = load();
  const report = await RUNS[name]();
  const machine = { cores: availableParallelism(), load_before: before, load_after: load() };
  process.stdout.write(`${JSON.stringify({ run: name, ...report, machine }, null, 2)}\n`);
  const { violations, verdict } = report;
  if (violations.length > 0) process.exitCode = 1;
  const word = violations.length === 0 ? 'KEPT' : `BROKEN, ${violations.length} violations`;
  const around = `load ${machine.load_before} before, ${machine.load_after} after, ${machine.cores} cores`;
  verdicts.push([`${name}: ${word}`, ...(verdict === undefined ? [] : [verdict]), around].join(' · '));
}
process.stdout.write(`${verdicts.join('\n')}\n`);
