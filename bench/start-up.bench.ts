import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_TRAFFIC } from '../test/support/claude-env.js';
import { ADMIN_PASSWORD, BUNDLE, freePort } from '../test/support/nox-server.js';
import { makeTempDir } from '../test/support/temp-dir.js';
import type { Bench, Row } from './lib/bench.js';
import { buildNestPeer, peer } from './lib/peers.js';
import { type ServerCommand, startServer } from './lib/server-process.js';
import { median } from './lib/stats.js';

type Candidate = 'raw' | 'nest' | 'again' | 'first';

/** Long enough for what a server does right after its first answer. */
const SETTLE_MS = 1500;

export const startUp: Bench = {
  name: 'start-up',
  async run({ quick }): Promise<Row[]> {
    const rounds = quick ? 3 : 11;
    await using dir = await makeTempDir('nox-bench-');
    const nest = await buildNestPeer();
    const port = await freePort();
    const nox = (home: string) => ({
      args: [BUNDLE, 'serve'],
      port,
      cwd: home,
      env: {
        ...NO_TRAFFIC,
        HOME: home,
        CLAUDE_CONFIG_DIR: join(home, '.claude'),
        NOX_HOME: join(home, '.nox'),
        NOX_REGISTRY_PATH: join(home, '.nox-registry'),
        NOX_PORT: String(port),
        NOX_ADMIN_PASSWORD: ADMIN_PASSWORD,
      },
    });
    const candidates: Record<Candidate, (round: number) => ServerCommand> = {
      raw: () => ({ args: [peer('raw-http.mjs')], port }),
      nest: () => ({ args: [nest], port }),
      again: () => nox(join(dir.path, 'kept')),
      first: (round: number) => nox(join(dir.path, `fresh-${round}`)),
    };
    const start_ms: Record<Candidate, number[]> = { raw: [], nest: [], again: [], first: [] };
    const rss_mb: Record<Candidate, number[]> = { raw: [], nest: [], again: [], first: [] };

    // Round 0 warms the disk's cache and makes the folder of `again`. One after the other in each round, so that
    // whatever else the machine does hits all alike.
    for (let round = 0; round <= rounds; round += 1) {
      for (const name of Object.keys(candidates) as Candidate[]) {
        const command = candidates[name](round);
        if (command.cwd !== undefined) await mkdir(command.cwd, { recursive: true });
        const server = await startServer(command);
        if (round > 0) start_ms[name].push(server.first_answer_ms);
        if (round > 0 && (name === 'nest' || name === 'again')) {
          await delay(quick ? 200 : SETTLE_MS);
          rss_mb[name].push(server.rssMb());
        }
        await server.stop();
      }
    }
    const beside = [
      { name: 'raw node:http', median: median(start_ms.raw) },
      { name: 'empty Nest-Fastify bundle', median: median(start_ms.nest) },
    ];
    return [
      {
        what: 'start to first /health',
        unit: 'ms',
        median: median(start_ms.again),
        target: { below: 500 },
        beside,
        runs: rounds,
        note: 'registry and database are there',
      },
      {
        what: 'very first start, empty folder',
        unit: 'ms',
        median: median(start_ms.first),
        target: { below: 500 },
        beside,
        runs: rounds,
        note: 'makes git registry, database, user',
      },
      {
        what: 'RSS after start',
        unit: 'MB',
        median: median(rss_mb.again),
        beside: [{ name: 'empty Nest-Fastify bundle', median: median(rss_mb.nest) }],
        runs: rounds,
      },
    ];
  },
};
