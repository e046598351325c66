import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';
import { eventually } from '../support/wait.js';
import { livingOf, programsOf } from './fault-support.js';

const AGENTS = 20;
const LIMIT_MS = 3000;

describe('emergency stop', () => {
  let nox: NoxServer;
  let folder: TempDir;

  beforeEach(async () => {
    folder = await makeTempDir('nox-fake-');
    nox = await NoxServer.start({ env: { FAKE_AGENT_HOME: folder.path } });
  });
  afterEach(async () => {
    await nox.close();
    expect(livingOf(folder.path)).toEqual([]);
    await folder.remove();
  });

  const prompt = (id: string, content: string, wait = false) =>
    nox.call('agents_prompt', { params: { id }, body: { content, wait } });
  const turn = (id: string) => nox.call('turns_get', { params: { id } });
  const status = (id: string) => nox.call('agents_status', { params: { id } });
  const stop = (reason?: string) => nox.call('system_emergency_stop', { body: reason === undefined ? {} : { reason } });
  const marker = () => join(nox.home, 'emergency-stop');

  it(`ends ${AGENTS} agents at work in under 3 s, bars every start over a crash of Nox, and clears`, async () => {
    const ids = Array.from({ length: AGENTS }, (_, n) => `agent-${n}`);
    await Promise.all(ids.map((id) => nox.call('agents_create', { body: fakeAgent(id) })));
    const running = await Promise.all(ids.map((id) => prompt(id, 'ignore-signals\nspawn 1\nsay begun\nhang')));
    const [first = ''] = ids;
    await nox.call('agents_create', { body: fakeAgent('asks') });
    void prompt('asks', 'tool Bash {"command":"touch made.txt"}', true).catch(() => undefined);
    const waiting = await prompt(first, 'say after');
    await eventually(
      'all at work',
      async () =>
        livingOf(folder.path).length >= 2 * AGENTS &&
        (await nox.call('approvals_list', { query: { status: 'pending' } })).approvals.length === 1,
    );

    const began = performance.now();
    const reply = await stop('runaway costs');
    const took_ms = performance.now() - began;
    expect(livingOf(folder.path)).toEqual([]);
    expect(took_ms).toBeLessThan(LIMIT_MS);
    expect(reply).toMatchObject({
      ended: AGENTS + 1,
      problems: [],
      emergency_stop: { actor: 'admin', reason: 'runaway costs' },
    });
    expect((await nox.call('approvals_list', { query: { status: 'pending' } })).approvals).toEqual([]);
    for (const { turn_id } of running) {
      const ended = await eventually('its turn ended', async () => {
        const found = await turn(turn_id);
        return found.status === 'running' ? undefined : found;
      });
      expect(ended).toMatchObject({
        status: 'interrupted',
        reason: 'the process ended: emergency stop by admin: runaway costs',
      });
    }
    expect(await turn(waiting.turn_id)).toMatchObject({ status: 'queued' });

    const bars = async () => {
      const refusal = { status: 409, code: 'INVALID_STATE' };
      await expect(nox.call('agents_start', { params: { id: first } })).rejects.toMatchObject(refusal);
      await expect(nox.call('agents_start', { params: { id: first } })).rejects.toThrow(/emergency stop by admin/);
      await expect(nox.call('agents_restart', { params: { id: first } })).rejects.toMatchObject(refusal);
      await expect(prompt(first, 'say more')).rejects.toThrow(/emergency stop/);
      await expect(nox.call('agents_create', { body: fakeAgent('late') })).rejects.toMatchObject(refusal);
      await expect(nox.call('agents_get', { params: { id: 'late' } })).rejects.toMatchObject({ status: 404 });
      expect(await status(first)).toMatchObject({
        status: 'inactive',
        desired_state: 'active',
        reason: expect.stringContaining('runaway costs'),
      });
      expect(await nox.call('system_status')).toMatchObject({
        status: 'degraded',
        emergency_stop: { reason: 'runaway costs' },
        components: { emergency_stop: { status: 'degraded' } },
      });
      expect(livingOf(folder.path)).toEqual([]);
    };
    await bars();
    await nox.restart('SIGKILL');
    await bars();
    const { events } = await nox.call('events', { query: { follow: 'false', areas: 'system', after_seq: 0 } });
    expect(events.map(({ type }) => type)).toContain('system.emergency_stopped');

    expect(await nox.call('system_emergency_clear')).toMatchObject({ emergency_stop: null, problems: [] });
    expect(existsSync(marker())).toBe(false);
    const after = await eventually('what waited runs', async () => {
      const found = await turn(waiting.turn_id);
      return found.status === 'complete' ? found : undefined;
    });
    expect(after.text).toBe('after');
    await eventually('all run again', () => programsOf(folder.path).length === AGENTS + 1);
  });

  it('is in force after a start when either the marker or the journal says so, also a torn marker', async () => {
    await nox.call('agents_create', { body: fakeAgent('one') });
    await stop();
    const text = readFileSync(marker(), 'utf8');
    await nox.kill();
    rmSync(marker());
    await nox.boot();
    expect((await nox.call('system_status')).emergency_stop).toEqual(JSON.parse(text));
    await nox.call('system_emergency_clear');
    await eventually('it runs', () => programsOf(folder.path).length === 1);
    await nox.kill();
    writeFileSync(marker(), '');
    await nox.boot();
    expect((await nox.call('system_status')).emergency_stop).toMatchObject({ actor: 'unknown' });
    expect(programsOf(folder.path)).toEqual([]);
  });

  it('is for operators, its end for admins', async () => {
    const password = 'another password for tests';
    await nox.call('users_create', { body: { username: 'olga', password, role: 'operator' } });
    const login = await fetch(`${nox.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'olga', password }),
    });
    const { access_token } = (await login.json()) as { access_token: string };
    const post = async (path: string) =>
      (
        await fetch(`${nox.url}/api/v1/system/${path}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${access_token}` },
        })
      ).status;
    expect(await post('emergency-stop')).toBe(200);
    expect(await post('emergency-stop/clear')).toBe(403);
  });
});
