import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { within } from '../test/support/wait.js';
import type { Bench, Row } from './lib/bench.js';
import { BENCH_DIR } from './lib/peers.js';
import { table } from './lib/table.js';
import { api } from './api.bench.js';
import { broker } from './broker.bench.js';
import { brokerLimits } from './broker-limits.bench.js';
import { events } from './events.bench.js';
import { fleetMessages } from './fleet-messages.bench.js';
import { memory } from './memory.bench.js';
import { processes } from './processes.bench.js';
import { registry } from './registry.bench.js';
import { sampling } from './sampling.bench.js';
import { services } from './services.bench.js';
import { startUp } from './start-up.bench.js';
import { tasks } from './tasks.bench.js';
import { wake } from './wake.bench.js';

const BENCHES: readonly Bench[] = [
  startUp,
  memory,
  processes,
  wake,
  sampling,
  registry,
  api,
  events,
  broker,
  brokerLimits,
  fleetMessages,
  tasks,
  services,
];

/** Many times what any of them needs: a bench that hangs must not hide the others' figures. */
const BENCH_TIMEOUT_MS = 300_000;

const USAGE = `npm run bench -- [--only NAME]… [--quick] [--json]
  names: ${BENCHES.map((bench) => bench.name).join(', ')}`;

/** Runs the benches one after the other and prints one table. A bench that fails is said at the end; the rest still runs. */
export async function main(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = values.only?.find((name) => !BENCHES.some((bench) => bench.name === name));
  if (values.help || unknown !== undefined) {
    console.error(unknown === undefined ? USAGE : `There is no bench "${unknown}".\n${USAGE}`);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  // So that `exit` handlers end the servers under measurement.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  mkdirSync(BENCH_DIR, { recursive: true });

  const machine = describeMachine();
  const rows: Row[] = [];
  const failures: { bench: string; reason: string }[] = [];
  for (const bench of BENCHES.filter(({ name }) => values.only?.includes(name) ?? true)) {
    console.error(`${bench.name} …`);
    try {
      rows.push(...(await within(bench.name, bench.run({ quick: values.quick }), BENCH_TIMEOUT_MS)));
    } catch (error) {
      failures.push({
        bench: bench.name,
        reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  }
  if (values.json) console.log(JSON.stringify({ machine, quick: values.quick, rows, failures }, null, 2));
  else console.log(`${machine}${values.quick ? ' · quick: not to be quoted' : ''}\n\n${table(rows)}`);
  for (const { bench, reason } of failures) console.error(`\n${bench} failed: ${reason}`);
  if (failures.length > 0) process.exitCode = 1;
}

function describeMachine(): string {
  const cores = cpus();
  const git = execFileSync('git', ['--version'], { encoding: 'utf8' }).trim();
  const facts = [
    new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
    `${cores.length} × ${cores[0]?.model ?? 'CPU'}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${process.platform} ${release()}`,
    `Node ${process.version}`,
    git,
    `load ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}`,
  ];
  const pressure = cpuPressure();
  return [...facts, ...(pressure === undefined ? [] : [`CPU pressure ${pressure} %`])].join(' · ');
}

/** Share of the last ten seconds in which something waited for a CPU: shared machines measure badly when it is high. */
function cpuPressure(): string | undefined {
  try {
    return /some avg10=([\d.]+)/.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1];
  } catch {
    return undefined; // not every kernel tells
  }
}
