import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Turn } from '../../../src/contracts/turn.js';
import { fakeAgent } from '../../support/fake-agent.js';
import { NoxServer } from '../../support/nox-server.js';
import { eventually } from '../../support/wait.js';
import { programsOf } from '../fault-support.js';
import { type LongReport, quantile, type Say, secondsSince } from './report.js';

export interface HungOptions {
  readonly times: number;
  readonly say: Say;
}

const KINDS = { hangs: 'say begun\nhang', spins: 'spin', deaf: 'say never' };
const WARN_S = 1;
const DEADLINE_MS = 3 * WARN_S * 1000;
/** RELIABILITY P6: found within the deadline and this much; a second more is for the end of its turn to be seen. */
const TOLERANCE_MS = 1000;

async function startPatient(warn_s: number): Promise<NoxServer> {
  const nox = await NoxServer.start({ env: { NOX_LOG_LEVEL: 'warn' } });
  await nox.kill('SIGTERM');
  const text = `schema_version = 1\n[agents.health]\nsilent_turn_warn_s = ${warn_s}\nsample_every_s = 1\n`;
  writeFileSync(join(nox.registry, 'system-config.toml'), text);
  await nox.boot();
  return nox;
}

const turnOf = (nox: NoxServer, id: string): Promise<Turn> => nox.call('turns_get', { params: { id } });
const prompt = (nox: NoxServer, id: string, content: string, wait = false) =>
  nox.call('agents_prompt', { params: { id }, body: { content, wait } });

async function endOf(nox: NoxServer, turn_id: string, limit_ms: number): Promise<Turn> {
  return eventually(
    `the end of ${turn_id}`,
    async () => {
      const turn = await turnOf(nox, turn_id);
      return turn.status === 'running' || turn.status === 'queued' ? undefined : turn;
    },
    limit_ms,
  );
}

/** Agents that hang, spin and do not read: each is found, ended and back so many times. */
export async function runHung({ times, say }: HungOptions): Promise<LongReport> {
  const began = performance.now();
  const broken: string[] = [];
  const found_ms: number[] = [];
  await using nox = await startPatient(WARN_S);
  const ids = Object.keys(KINDS) as (keyof typeof KINDS)[];
  const restart = { intensity: 1000, period_s: 60, backoff_ms: { initial: 10, max: 50 } };
  await Promise.all(ids.map((id) => nox.call('agents_create', { body: { ...fakeAgent(id), restart } })));
  for (let round = 1; round <= times; round += 1) {
    await prompt(nox, 'deaf', 'deaf\nsay gone', true);
    const turns = await Promise.all(ids.map((id) => prompt(nox, id, KINDS[id])));
    for (const [n, { turn_id }] of turns.entries()) {
      const turn = await endOf(nox, turn_id, 20_000);
      const took_ms = Date.parse(turn.ended_at ?? '') - Date.parse(turn.started_at ?? '');
      found_ms.push(took_ms);
      const named = turn.status === 'interrupted' && (turn.reason ?? '').startsWith('the process ended: hung');
      if (!named) broken.push(`round ${round}: ${ids[n]} ended as ${turn.status}: ${turn.reason}`);
      if (took_ms < DEADLINE_MS || took_ms > DEADLINE_MS + 2 * TOLERANCE_MS)
        broken.push(`round ${round}: ${ids[n]} was found after ${took_ms} ms`);
    }
    for (const id of ids) {
      await eventually(
        `${id} is back`,
        async () => (await nox.call('agents_status', { params: { id } })).status === 'idle',
      );
      if ((await prompt(nox, id, 'say back', true)).text !== 'back') broken.push(`round ${round}: ${id} is not back`);
    }
    if (round % 10 === 0) say(`${round} rounds, ${broken.length} violations`);
  }
  return {
    times,
    took_s: secondsSince(began),
    deadline_ms: DEADLINE_MS,
    found_ms: { median: quantile(found_ms, 0.5), max: quantile(found_ms, 1) },
    violations: broken,
  };
}

export interface SlowOptions {
  readonly minutes: number;
  readonly say: Say;
}

/** A gap that is almost as long as the warning, over and over. */
const SLOW_WARN_S = 5;
const GAP_MS = 4000;

/** Slow words, a tool that is silent and one that waits for a person, for as long as asked: nobody may be suspected. */
export async function runSlow({ minutes, say }: SlowOptions): Promise<LongReport> {
  const began = performance.now();
  const broken: string[] = [];
  await using nox = await startPatient(SLOW_WARN_S);
  const fake_home = join(nox.dir.path, 'fake-agent');
  const ids = ['words', 'tool', 'asks'];
  await Promise.all(ids.map((id) => nox.call('agents_create', { body: fakeAgent(id) })));
  const pids = () =>
    programsOf(fake_home)
      .map(({ pid }) => pid)
      .sort((a, b) => a - b)
      .join();
  const before = pids();
  const seconds = Math.round(minutes * 60);
  const words = await prompt(nox, 'words', `slow ${Math.ceil((seconds * 1000) / GAP_MS)}@${GAP_MS} word`);
  const tool = await prompt(nox, 'tool', `tool Bash {"command":"sleep ${seconds}"}\nsay slept`);
  const asks = await prompt(nox, 'asks', 'tool Bash {"command":"touch made.txt"}\nsay made');
  const approve = async (agent_id: string) => {
    const approval = await eventually(`the question of ${agent_id}`, async () =>
      (await nox.call('approvals_list', { query: { status: 'pending' } })).approvals.find(
        (each) => each.agent_id === agent_id,
      ),
    );
    await nox.call('approvals_approve', { params: { id: approval.id }, body: {} });
  };
  await approve('tool');
  const limit_ms = seconds * 1000 + 120_000;
  say(`slow for ${minutes} minutes`);
  for (const { turn_id } of [words, tool]) {
    const turn = await endOf(nox, turn_id, limit_ms);
    if (turn.status !== 'complete') broken.push(`${turn.agent_id} ended as ${turn.status}: ${turn.reason}`);
  }
  // Questions expire by the policy; whichever it is, it is said and no hang.
  const still = await turnOf(nox, asks.turn_id);
  if (still.status === 'running') await approve('asks');
  const answered = await endOf(nox, asks.turn_id, 60_000);
  if (answered.status !== 'complete') broken.push(`asks ended as ${answered.status}: ${answered.reason}`);
  const { events } = await nox.call('events', {
    query: { follow: 'false', areas: 'agent', after_seq: 0, limit: 1000 },
  });
  const silences = events.filter(({ type }) => type === 'agent.silent');
  broken.push(...silences.map(({ agent_id, payload }) => `${agent_id} was suspected: ${JSON.stringify(payload)}`));
  if (pids() !== before) broken.push('a process is not the one it was');
  return { minutes, took_s: secondsSince(began), gap_ms: GAP_MS, warn_s: SLOW_WARN_S, violations: broken };
}
