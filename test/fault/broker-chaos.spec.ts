import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RedisServer } from '../support/redis-server.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';

const ROOT = join(import.meta.dirname, '../..');
const MESSAGES = Number(process.env['NOX_CHAOS_MESSAGES'] ?? 10_000);
const KILLS = Number(process.env['NOX_CHAOS_KILLS'] ?? 10);
const AGENTS = 20;

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

/** One life of the worker; ends by itself, or is killed after `kill_after_ms` of being up. */
async function live(home: string, url: string | undefined, kill_after_ms: number | undefined): Promise<boolean> {
  const env = { PATH: process.env['PATH'] ?? '', ...(url === undefined ? {} : { NOX_REDIS_URL: url }) };
  const child = spawn(process.execPath, ['--no-warnings', program, home, String(MESSAGES), String(AGENTS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  let finished = false;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'done') finished = true;
    if (line === 'up' && kill_after_ms !== undefined) setTimeout(() => child.kill('SIGKILL'), kill_after_ms);
  }
  const [status, signal] = await ended;
  expect({ status, signal }).toEqual(finished ? { status: 0, signal: null } : { status: null, signal: 'SIGKILL' });
  return finished;
}

describe.each(['sqlite', 'redis'] as const)('the broker on %s, killed at random', (adapter) => {
  it(`loses no acknowledged message and lets no effect happen twice, ${MESSAGES} messages, ${KILLS} kills`, async () => {
    await using redis = adapter === 'redis' ? await RedisServer.start() : undefined;
    await using dir = await makeTempDir('nox-broker-chaos-');
    let random = 20261121;
    const next = (below: number): number => {
      random = (random * 1103515245 + 12345) % 2 ** 31;
      return random % below;
    };
    let kills = 0;
    for (let finished = false; !finished;) {
      const after_ms = kills < KILLS ? 100 + next(900) : undefined;
      const life = live(dir.path, redis?.url, after_ms);
      // Every second life Redis is killed, too: while it is used, and it stays away for a while.
      if (redis !== undefined && kills % 2 === 1) {
        await delay(next(600));
        await redis.kill();
        await delay(next(300));
        await redis.boot();
      }
      finished = await life;
      kills += 1;
    }
    const linesOf = async (name: string): Promise<string[]> =>
      (await readFile(join(dir.path, name), 'utf8')).split('\n').filter((line) => line !== '');
    const acked = new Set(await linesOf('acked'));
    const effects = (await linesOf('effects')).map((line) => {
      const [id = '', to = '', priority = '', attempt = '', producer = '', n = ''] = line.split(' ');
      return { id, to, priority, attempt: Number(attempt), producer, n: Number(n) };
    });
    expect(acked.size).toBe(Math.ceil(MESSAGES / 50) * 50);
    const sent = new Set(effects.map(({ producer, n }) => `${producer} ${n}`));
    expect([...acked].filter((each) => !sent.has(each))).toEqual([]);
    expect(effects).toHaveLength(acked.size);
    // Order: first deliveries of one sender, priority and recipient.
    const last = new Map<string, number>();
    const disordered = effects.filter(({ to, priority, producer, n, attempt }) => {
      const key = `${to} ${priority} ${producer}`;
      const before = last.get(key) ?? -1;
      if (attempt === 1) last.set(key, Math.max(before, n));
      return attempt === 1 && n < before;
    });
    expect(disordered).toEqual([]);
    process.stderr.write(`broker on ${adapter}: ${acked.size} acked, ${kills} lives, 0 lost, 0 twice\n`);
  }, 1_800_000);
});
