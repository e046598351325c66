import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import pidusage from 'pidusage';
import { createProcessHost } from '../src/agents/process/native-process-host.js';
import type { ManagedProcess } from '../src/agents/process/process-host.js';
import { TreeMeter } from '../src/agents/process/sampler.js';
import { NODE } from '../test/support/nox-server.js';
import type { Bench, Row } from './lib/bench.js';
import { figures, timed } from './lib/stats.js';

const AGENTS = 50;
/** As a CLI at rest: Node with all its threads. */
const REST = 'process.stdout.write("ready\\n"); setInterval(() => {}, 1e6)';
/** Longer than a scan of all processes may serve, so that each sample makes its own. */
const PAUSE_MS = 150;

/** One sample of fifty agents: their processes found and measured. */
export const sampling: Bench = {
  name: 'sampling',
  async run({ quick }): Promise<Row[]> {
    const rounds = quick ? 5 : 40;
    const host = createProcessHost();
    await host.ready();
    const runs = await Promise.all(Array.from({ length: AGENTS }, (_, n) => startResting(host, n)));
    try {
      const watched = runs.map((run) => ({ run, meter: new TreeMeter() }));
      const own = await measure(rounds, () =>
        Promise.all(watched.map(async ({ run, meter }) => meter.sample(await run.tree()))),
      );
      const pids = runs.flatMap((run) => run.programPid() ?? []);
      const peer = await measure(rounds, () => pidusage(pids));
      return [
        {
          what: `one sample of ${AGENTS} agents`,
          unit: 'ms',
          ...figures(own),
          target: { below: 10 },
          beside: [{ name: 'pidusage, pids known', ...figures(peer) }],
          runs: rounds,
          note: `finds the processes of each tree too; ${host.confinement()}`,
        },
      ];
    } finally {
      pidusage.clear();
      await Promise.all(runs.map((run) => run.end({ grace_ms: 0 })));
    }
  },
};

async function startResting(host: ReturnType<typeof createProcessHost>, n: number): Promise<ManagedProcess> {
  const run = await host.spawn({
    run_id: `bench-sampling-${process.pid}-${n}`,
    argv: [NODE, '-e', REST],
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
  });
  run.stderr.resume();
  await once(run.stdout, 'data');
  run.stdout.resume();
  return run;
}

async function measure(rounds: number, work: () => Promise<unknown>): Promise<number[]> {
  await work(); // the first look of each opens and compiles
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await once(spawn('sleep', [String(PAUSE_MS / 1000)]), 'exit');
    samples.push(await timed(work));
  }
  return samples;
}
