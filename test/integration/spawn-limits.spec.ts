import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';

describe('agents that are made for agents', () => {
  let nox: NoxServer;
  const make = (id: string, parent_id?: string, resource_limits = {}) =>
    nox.call('agents_create', {
      body: { ...fakeAgent(id, false), resource_limits, ...(parent_id === undefined ? {} : { parent_id }) },
    });

  beforeAll(async () => {
    nox = await NoxServer.start();
    await make('parent', undefined, { max_spawn_rate: 2, max_depth: 2 });
  });
  afterAll(() => nox.close());

  it('are limited in an hour, also when they are deleted and Nox starts anew', async () => {
    expect(await make('kid-1', 'parent')).toMatchObject({ parent_id: 'parent' });
    await make('kid-2', 'parent');
    await nox.call('agents_delete', { params: { id: 'kid-2' } });
    await nox.restart('SIGKILL');
    await expect(make('kid-3', 'parent')).rejects.toMatchObject({
      status: 429,
      code: 'RESOURCE_LIMIT_EXCEEDED',
      message: expect.stringMatching(/2 agents made in an hour .*max_spawn_rate.*the next one from 20/),
      details: { agent_id: 'parent', limit: 'max_spawn_rate', max: 2, frees_at: expect.any(String) },
    });
  });

  it('are limited in depth by every agent above them', async () => {
    await make('grandkid', 'kid-1');
    await expect(make('great', 'grandkid', { max_depth: 20 })).rejects.toMatchObject({
      status: 429,
      details: { limit: 'max_depth', max: 2 },
    });
  });

  it('need a parent that is there', async () => {
    await expect(make('stray', 'nobody')).rejects.toMatchObject({ status: 400, details: [{ field: 'parent_id' }] });
  });

  it('leave alone what a person makes and starts', async () => {
    for (let n = 0; n < 12; n += 1) await make(`own-${n}`);
    for (let n = 0; n < 12; n += 1) {
      await nox.call('agents_start', { params: { id: 'kid-1' } });
      await nox.call('agents_stop', { params: { id: 'kid-1' }, body: { force: true } });
    }
  });
});
