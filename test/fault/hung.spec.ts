import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';
import { eventually } from '../support/wait.js';
import { livingOf, programsOf } from './fault-support.js';

const WARN_S = 1;
const HUNG_MS = 3 * WARN_S * 1000;
/** RELIABILITY P6: found within the deadline and this much. */
const TOLERANCE_MS = 1000;

describe('hung agents', () => {
  let nox: NoxServer;
  let folder: TempDir;

  beforeEach(async () => {
    folder = await makeTempDir('nox-fake-');
    nox = await NoxServer.start({ env: { FAKE_AGENT_HOME: folder.path } });
    await nox.kill('SIGTERM');
    writeFileSync(
      join(nox.registry, 'system-config.toml'),
      `schema_version = 1\n[agents.health]\nsilent_turn_warn_s = ${WARN_S}\nsample_every_s = 1\n`,
    );
    await nox.boot();
  });
  afterEach(async () => {
    await nox.close();
    expect(livingOf(folder.path)).toEqual([]);
    await folder.remove();
  });

  const prompt = (id: string, content: string, wait = false) =>
    nox.call('agents_prompt', { params: { id }, body: { content, wait } });
  const turn = (id: string) => nox.call('turns_get', { params: { id } });
  const pidsNow = () =>
    programsOf(folder.path)
      .map(({ pid }) => pid)
      .sort((a, b) => a - b);
  const silences = async () =>
    (await nox.call('events', { query: { follow: 'false', areas: 'agent', after_seq: 0, limit: 1000 } })).events
      .filter(({ type }) => type === 'agent.silent')
      .map(({ agent_id, payload }) => `${agent_id} ${(payload as { verdict: string }).verdict}`);

  it('finds one that hangs, one that spins and one that is deaf, says so, ends and restarts them', async () => {
    const ids = ['hangs', 'spins', 'deaf'];
    await Promise.all(ids.map((id) => nox.call('agents_create', { body: fakeAgent(id) })));
    await prompt('deaf', 'deaf\nsay gone', true);
    const before = new Set(programsOf(folder.path).map(({ pid }) => pid));
    const turns = await Promise.all([
      prompt('hangs', 'say begun\nhang'),
      prompt('spins', 'spin'),
      prompt('deaf', 'say never'),
    ]);
    const ended = await Promise.all(
      turns.map(({ turn_id }) =>
        eventually('its end', async () => {
          const found = await turn(turn_id);
          return found.status === 'running' || found.status === 'queued' ? undefined : found;
        }),
      ),
    );
    for (const found of ended) {
      expect(found).toMatchObject({
        status: 'interrupted',
        reason: expect.stringMatching(/^the process ended: hung: nothing was heard of its turn for \d s$/),
      });
      const took_ms = Date.parse(found.ended_at ?? '') - Date.parse(found.started_at ?? '');
      expect(took_ms).toBeGreaterThanOrEqual(HUNG_MS);
      expect(took_ms).toBeLessThan(HUNG_MS + 2 * TOLERANCE_MS);
    }
    expect((await silences()).sort()).toEqual(ids.flatMap((id) => [`${id} hung`, `${id} warn`]).sort());
    for (const id of ids) {
      await eventually(
        `${id} is back`,
        async () => (await nox.call('agents_status', { params: { id } })).status === 'idle',
      );
      expect((await prompt(id, 'say back', true)).text).toBe('back');
    }
    const after = programsOf(folder.path);
    expect(after).toHaveLength(ids.length);
    expect(after.filter(({ pid }) => before.has(pid))).toEqual([]);
  });

  it('leaves slow words, a long tool and a call that waits for a person alone', async () => {
    const ids = ['slow', 'tool', 'asks', 'idle'];
    await Promise.all(ids.map((id) => nox.call('agents_create', { body: fakeAgent(id) })));
    const pids = pidsNow();
    const slow = prompt('slow', 'slow 14@500 word', true);
    const asks = prompt('asks', 'tool Bash {"command":"touch made.txt"}\nsay made', true);
    const tool = await prompt('tool', 'tool Bash {"command":"sleep 6"}\nsay slept');
    const approvals = async (agent_id: string) =>
      (await nox.call('approvals_list', { query: { status: 'pending' } })).approvals.filter(
        (a) => a.agent_id === agent_id,
      );
    const [sleep] = await eventually('the tool asks', async () => {
      const found = await approvals('tool');
      return found.length > 0 ? found : undefined;
    });
    await nox.call('approvals_approve', { params: { id: sleep?.id ?? '' }, body: {} });
    expect(await nox.call('agents_status', { params: { id: 'asks' } })).toMatchObject({
      activity: 'waiting_approval',
      observed: { activity: { source: 'tool question' } },
    });
    expect((await slow).status).toBe('complete');
    await eventually('the tool ended', async () => (await turn(tool.turn_id)).status === 'complete');
    const [question] = await approvals('asks');
    await nox.call('approvals_approve', { params: { id: question?.id ?? '' }, body: {} });
    expect((await asks).text).toBe('made');
    expect(await silences()).toEqual([]);
    expect(pidsNow()).toEqual(pids);
    const status = await eventually('it is idle', async () => {
      const found = await nox.call('agents_status', { params: { id: 'asks' } });
      return found.activity === 'idle' ? found : undefined;
    });
    expect(status).toMatchObject({
      observed: { process: { source: 'initialize reply' }, activity: { source: 'result' } },
    });
    expect(Date.parse(status.last_output_at ?? '')).toBeGreaterThan(Date.parse(status.process_state_since));
  });
});
