import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, NoxServer } from '../test/support/nox-server.js';
import type { Bench, Row } from './lib/bench.js';
import { createAgents } from './lib/fleet.js';
import { httpLoad } from './lib/http-load.js';
import { buildNestPeer } from './lib/peers.js';
import { startServer } from './lib/server-process.js';
import { figures, quantile } from './lib/stats.js';

const AGENTS = 50;
const CONNECTIONS = 50;
const RATE = 2000;
const WARM_UP_S = 2;

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
    const load = (address: string, given: Record<string, string>, per_second?: number, duration_s = duration) =>
      httpLoad({
        url: address,
        headers: given,
        connections: CONNECTIONS,
        duration_s,
        ...(per_second === undefined ? {} : { per_second }),
      });
    try {
      const peer_url = `${nest.url}/agents`;
      await load(url, headers, undefined, WARM_UP_S);
      await load(peer_url, {}, undefined, WARM_UP_S);
      const paced = await load(url, headers, RATE);
      const paced_peer = await load(peer_url, {}, RATE);
      const full = await load(url, headers);
      const full_peer = await load(peer_url, {});
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
          median: full.length / duration,
          target: { at_least: 8000 },
          beside: [{ name: 'bare Nest-Fastify', median: full_peer.length / duration }],
          runs: full.length,
          note: `client on the same two cores; p50 / p99 ${latencyOf(full)} beside ${latencyOf(full_peer)}`,
        },
      ];
    } finally {
      await nest.stop();
    }
  },
};

const latencyOf = (samples: readonly number[]): string =>
  `${quantile(samples, 0.5).toFixed(1)} / ${quantile(samples, 0.99).toFixed(1)} ms`;
