import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

describe('an agent that runs away', () => {
  let nox: NoxServer;
  const id = 'runner';
  const status = () => nox.call('agents_status', { params: { id } });
  beforeAll(async () => {
    nox = await NoxServer.start();
    await nox.call('agents_create', { body: fakeAgent(id) });
  });
  afterAll(() => nox.close());

  it('is parked with the reason, and told to the world', async () => {
    const prompt = 'repeat 14 tool mcp__nox__recall {"text":"where was I"}';
    const reply = await nox.call('agents_prompt', { params: { id }, body: { content: prompt } });
    expect(reply.status).toBe('interrupted');
    const parked = await eventually('the agent is parked', async () => {
      const found = await status();
      return found.activity === 'parked' ? found : undefined;
    });
    expect(parked.reason).toContain('it called recall 11 times with the same words within 60 s');
    expect(parked.resume_at).toBeDefined();
    const { events } = await nox.call('events', {
      query: { follow: 'false', agent_id: id, areas: 'agent', limit: 1000 },
    });
    const [storm, ...others] = events.filter(({ type }) => type === 'agent.storm');
    expect(storm?.payload).toMatchObject({ storm: 'repeated_call', resume_at: parked.resume_at });
    expect(others).toEqual([]);
  });

  it('is given no message while it is parked', async () => {
    const sent = await nox.call('messages_send', { body: { to: id, content: 'say hello', priority: 'critical' } });
    expect((await nox.call('messages_get', { params: { id: sent.id } })).status).toBe('queued');
    expect((await status()).activity).toBe('parked');
  });

  it('goes on when a person prompts it', async () => {
    const reply = await nox.call('agents_prompt', { params: { id }, body: { content: 'say calm again' } });
    expect(reply).toMatchObject({ status: 'complete', text: 'calm again' });
    await eventually('nothing holds it', async () => (await status()).activity === 'idle');
  });
});
