import { afterEach, describe, expect, it } from '@jest/globals';
import { isLive } from '../../src/agents/agent-state.js';
import type { AgentStatus } from '../../src/contracts/agent.js';
import { fakeAgent, sleeplessAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { setGuardedSettings } from '../support/settings.js';
import { eventually } from '../support/wait.js';

const PLACES = 2;

describe('the places of agents.max_live_agents', () => {
  let nox: NoxServer;
  afterEach(() => nox.close());

  /** The most agents that ever had a process at a time, by what was told of their states. */
  const mostAwake = async (): Promise<number> => {
    const live = new Set<string>();
    let most = 0;
    for (let after_seq = 0; ;) {
      const page = await nox.call('events', { query: { follow: 'false', after_seq, areas: 'agent', limit: 1000 } });
      for (const { type, agent_id = '', payload } of page.events) {
        if (type !== 'agent.status_changed') continue;
        if (isLive((payload as { status: AgentStatus }).status.process_state)) live.add(agent_id);
        else live.delete(agent_id);
        most = Math.max(most, live.size);
      }
      const newest = page.events.at(-1)?.seq;
      if (newest === undefined) return most;
      after_seq = newest;
    }
  };

  it('regression: a restart after a crash and starts at one moment keep to them, and all work gets done', async () => {
    nox = await NoxServer.start();
    await setGuardedSettings(nox, `[agents]\nmax_live_agents = ${PLACES}\n`);
    const ids = Array.from({ length: 4 }, (_, n) => `agent-${n}`);
    const restart = { intensity: 1000, backoff_ms: { initial: 20, max: 50 } };
    for (const id of ids) await nox.call('agents_create', { body: { ...fakeAgent(id, false), restart } });
    // Those that are started later put earlier ones to sleep; with nobody idle a start is refused, and asked for again.
    const start = (id: string) => eventually(`${id} finds a place`, () => nox.call('agents_start', { params: { id } }));
    await Promise.all(ids.map(start));
    const prompt = (id: string, content: string) =>
      nox.call('agents_prompt', { params: { id }, body: { content, wait: true } });
    const crashes = ids.map((id) => prompt(id, 'crash'));
    const works = ids.map((id) => prompt(id, 'say done'));
    expect((await Promise.all(crashes)).map(({ status }) => status)).toEqual(ids.map(() => 'interrupted'));
    expect((await Promise.all(works)).map(({ status, text }) => [status, text])).toEqual(
      ids.map(() => ['complete', 'done']),
    );
    expect(await mostAwake()).toBe(PLACES);
  });

  it('regression: an emergency stop leaves one that waits for its place as it is, and so its work', async () => {
    nox = await NoxServer.start();
    await setGuardedSettings(nox, '[agents]\nmax_live_agents = 1\nstop_grace_ms = 5000\n');
    const status = (id: string) => nox.call('agents_status', { params: { id } });
    await nox.call('agents_create', { body: fakeAgent('waits') });
    await nox.call('agents_create', { body: sleeplessAgent('sleepless') });
    expect(await status('waits')).toMatchObject({ process_state: 'hibernated' });
    const body = { content: 'say done', wait: false };
    const { turn_id } = await nox.call('agents_prompt', { params: { id: 'waits' }, body });
    await eventually('room is made', async () => (await status('sleepless')).process_state === 'stopping');
    await nox.call('system_emergency_stop', { body: {} });
    const turn = () => nox.call('turns_get', { params: { id: turn_id } });
    await eventually('nobody lives', async () => (await status('sleepless')).process_state === 'stopped');
    expect(await status('waits')).toMatchObject({ process_state: 'hibernated', queued_turns: 1 });
    expect(await turn()).toMatchObject({ status: 'queued' });
    await nox.call('system_emergency_clear');
    await eventually('its work is done', async () => (await turn()).status === 'complete');
  });

  it('regression: a group that finds too few of them is refused, and stands as before', async () => {
    nox = await NoxServer.start();
    await setGuardedSettings(nox, '[agents]\nmax_live_agents = 1\n');
    for (const id of ['lead', 'one']) await nox.call('agents_create', { body: fakeAgent(id, false) });
    await nox.call('relationships_add', {
      params: { id: 'lead' },
      body: { target_agent_id: 'one', type: 'supervisor' },
    });
    // One that is below and should run.
    await nox.call('agents_start', { params: { id: 'one' } });
    await nox.call('agents_start', { params: { id: 'lead' } });
    await nox.call('agents_stop', { params: { id: 'lead' } });
    await expect(nox.call('agents_start', { params: { id: 'lead' } })).rejects.toMatchObject({
      code: 'RESOURCE_LIMIT_EXCEEDED',
    });
    const { agents } = await nox.call('agents_list');
    expect(agents.map(({ process_state }) => process_state)).toEqual(['stopped', 'stopped']);
  });
});
