// `npm test`: everything that must hold, on a fresh machine too. Installs what is missing, builds, checks, then runs the
// suites; arguments go to jest (`npm test -- -t word`). Ends with one plain line: N passed, N failed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setupMachine } from './setup-machine.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const args = process.argv.slice(2);

/** The quick ones first. Those of the second mostly wait for processes, servers and browsers of their own: two at a time. */
const STAGES = [
  ['unit', 'dashboard', 'integration'],
  ['contract', 'fault', 'e2e'],
];
const WORKERS = 2;

function run(command, commandArgs, extra = {}) {
  const { status } = spawnSync(command, commandArgs, { cwd: root, stdio: 'inherit', ...extra });
  return status ?? 1;
}

function step(name, command, commandArgs) {
  process.stderr.write(`\n— ${name}\n`);
  if (run(command, commandArgs) !== 0) {
    process.stdout.write(`${name} failed\n0 passed, 1 failed\n`);
    process.exit(1);
  }
}

setupMachine();
step('build', process.execPath, ['scripts/build.mjs', '--if-changed']);
if (args.length === 0) step('check', 'npm', ['run', '-s', 'check']);

const out = mkdtempSync(join(tmpdir(), 'nox-jest-'));
const total = { passed: 0, failed: 0, skipped: 0 };
for (const projects of STAGES) {
  process.stderr.write(`\n— ${projects.join(', ')}\n`);
  const file = join(out, `${projects[0]}.json`);
  const status = run(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      join('node_modules', 'jest', 'bin', 'jest.js'),
      `--maxWorkers=${WORKERS}`,
      '--json',
      `--outputFile=${file}`,
      '--selectProjects',
      ...projects,
      '--passWithNoTests',
      ...args,
    ],
    { stdio: ['inherit', 'ignore', 'inherit'] },
  );
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    total.passed += report.numPassedTests;
    total.failed += report.numFailedTests + report.numRuntimeErrorTestSuites;
    total.skipped += report.numPendingTests + report.numTodoTests;
    if (status !== 0 && report.numFailedTests + report.numRuntimeErrorTestSuites === 0) total.failed += 1;
  } catch {
    // Without a report jest itself has failed; it has said why.
    total.failed += 1;
  }
}
rmSync(out, { recursive: true, force: true });
process.stdout.write(
  `\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}\n`,
);
process.exit(total.failed === 0 ? 0 : 1);
