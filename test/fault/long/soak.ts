import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fakeAgent } from '../../support/fake-agent.js';
import { NoxServer } from '../../support/nox-server.js';
import { eventually } from '../../support/wait.js';
import { type LongReport, quantile, type Say, secondsSince } from './report.js';

export interface SoakOptions {
  readonly registered: number;
  readonly awake: number;
  readonly minutes: number;
  readonly say: Say;
}

/** Nox's own memory, however long it works (issue of supervision: 500 registered, 50 awake). */
const LIMIT_MB = 350;
/** What the memory may gain in a minute, by the line through all samples after the warm-up. */
const SLOPE_MB = 1;
const WARM_UP_SHARE = 0.4;
const SAMPLE_MS = 2000;

/**
 * Many registered agents, some of them awake at a time, with mixed work for all: prompts, tools, crashes, wakes of those
 * that sleep, restarts, changes of configuration, lists. Nox must stay small and flat.
 */
export async function runSoak({ registered, awake, minutes, say }: SoakOptions): Promise<LongReport> {
  await using nox = await NoxServer.start({ env: { NOX_LOG_LEVEL: 'error' } });
  const broken: string[] = [];
  const ids = Array.from({ length: registered }, (_, n) => `agent-${String(n).padStart(3, '0')}`);
  const restart = { intensity: 1000, period_s: 60, backoff_ms: { initial: 50, max: 500 } };
  for (const id of ids) await nox.call('agents_create', { body: { ...fakeAgent(id, false), restart } });
  const registered_mb = memoryMb(nox.pid);
  say(`${registered} registered: ${registered_mb.toFixed(0)} MB`);
  // More than may be awake: those that are started later put the earlier ones to sleep, and work wakes them again.
  const active = ids.slice(0, awake * 3);
  for (let n = 0; n < active.length; n += 5)
    await Promise.allSettled(active.slice(n, n + 5).map((id) => nox.call('agents_start', { params: { id } })));
  await eventually('the fleet is awake', async () => (await nox.call('system_status')).agents.running >= awake);
  const began = performance.now();
  const end = began + minutes * 60_000;
  const samples: { at_min: number; mb: number }[] = [];
  let most_awake = 0;
  const done: Record<string, number> = {};
  const count = (what: string): void => void (done[what] = (done[what] ?? 0) + 1);
  say('mixed work begins');

  const work = async (worker: number): Promise<void> => {
    for (let n = worker; performance.now() < end; n += 1) {
      const id = active[(n * 37) % active.length] ?? '';
      const deed = DEEDS[n % DEEDS.length] ?? DEEDS[0];
      if (deed === undefined) return;
      // An agent may just be crashed or be asleep with no room for it: such an answer is work, too.
      await deed.run(nox, id).then(
        () => count(deed.name),
        (error: unknown) => count(`refused: ${(error as { code?: string }).code ?? String(error)}`),
      );
      await delay(20);
    }
  };
  const watch = async (): Promise<void> => {
    while (performance.now() < end) {
      const at_min = (performance.now() - began) / 60_000;
      samples.push({ at_min, mb: memoryMb(nox.pid) });
      await nox.call('system_status').then(
        ({ agents }) => void (most_awake = Math.max(most_awake, agents.running)),
        (error: unknown) => broken.push(`no status after ${at_min.toFixed(1)} min: ${String(error)}`),
      );
      if (samples.length % 30 === 0) say(`${at_min.toFixed(1)} min: ${samples.at(-1)?.mb.toFixed(0)} MB`);
      await delay(SAMPLE_MS);
    }
  };
  await Promise.all([watch(), ...Array.from({ length: 8 }, (_, n) => work(n * 61))]);

  const settled = samples.filter(({ at_min }) => at_min > minutes * WARM_UP_SHARE);
  const all_mb = samples.map(({ mb }) => mb);
  const max_mb = Math.max(...all_mb);
  const slope = slopeOf(settled);
  if (max_mb > LIMIT_MB) broken.push(`${max_mb.toFixed(0)} MB; ${LIMIT_MB} are allowed`);
  if (most_awake > awake) broken.push(`${most_awake} agents were awake; ${awake} may be`);
  if (slope > SLOPE_MB) broken.push(`${slope.toFixed(2)} MB more with each minute`);
  const round = (value: number): number => Math.round(value * 100) / 100;
  const [first = 0] = all_mb;
  const median = quantile(all_mb, 0.5);
  return {
    verdict:
      `${registered} registered, at most ${most_awake} awake, ${minutes} min: memory first ${first.toFixed(0)}, median ${median.toFixed(0)}, ` +
      `max ${max_mb.toFixed(0)} MB (${LIMIT_MB} allowed); slope ${slope.toFixed(2)} MB/min (${SLOPE_MB} allowed)`,
    registered,
    most_awake,
    minutes,
    took_s: secondsSince(began),
    registered_mb: round(registered_mb),
    memory_mb: { first: round(first), median: round(median), max: round(max_mb) },
    last_minutes_mb: {
      median: round(
        quantile(
          settled.map(({ mb }) => mb),
          0.5,
        ),
      ),
    },
    slope_mb_per_min: round(slope),
    work: done,
    violations: broken,
  };
}

interface Deed {
  readonly name: string;
  readonly run: (nox: NoxServer, id: string) => Promise<unknown>;
}

const prompt = (name: string, content: string): Deed => ({
  name,
  run: (nox, id) => nox.call('agents_prompt', { params: { id }, body: { content } }),
});

const DEEDS: readonly Deed[] = [
  prompt('answer', 'say done'),
  prompt('answer', 'slow 20@5 word\nsay done'),
  prompt('tool', 'tool Bash {"command":"echo hi"}\nsay done'),
  { name: 'list', run: (nox) => nox.call('agents_list', { query: { limit: 500 } }) },
  prompt('answer', 'say another'),
  { name: 'change', run: (nox, id) => nox.call('agents_update', { params: { id }, body: { priority: 'high' } }) },
  prompt('crash', 'crash'),
  { name: 'restart', run: (nox, id) => nox.call('agents_restart', { params: { id } }) },
  { name: 'logs', run: (nox, id) => nox.call('agents_logs', { params: { id } }) },
  { name: 'events', run: (nox) => nox.call('events', { query: { follow: 'false', after_seq: 0, limit: 200 } }) },
];

function memoryMb(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

/** Of the line with the least squares, in MB per minute. */
function slopeOf(samples: readonly { at_min: number; mb: number }[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(samples.map(({ at_min }) => at_min));
  const y = mean(samples.map(({ mb }) => mb));
  const over = samples.reduce((sum, { at_min, mb }) => sum + (at_min - x) * (mb - y), 0);
  return over / samples.reduce((sum, { at_min }) => sum + (at_min - x) ** 2, 0);
}
