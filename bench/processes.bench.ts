import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProcessHost } from '../src/agents/process/native-process-host.js';
import type { Agent } from '../src/contracts/agent.js';
import { FAKE_AGENT, FAKE_AGENT_ENV } from '../test/support/fake-agent.js';
import { NoxServer } from '../test/support/nox-server.js';
import { makeTempDir } from '../test/support/temp-dir.js';
import { eventually } from '../test/support/wait.js';
import type { Bench, Row } from './lib/bench.js';
import { Pm2 } from './lib/pm2.js';
import { Stamps } from './lib/stamps.js';
import { figures, wallClock } from './lib/stats.js';

/** The shortest that the registry allows; taken off the figure, because it is a wish and not a cost. */
const BACKOFF_MS = 10;

interface Samples {
  readonly spawn: number[];
  readonly respawn: number[];
}

/** From the wish to start a child to the child's first act, and from its violent end to its successor's first act. */
export const processes: Bench = {
  name: 'processes',
  async run({ quick }): Promise<Row[]> {
    const rounds = quick ? 5 : 40;
    const bare = await measureBare(rounds);
    const confined = await measureConfined(rounds);
    const pm2 = await measurePm2(rounds);
    const nox = await measureNox(rounds);
    const own = nox.respawn.map((ms) => ms - BACKOFF_MS);
    const loaded = 'the child is a shell that stamps the time, then becomes the agent';
    return [
      {
        what: 'start of an agent to its process running',
        unit: 'ms',
        ...figures(nox.spawn),
        beside: [
          { name: 'bare spawn', ...figures(bare.spawn) },
          { name: 'confined spawn', ...figures(confined.spawn) },
          { name: 'PM2', ...figures(pm2.spawn) },
        ],
        runs: rounds,
        note: `from POST …/start; ${loaded}`,
      },
      {
        what: 'kill -9 of an agent to its successor running',
        unit: 'ms',
        ...figures(own),
        target: { below: 15 },
        beside: [
          { name: 'bare respawn on exit', ...figures(bare.respawn) },
          { name: 'confined respawn', ...figures(confined.respawn) },
          { name: 'PM2', ...figures(pm2.respawn) },
        ],
        runs: rounds,
        note: `the configured back-off of ${BACKOFF_MS} ms is taken off`,
      },
    ];
  },
};

/** The limit: what the operating system and Node need. */
const measureBare = (rounds: number): Promise<Samples> =>
  measureChildren(rounds, async ([program, ...args]) => {
    const child = spawn(program, args, { stdio: 'pipe' });
    return { exited: once(child, 'exit'), kill: () => child.kill('SIGKILL') };
  });

/** The same in a namespace of its own, as Nox confines its agents: what complete killing costs. */
async function measureConfined(rounds: number): Promise<Samples> {
  const host = createProcessHost();
  return measureChildren(rounds, async (argv) => {
    const env = { PATH: process.env['PATH'] ?? '' };
    const child = await host.spawn({ run_id: randomUUID(), argv, cwd: tmpdir(), env });
    for (const stream of [child.stdout, child.stderr]) stream.resume();
    return {
      exited: child.exited,
      kill: () => {
        const pid = child.programPid();
        if (pid === null) throw new Error('the program is not known');
        process.kill(pid, 'SIGKILL');
      },
    };
  });
}

type Argv = readonly [string, ...string[]];
interface Child {
  readonly exited: Promise<unknown>;
  kill(): void;
}

/** Starts a child, kills it, starts another the moment it is gone; and so on. */
async function measureChildren(rounds: number, start: (argv: Argv) => Promise<Child>): Promise<Samples> {
  await using dir = await makeTempDir('nox-bench-');
  const stamps = new Stamps(join(dir.path, 'stamps'));
  const argv = stamps.wrap('sleep', '1000');
  const samples: Samples = { spawn: [], respawn: [] };
  for (let round = 0; round < rounds; round += 1) {
    const wished = wallClock();
    const child = await start(argv);
    samples.spawn.push((await stamps.next(2 * round)) - wished);
    const restarted = child.exited.then(() => start(argv));
    const killed = wallClock();
    child.kill();
    const successor = await restarted;
    samples.respawn.push((await stamps.next(2 * round + 1)) - killed);
    successor.kill();
    await successor.exited;
  }
  return samples;
}

async function measurePm2(rounds: number): Promise<Samples> {
  await using dir = await makeTempDir('nox-bench-');
  await using pm2 = await Pm2.start();
  const stamps = new Stamps(join(dir.path, 'stamps'));
  const [program, ...args] = stamps.wrap('sleep', '1000');
  const samples: Samples = { spawn: [], respawn: [] };
  for (let round = 0; round < rounds; round += 1) {
    const wished = wallClock();
    await pm2.run('agent', program, args);
    samples.spawn.push((await stamps.next(2 * round)) - wished);
    const pid = await eventually('PM2 says it runs', () => pm2.pidOf('agent'));
    const killed = wallClock();
    process.kill(pid, 'SIGKILL');
    samples.respawn.push((await stamps.next(2 * round + 1)) - killed);
    await pm2.remove('agent');
  }
  return samples;
}

async function measureNox(rounds: number): Promise<Samples> {
  await using server = await NoxServer.start();
  const stamps = new Stamps(join(server.workspace, 'stamps'));
  const params = { id: 'crasher' };
  await server.call('agents_create', {
    body: {
      id: params.id,
      name: 'Crasher',
      runtime: 'command',
      command: stamps.wrap(...FAKE_AGENT),
      env: FAKE_AGENT_ENV,
      resource_limits: { max_spawn_rate: 1000 },
      restart: {
        policy: 'always',
        intensity: 1000,
        period_s: 1,
        backoff_ms: { initial: BACKOFF_MS, factor: 1, max: BACKOFF_MS, jitter: 0 },
      },
    },
  });
  const running = (other_than: number | null): Promise<Agent> =>
    eventually('the agent runs', async () => {
      const agent = await server.call('agents_get', { params });
      return agent.process_state === 'running' && agent.pid !== null && agent.pid !== other_than ? agent : undefined;
    });
  const samples: Samples = { spawn: [], respawn: [] };
  for (let round = 0; round < rounds; round += 1) {
    const wished = wallClock();
    await server.call('agents_start', { params });
    samples.spawn.push((await stamps.next(2 * round)) - wished);
    const { pid } = await running(null);
    const killed = wallClock();
    process.kill(pid ?? 0, 'SIGKILL');
    samples.respawn.push((await stamps.next(2 * round + 1)) - killed);
    await running(pid);
    await server.call('agents_stop', { params, body: { force: true } });
  }
  return samples;
}
