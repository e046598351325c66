import { setTimeout as delay } from 'node:timers/promises';
import { FAKE_AGENT, FAKE_AGENT_ENV } from '../test/support/fake-agent.js';
import { NoxServer } from '../test/support/nox-server.js';
import { eventually } from '../test/support/wait.js';
import type { Bench, Row } from './lib/bench.js';
import { createAgents } from './lib/fleet.js';
import { Pm2 } from './lib/pm2.js';
import { rssMb } from './lib/server-process.js';

const SETTLE_MS = 2000;

/** What the supervisor itself weighs with a fleet awake. */
export const memory: Bench = {
  name: 'memory',
  async run({ quick }): Promise<Row[]> {
    const agents = quick ? 10 : 50;
    const pm2_mb = await measurePm2(agents);
    await using server = await NoxServer.start();
    const ids = await createAgents(server, agents, { runtime: 'command', command: FAKE_AGENT, env: FAKE_AGENT_ENV });
    const start = performance.now();
    await Promise.all(ids.map((id) => server.call('agents_start', { params: { id } })));
    const all_running = async (): Promise<boolean> => (await server.call('system_status')).agents.running === agents;
    await eventually(`${agents} agents running`, all_running, 120_000);
    const start_ms = performance.now() - start;
    await delay(SETTLE_MS);
    const awake_mb = rssMb(server.pid);
    const registered = quick ? 40 : 500;
    await createAgents(server, registered - agents, { runtime: 'command', command: FAKE_AGENT }, agents + 1);
    await delay(SETTLE_MS);
    const registered_mb = rssMb(server.pid);
    return [
      {
        what: `RSS of the supervisor, ${agents} agents awake`,
        unit: 'MB',
        median: awake_mb,
        target: { below: 180 },
        beside: [{ name: 'PM2 daemon', median: pm2_mb }],
        runs: 1,
        note: `fake agents; all ready ${(start_ms / 1000).toFixed(1)} s after they were asked to start`,
      },
      {
        what: `RSS of the supervisor, ${registered} agents registered, ${agents} awake`,
        unit: 'MB',
        median: registered_mb,
        target: { below: 350 },
        beside: [],
        runs: 1,
        note: `right after the last was registered; for ten minutes of mixed work see \`npm run chaos -- --only soak\``,
      },
    ];
  },
};

async function measurePm2(count: number): Promise<number> {
  await using pm2 = await Pm2.start();
  for (let n = 0; n < count; n += 1) await pm2.run(`sleep-${n}`, '/bin/sleep', ['1000']);
  await delay(SETTLE_MS);
  return rssMb(pm2.daemon_pid);
}
