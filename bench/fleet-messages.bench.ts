import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FAKE_AGENT, FAKE_AGENT_ENV } from '../test/support/fake-agent.js';
import { freePort, NoxServer } from '../test/support/nox-server.js';
import { makeTempDir } from '../test/support/temp-dir.js';
import { eventually } from '../test/support/wait.js';
import type { Bench, Row } from './lib/bench.js';
import { createAgents } from './lib/fleet.js';
import { peer } from './lib/peers.js';
import { startServer } from './lib/server-process.js';
import { median, quantile } from './lib/stats.js';

const AGENTS = 50;
const PER_MINUTE = 1000;
/** Clock ticks a second, as Linux has them for programs. */
const TICKS = 100;

/** So many messages before anything is measured: a fleet works all day, and the first thousands are slow in any program. */
const WARM = 3000;
const AT_ONCE = 4;

/** What can be loaded with messages. */
interface Plane {
  readonly pid: number;
  send(to: string, n: number): Promise<unknown>;
  /** How many have not been read. */
  unread(): Promise<number>;
}

/** The seeds' load: fifty agents at work on a thousand messages a minute, and what of a core Nox itself needs for it. */
export const fleetMessages: Bench = {
  name: 'fleet-messages',
  async run({ quick }): Promise<Row[]> {
    const seconds = quick ? 10 : 60;
    const warm = quick ? 100 : WARM;
    const count = Math.round((PER_MINUTE * seconds) / 60);
    const nox = await measureNox({ seconds, warm, count, rest_s: quick ? 5 : 20 });
    const least = await measureLeast({ seconds, warm, count });
    return [
      {
        what: `processor of Nox, ${AGENTS} agents, ${PER_MINUTE} messages/min`,
        unit: '%',
        median: nox.busy,
        target: { below: 5 },
        beside: [
          { name: 'the least that keeps messages', median: least },
          { name: 'Nox at rest', median: nox.rest },
        ],
        runs: count,
        note: `of one core, after ${warm} messages; each comes over the API and is a turn of a fake agent. The least: bare node:http and SQLite, two commits, no login, checks, queue or events`,
      },
      {
        what: 'such a message, accepted to read and answered',
        unit: 'ms',
        median: median(nox.late),
        p99: quantile(nox.late, 0.99),
        beside: [],
        runs: nox.late.length,
      },
    ];
  },
};

interface Load {
  readonly seconds: number;
  readonly warm: number;
  readonly count: number;
}

async function measureNox({ seconds, warm, count, rest_s }: Load & { rest_s: number }) {
  await using server = await NoxServer.start();
  const ids = await createAgents(server, AGENTS, {
    runtime: 'command',
    command: [...FAKE_AGENT],
    env: FAKE_AGENT_ENV,
    start: true,
  });
  await eventually(
    'all agents run',
    async () =>
      (await server.call('agents_list', { query: { limit: 500 } })).agents.every(
        ({ process_state }) => process_state === 'running',
      ),
    120_000,
  );
  const plane: Plane = {
    pid: server.pid,
    send: (to, n) =>
      server.call('messages_send', {
        body: { to, content: 'say done', priority: n % 5 === 0 ? 'high' : 'medium' },
      }),
    unread: async () => {
      const { waiting, active } = await server.call('messages_stats');
      return waiting + active;
    },
  };
  await warmUp(plane, ids, warm);
  // What a start and the rush leave to do is no rest.
  await delay(rest_s * 500);
  const rest = await share(plane.pid, rest_s, () => delay(rest_s * 1000));
  const busy = await share(plane.pid, seconds, () => load(plane, ids, count));
  return { rest, busy, late: await latencies(server, count) };
}

/** The same load on the least that could be called a control plane. */
async function measureLeast({ seconds, warm, count }: Load): Promise<number> {
  await using dir = await makeTempDir('nox-bench-');
  const port = await freePort();
  const ids = Array.from({ length: AGENTS }, (_, n) => `agent-${n}`);
  const server = await startServer({
    args: [peer('least-plane.mjs')],
    port,
    env: {
      DB: join(dir.path, 'messages.db'),
      AGENT: JSON.stringify(FAKE_AGENT),
      AGENTS: JSON.stringify(ids),
      FAKE_AGENT_HOME: dir.path,
    },
  });
  const url = `http://127.0.0.1:${port}/`;
  let sent = 0;
  const plane: Plane = {
    pid: server.child.pid ?? 0,
    send: async (to) => {
      sent += 1;
      const reply = await fetch(url, { method: 'POST', body: JSON.stringify({ to, content: 'say done' }) });
      await reply.json();
    },
    unread: async () => sent - ((await (await fetch(url)).json()) as { read: number }).read,
  };
  try {
    await warmUp(plane, ids, warm);
    return await share(plane.pid, seconds, () => load(plane, ids, count));
  } finally {
    await server.stop();
  }
}

async function warmUp(plane: Plane, ids: readonly string[], count: number): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) await plane.send(nth(ids, next), next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  await allRead(plane);
}

async function load(plane: Plane, ids: readonly string[], count: number): Promise<void> {
  const gap_ms = 60_000 / PER_MINUTE;
  const start = performance.now();
  for (let n = 0; n < count; n += 1) {
    await delay(Math.max(0, start + n * gap_ms - performance.now()));
    await plane.send(nth(ids, n), n);
  }
  await allRead(plane);
}

const nth = (ids: readonly string[], n: number): string => ids[(n * 17) % ids.length] ?? '';

const allRead = (plane: Plane): Promise<unknown> =>
  eventually('all are read', async () => (await plane.unread()) === 0, 120_000);

/** Of the last so many. */
async function latencies(server: NoxServer, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let page = 1; all.length < count; page += 1) {
    const { messages } = await server.call('messages_list', { query: { status: 'acked', limit: 500, page } });
    if (messages.length === 0) throw new Error(`only ${all.length} of ${count} messages were read`);
    for (const { created_at, ended_at } of messages) all.push(Date.parse(ended_at ?? '') - Date.parse(created_at));
  }
  return all.slice(0, count);
}

/** Per cent of one core that a process needed while the work was done, which takes about so many seconds. */
async function share(pid: number, seconds: number, work: () => Promise<unknown>): Promise<number> {
  const before = ticksOf(pid);
  const start = performance.now();
  await work();
  const took_s = Math.max(seconds, (performance.now() - start) / 1000);
  return ((ticksOf(pid) - before) / TICKS / took_s) * 100;
}

function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
