import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RedisServer } from '../support/redis-server.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';

const ROOT = join(import.meta.dirname, '../..');
const MESSAGES = Number(process.env['NOX_CHAOS_MESSAGES'] ?? 50_000);
const KILLS = Number(process.env['NOX_CHAOS_KILLS'] ?? 20);
const AGENTS = 10;
const PRODUCERS = 50;
/** Agents killed in each life of Nox. */
const KILLS_PER_LIFE = 4;
/** Of five steps four go to all agents, one to a single one. */
const recipientsOf = (n: number): number => (n % 5 === 4 ? 1 : AGENTS);
const STEPS = Math.ceil((MESSAGES * 5) / (4 * AGENTS + 1) / PRODUCERS) * PRODUCERS;

let build: TempDir;
let program: string;
beforeAll(async () => {
  build = await makeTempDir('nox-broker-worker-');
  program = join(build.path, 'worker.mjs');
  await promisify(execFile)(join(ROOT, 'node_modules/.bin/esbuild'), [
    join(ROOT, 'test/fault/broker-worker.ts'),
    '--bundle',
    '--platform=node',
    '--format=esm',
    `--outfile=${program}`,
    '--log-level=error',
    '--external:@nestjs/websockets/socket-module',
    '--external:@nestjs/microservices',
    '--external:class-validator',
    '--external:class-transformer',
    "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  ]);
});
afterAll(() => build.remove());

/** When something dies in a life of the worker: after so many messages that its agents have acted on. */
interface Plan {
  readonly worker: number | undefined;
  readonly redis: number | undefined;
  readonly agents: readonly number[];
}

/** One life of the worker, until it is killed or has done all. Kills go by what was done, not by the clock: they meet work on any machine. */
async function live(given: {
  home: string;
  redis: RedisServer | undefined;
  plan: Plan;
  next: (below: number) => number;
}): Promise<{ finished: boolean; agents_killed: number; redis_killed: number }> {
  const { home, redis, plan, next } = given;
  const env = {
    PATH: process.env['PATH'] ?? '',
    NODE_COMPILE_CACHE: join(build.path, 'compiled'),
    ...(redis === undefined ? {} : { NOX_REDIS_URL: redis.url }),
  };
  const agent = join(ROOT, 'test/fault/broker-agent.sh');
  const child = spawn(process.execPath, ['--no-warnings', program, home, String(STEPS), String(AGENTS), agent], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    env,
  });
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  const all_gone = once((child.stdio[3] as Readable).resume(), 'close');
  const living = new Set<number>();
  const agents_due = [...plan.agents];
  let [finished, done, agents_killed, redis_killed] = [false, 0, 0, 0];
  let away = Promise.resolve();
  const killAgent = (): void => {
    const pid = [...living][next(Math.max(1, living.size))];
    if (pid === undefined) return;
    agents_due.shift();
    living.delete(pid);
    process.kill(pid, 'SIGKILL');
    agents_killed += 1;
  };
  const killRedis = async (server: RedisServer): Promise<void> => {
    await server.kill();
    await delay(next(200));
    await server.boot();
  };
  for await (const line of createInterface({ input: child.stdout as Readable })) {
    const [word, number] = line.split(' ');
    if (word === 'agent') living.add(Number(number));
    if (word === 'gone') living.delete(Number(number));
    if (word === 'done') finished = true;
    if (word === 'did') done += Number(number);
    if (done >= (agents_due[0] ?? Infinity)) killAgent();
    if (redis !== undefined && redis_killed === 0 && done >= (plan.redis ?? Infinity)) {
      redis_killed += 1;
      away = killRedis(redis);
    }
    if (done >= (plan.worker ?? Infinity)) child.kill('SIGKILL');
  }
  const [status, signal] = await ended;
  await Promise.all([away, all_gone]);
  expect({ status, signal }).toEqual(finished ? { status: 0, signal: null } : { status: null, signal: 'SIGKILL' });
  return { finished, agents_killed, redis_killed };
}

describe.each(['sqlite', 'redis'] as const)('the broker on %s, killed at random with its agents', (adapter) => {
  it(`loses no acknowledged message and lets no effect happen twice, ${MESSAGES} messages, ${KILLS} kills`, async () => {
    await using redis = adapter === 'redis' ? await RedisServer.start() : undefined;
    await using dir = await makeTempDir('nox-broker-chaos-');
    let random = 20261121;
    const next = (below: number): number => {
      random = (random * 1103515245 + 12345) % 2 ** 31;
      return random % below;
    };
    const linesOf = async (name: string): Promise<string[]> =>
      (await readFile(join(dir.path, name), 'utf8')).split('\n').filter((line) => line !== '');
    const kills = { worker: 0, redis: 0, agent: 0 };
    // So that all planned kills come before the work is done.
    const most = Math.floor((1.2 * MESSAGES) / Math.max(1, KILLS));
    for (let finished = false; !finished;) {
      const worker = kills.worker < KILLS ? next(most) : undefined;
      const below = Math.max(1, worker ?? most);
      const plan = {
        worker,
        redis: kills.worker % 2 === 1 ? next(below) : undefined,
        agents: Array.from({ length: KILLS_PER_LIFE }, () => next(below)).sort((a, b) => a - b),
      };
      const life = await live({ home: dir.path, redis, plan, next });
      ({ finished } = life);
      kills.agent += life.agents_killed;
      kills.redis += life.redis_killed;
      if (finished) break;
      kills.worker += 1;
      if (kills.worker % 10 === 0) {
        const sent = (await linesOf('acked')).length;
        process.stderr.write(`broker on ${adapter}: ${JSON.stringify(kills)} kills, ${sent} of ${STEPS} sends\n`);
      }
    }
    expect(kills.worker).toBe(KILLS);
    const acked = new Set(await linesOf('acked'));
    const files = await Promise.all(Array.from({ length: AGENTS }, (_, n) => linesOf(`effects-agent-${n}`)));
    const effects = files.flat().map((line) => {
      const [id = '', to = '', priority = '', attempt = '', producer = '', n = ''] = line.split(' ');
      return { id, to, priority, attempt: Number(attempt), producer, n: Number(n) };
    });
    expect(acked.size).toBe(STEPS);
    const times = new Map<string, number>();
    for (const { producer, n } of effects) times.set(`${producer} ${n}`, (times.get(`${producer} ${n}`) ?? 0) + 1);
    const wrong = [...acked].filter((each) => times.get(each) !== recipientsOf(Number(each.split(' ')[1])));
    expect(wrong).toEqual([]);
    expect(new Set(effects.map(({ id }) => id)).size).toBe(effects.length);
    expect(new Set(effects.map(({ producer, n, to }) => `${producer} ${n} ${to}`)).size).toBe(effects.length);
    // Order: first deliveries of one sender, priority and recipient.
    const last = new Map<string, number>();
    const disordered = effects.filter(({ to, priority, producer, n, attempt }) => {
      const key = `${to} ${priority} ${producer}`;
      const before = last.get(key) ?? -1;
      if (attempt === 1) last.set(key, Math.max(before, n));
      return attempt === 1 && n < before;
    });
    expect(disordered).toEqual([]);
    const again = effects.filter(({ attempt }) => attempt > 1).length;
    process.stderr.write(
      `broker on ${adapter}: ${effects.length} messages, kills ${JSON.stringify(kills)}, ${again} handed over again: 0 lost, 0 twice, 0 out of order\n`,
    );
  }, 7_200_000);
});
