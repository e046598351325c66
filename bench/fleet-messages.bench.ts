import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { FAKE_AGENT, FAKE_AGENT_ENV } from '../test/support/fake-agent.js';
import { NoxServer } from '../test/support/nox-server.js';
import { eventually } from '../test/support/wait.js';
import type { Bench, Row } from './lib/bench.js';
import { createAgents } from './lib/fleet.js';
import { median, quantile } from './lib/stats.js';

const AGENTS = 50;
const PER_MINUTE = 1000;
/** Clock ticks a second, as Linux has them for programs. */
const TICKS = 100;

/** The seeds' load: fifty agents at work on a thousand messages a minute, and what of a core Nox itself needs for it. */
export const fleetMessages: Bench = {
  name: 'fleet-messages',
  async run({ quick }): Promise<Row[]> {
    const seconds = quick ? 10 : 60;
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
    // What a start leaves to do is no rest.
    await delay(quick ? 0 : 10_000);
    const rest_s = quick ? 5 : 20;
    const rest = await share(server.pid, rest_s, () => delay(rest_s * 1000));
    const count = Math.round((PER_MINUTE * seconds) / 60);
    const busy = await share(server.pid, seconds, () => load(server, ids, count));
    const late = await latencies(server, count);
    return [
      {
        what: `processor of Nox, ${AGENTS} agents, ${PER_MINUTE} messages/min`,
        unit: '%',
        median: busy,
        target: { below: 5 },
        beside: [{ name: 'the same at rest', median: rest }],
        runs: count,
        note: 'of one core; each message comes over the API and is a turn of a fake agent',
      },
      {
        what: 'such a message, accepted to read and answered',
        unit: 'ms',
        median: median(late),
        p99: quantile(late, 0.99),
        beside: [],
        runs: late.length,
      },
    ];
  },
};

async function load(server: NoxServer, ids: readonly string[], count: number): Promise<void> {
  const gap_ms = 60_000 / PER_MINUTE;
  const start = performance.now();
  for (let n = 0; n < count; n += 1) {
    await delay(Math.max(0, start + n * gap_ms - performance.now()));
    const to = ids[(n * 17) % ids.length] ?? '';
    await server.call('messages_send', {
      body: { to, content: 'say done', priority: n % 5 === 0 ? 'high' : 'medium' },
    });
  }
  await eventually('all are read', async () => {
    const { waiting, active } = await server.call('messages_stats');
    return waiting + active === 0;
  });
}

async function latencies(server: NoxServer, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let page = 1; all.length < count; page += 1) {
    const { messages } = await server.call('messages_list', { query: { status: 'acked', limit: 500, page } });
    if (messages.length === 0) throw new Error(`only ${all.length} of ${count} messages were read`);
    for (const { created_at, ended_at } of messages) all.push(Date.parse(ended_at ?? '') - Date.parse(created_at));
  }
  return all;
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
