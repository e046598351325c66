import autocannon from 'autocannon';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, NoxServer } from '../test/support/nox-server.js';
import type { Bench, Beside, Row } from './lib/bench.js';
import { createAgents } from './lib/fleet.js';
import { buildNestPeer } from './lib/peers.js';
import { startServer } from './lib/server-process.js';
import { figures } from './lib/stats.js';
import { steadyLoad } from './lib/steady-load.js';

const AGENTS = 50;
const CONNECTIONS = 50;
const RATE = 2000;

/** GET /api/v1/agents with a token; beside a bare Nest-Fastify that sends the same bytes and asks for no token. */
export const api: Bench = {
  name: 'api',
  async run({ quick }): Promise<Row[]> {
    const duration = quick ? 2 : 10;
    await using server = await NoxServer.start();
    await createAgents(server, AGENTS);
    const url = `${server.url}/api/v1/agents?limit=${AGENTS}`;
    const headers = { authorization: `Bearer ${server.access_token}` };
    const body = await (await fetch(url, { headers })).text();
    const body_file = join(server.dir.path, 'agents.json');
    await writeFile(body_file, body);

    const nest = await startServer({
      args: [await buildNestPeer()],
      port: await freePort(),
      env: { BODY_FILE: body_file },
    });
    const steady = (address: string, given: Record<string, string> = {}): Promise<number[]> =>
      steadyLoad({ url: address, headers: given, connections: CONNECTIONS, per_second: RATE, duration_s: duration });
    try {
      const peer_url = `${nest.url}/agents`;
      await load({ url, headers, duration: 2 }); // warm up, both
      await load({ url: peer_url, duration: 2 });
      const paced = await steady(url, headers);
      const paced_peer = await steady(peer_url);
      const full = await load({ url, headers, duration });
      const full_peer = await load({ url: peer_url, duration });
      const size = `${(body.length / 1024).toFixed(0)} KiB each`;
      return [
        {
          what: `GET agents, ${CONNECTIONS} connections, ${RATE}/s`,
          unit: 'ms',
          ...figures(paced),
          target: { below: 10, of: 'p99' },
          beside: [{ name: 'bare Nest-Fastify', ...figures(paced_peer) }],
          runs: paced.length,
          note: `evenly paced, counted from when each was due; ${AGENTS} agents, ${size}`,
        },
        {
          what: `GET agents, ${CONNECTIONS} connections, saturated`,
          unit: '/s',
          median: full.per_second,
          target: { at_least: 8000 },
          beside: [{ name: 'bare Nest-Fastify', median: full_peer.per_second }],
          runs: full.answers,
          note: `client on the same two cores; p50 / p99 ${latencyOf(full.latency)} beside ${latencyOf(full_peer.latency)}`,
        },
      ];
    } finally {
      await nest.stop();
    }
  },
};

const latencyOf = ({ median, p99 }: Pick<Beside, 'median' | 'p99'>): string =>
  `${median.toFixed(1)} / ${p99?.toFixed(1)} ms`;

interface Load {
  readonly url: string;
  readonly headers?: Record<string, string>;
  readonly duration: number;
}

async function load({ url, headers = {}, duration }: Load) {
  const samples: number[] = [];
  const run = autocannon({
    url,
    headers,
    duration,
    connections: CONNECTIONS,
  });
  run.on('response', (_client, _status, _bytes, response_ms) => samples.push(response_ms));
  const result = await run;
  if (result.non2xx + result.errors > 0) throw new Error(`${url}: ${result.non2xx} refusals, ${result.errors} errors`);
  return { latency: figures(samples), per_second: samples.length / duration, answers: samples.length };
}
