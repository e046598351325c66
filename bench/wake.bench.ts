import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { ScriptedModel } from '../src/scripted-model/scripted-model.js';
import { CLAUDE_PATH, claudeEnv } from '../test/support/claude-env.js';
import { NoxServer } from '../test/support/nox-server.js';
import { makeTempDir } from '../test/support/temp-dir.js';
import { eventually, firstOf } from '../test/support/wait.js';
import type { Bench, Row } from './lib/bench.js';
import { createAgents } from './lib/fleet.js';
import { median } from './lib/stats.js';

/** A prompt to a hibernated agent, to the first piece of its answer: the real CLI on the scripted model. */
export const wake: Bench = {
  name: 'wake',
  async run({ quick }): Promise<Row[]> {
    const rounds = quick ? 2 : 7;
    const alone = await measureAlone(rounds);
    const others = quick ? 40 : 499;
    const { few, many } = await measureNox(rounds, others);
    const row = (what: string, samples: readonly number[]): Row => ({
      what: `hibernated agent: prompt to first text, real CLI${what}`,
      unit: 'ms',
      median: median(samples),
      target: { below: 1200 },
      beside: [{ name: 'CLI alone, new session', median: median(alone) }],
      runs: rounds,
    });
    return [row('', few), row(`, ${others + 1} registered`, many)];
  },
};

async function measureNox(rounds: number, others: number): Promise<{ few: number[]; many: number[] }> {
  // Without a login of Claude's, Nox takes its scripted model by itself.
  await using server = await NoxServer.start();
  const params = { id: 'sleeper' };
  await server.call('agents_create', { body: { id: params.id, name: 'Sleeper', start: true } });
  await server.call('agents_prompt', { params, body: { content: 'say good night' } });
  const status = () => server.call('agents_status', { params });
  const wakes = async (): Promise<number[]> => {
    const samples: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await eventually('the agent is idle', async () => (await status()).activity === 'idle');
      await server.call('agents_hibernate', { params });
      await eventually('the agent sleeps', async () => (await status()).process_state === 'hibernated');
      const start = performance.now();
      const frames = server.client.prompt(params.id, 'say good morning');
      await firstOf('first text', frames, (frame) => frame.event === 'content');
      samples.push(performance.now() - start);
    }
    return samples;
  };
  const few = await wakes();
  await createAgents(server, others);
  return { few, many: await wakes() };
}

async function measureAlone(rounds: number): Promise<number[]> {
  await using dir = await makeTempDir('nox-bench-');
  const api_key = randomUUID();
  const model = new ScriptedModel({ api_key });
  const { url } = await model.listen();
  const samples: number[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      const start = performance.now();
      const flags = '-p --input-format stream-json --output-format stream-json --verbose --include-partial-messages';
      const cli = spawn(CLAUDE_PATH, [...flags.split(' '), '--setting-sources', ''], {
        cwd: dir.path,
        env: claudeEnv({ config_dir: dir.path, base_url: url, api_key }),
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      const ended = once(cli, 'exit');
      const message = { role: 'user', content: 'say good morning' };
      cli.stdin.write(`${JSON.stringify({ type: 'user', message, parent_tool_use_id: null, session_id: '' })}\n`);
      await firstOf('first text', createInterface({ input: cli.stdout }), (line) => line.includes('"text_delta"'));
      samples.push(performance.now() - start);
      cli.kill('SIGTERM');
      await ended;
    }
  } finally {
    await model.close();
  }
  return samples;
}
