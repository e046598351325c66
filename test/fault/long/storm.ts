import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { RestartConfig } from '../../../src/contracts/agent.js';
import { CLEAN_SLATE, decideRestart, type RestartMemory } from '../../../src/agents/restart-policy.js';
import { NoxApiError } from '../../../src/client/api-error.js';
import { NoxServer } from '../../support/nox-server.js';
import { setGuardedSettings } from '../../support/settings.js';
import { eventually } from '../../support/wait.js';
import { type LongReport, quantile, type Say, secondsSince } from './report.js';

export interface StormOptions {
  readonly agents: number;
  readonly seconds: number;
  /** By what share the spawns may differ from the model; a short storm is made of few, and each late one counts. */
  readonly tolerance?: number;
  readonly say: Say;
}

/** Of the clock ticks in /proc. */
const TICKS_PER_S = 100;
/** Of the processor time of one core, over the whole storm (RELIABILITY P1). */
const CPU_SHARE = 0.5;
const SPAWN_TOLERANCE = 0.05;
const MODEL_AGENTS = 2000;
const PROGRESS_MS = 15_000;

/**
 * Every agent's program exits at once, again and again, for as long as asked; then each must have been given up, as often
 * started as the restart policy says, with Nox itself using little of the machine, and all can be stopped.
 */
export async function runStorm({
  agents,
  seconds,
  say,
  tolerance = SPAWN_TOLERANCE,
}: StormOptions): Promise<LongReport> {
  const restart = restartFor(seconds);
  const broken: string[] = [];
  await using nox = await NoxServer.start({ env: { NOX_LOG_LEVEL: 'error' } });
  await setGuardedSettings(nox, `[agents]\nmax_live_agents = ${agents}\nmax_agents = ${agents}\n`);
  const ids = Array.from({ length: agents }, (_, n) => `storm-${n}`);
  for (const id of ids) {
    const command = ['/bin/sh', '-c', 'exit 1'];
    await nox.call('agents_create', { body: { id, name: id, runtime: 'command', command, restart } });
  }
  say(`${agents} agents made; the storm begins`);
  const began = performance.now();
  const cpu_before = cpuSeconds(nox.pid);
  // Their first process does not live long enough to be ready: each start is refused, and tried again.
  const answers: Record<string, number> = {};
  const start = (id: string): Promise<void> =>
    nox.client.call('agents_start', { params: { id } }, { timeout_ms: 0 }).then(
      () => undefined,
      (error: unknown) => {
        const code = error instanceof NoxApiError ? error.code : String(error);
        answers[code] = (answers[code] ?? 0) + 1;
      },
    );
  await Promise.all(ids.map(start));
  const unlike = Object.entries(answers).filter(([code]) => code !== 'AGENT_START_FAILED');
  for (const [code, times] of unlike) broken.push(`${times} first starts answered ${code}`);
  say(`${JSON.stringify(answers)} to the first starts`);
  const first_starts_s = secondsSince(began);
  const statuses = async () => (await nox.call('agents_list', { query: { limit: agents } })).agents;
  for (let left_ms = 1; left_ms > 0;) {
    left_ms = Math.max(0, seconds * 1000 - (performance.now() - began));
    await delay(Math.min(left_ms, PROGRESS_MS));
    say(`${secondsSince(began)} of ${seconds} s: ${spawnsOf(nox).count} spawns`);
  }
  const cpu_share = (cpuSeconds(nox.pid) - cpu_before) / ((performance.now() - began) / 1000);
  const by_now = spawnsOf(nox);
  const model = modelOf(restart, by_now.ran_ms, by_now.age_ms);
  const spawns_per_agent = by_now.count / agents;
  if (Math.abs(spawns_per_agent - model) > model * tolerance)
    broken.push(`${spawns_per_agent.toFixed(2)} spawns of each agent, the model has ${model.toFixed(2)}`);
  if (cpu_share > CPU_SHARE) broken.push(`Nox used ${(cpu_share * 100).toFixed(0)} % of a core`);
  say(`after ${seconds} s ${by_now.count} spawns, ${(cpu_share * 100).toFixed(0)} % of a core`);
  await eventually('all are given up', async () =>
    (await statuses()).every(({ process_state, breaker }) => process_state === 'failed' && breaker.state === 'open'),
  ).catch((error: unknown) => broken.push(String(error)));
  const total = spawnsOf(nox).count;
  if (total !== agents * (restart.intensity + 1))
    broken.push(`${total} spawns in all; ${agents * (restart.intensity + 1)} end in failed`);
  // A few at a time: each is a commit, and a caller waits no longer than 30 s.
  for (let n = 0; n < ids.length; n += 5)
    await Promise.all(
      ids
        .slice(n, n + 5)
        .map((id) =>
          nox.call('agents_stop', { params: { id } }).catch((error: unknown) => broken.push(`${id}: ${String(error)}`)),
        ),
    );
  for (const { id, process_state, pid } of await statuses())
    if (process_state !== 'stopped' || pid !== null) broken.push(`${id} is ${process_state} after its stop`);
  if (spawnsOf(nox).open > 0) broken.push('a run is open after all were stopped');
  return {
    verdict:
      `${agents} agents, ${seconds} s: ${spawns_per_agent.toFixed(2)} spawns each, the model has ${model.toFixed(2)}; ` +
      `${total} in all, ${agents * (restart.intensity + 1)} expected; ${(cpu_share * 100).toFixed(0)} % of a core; first starts took ${first_starts_s} s`,
    agents,
    seconds,
    took_s: secondsSince(began),
    first_starts_s,
    spawns: total,
    spawns_per_agent_then: spawns_per_agent,
    model_then: Math.round(model * 100) / 100,
    median_run_ms: by_now.ran_ms,
    cpu_percent: Math.round(cpu_share * 100),
    violations: broken,
  };
}

/** Doublings up to eight seconds, as many as fill the time: then an agent is given up. */
function restartFor(seconds: number): RestartConfig {
  const backoff_ms = { initial: 250, factor: 2, max: 8000, jitter: 0.25 };
  let intensity = 0;
  for (let sum = 0; sum < seconds * 1000; intensity += 1)
    sum += Math.min(backoff_ms.max, backoff_ms.initial * 2 ** intensity);
  return { policy: 'on-failure', intensity, period_s: 3600, reset_after_s: 3600, backoff_ms };
}

/** Spawns of one agent on average that has crashed for this long, by the restart policy alone. */
function modelOf(config: RestartConfig, ran_ms: number, ages_ms: readonly number[]): number {
  let spawns = 0;
  for (let n = 0; n < MODEL_AGENTS; n += 1) {
    let memory: RestartMemory = CLEAN_SLATE;
    const until_ms = ages_ms[n % ages_ms.length] ?? 0;
    for (let now_ms = 0; now_ms <= until_ms;) {
      spawns += 1;
      now_ms += ran_ms;
      const decision = decideRestart({ config, ...memory, exit: 'crash', ran_ms, now_ms, random: Math.random() });
      memory = decision;
      if (decision.action !== 'restart') break;
      now_ms += decision.delay_ms;
    }
  }
  return spawns / MODEL_AGENTS;
}

/** What the journal says of runs: how many, how many of them are open, how long one takes, since when each agent has had any. */
function spawnsOf(nox: NoxServer): { count: number; open: number; ran_ms: number; age_ms: number[] } {
  const db = new DatabaseSync(join(nox.home, 'state.db'), { readOnly: true });
  try {
    const runs = db.prepare('SELECT agent_id, started_ms, ended_ms FROM runs').all() as {
      agent_id: string;
      started_ms: number;
      ended_ms: number | null;
    }[];
    const firsts = new Map<string, number>();
    for (const { agent_id, started_ms } of runs)
      firsts.set(agent_id, Math.min(started_ms, firsts.get(agent_id) ?? Number.POSITIVE_INFINITY));
    const now_ms = Date.now();
    return {
      count: runs.length,
      open: runs.filter(({ ended_ms }) => ended_ms === null).length,
      ran_ms: quantile(
        runs.flatMap(({ started_ms, ended_ms }) => (ended_ms === null ? [] : [ended_ms - started_ms])),
        0.5,
      ),
      age_ms: [...firsts.values()].map((at_ms) => now_ms - at_ms),
    };
  } finally {
    db.close();
  }
}

/** Processor time that a process has used so far, without its children. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}
