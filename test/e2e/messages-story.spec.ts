import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MessageDetail } from '../../src/contracts/message.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** Agents that talk, lived once with real Claude CLIs on the scripted model: each step goes on where the one before ended. */
describe('a lead and its helper', () => {
  let nox: NoxServer;
  const prompt = (id: string, content: string, wait = true) =>
    nox.call('agents_prompt', { params: { id }, body: { content, wait } });
  const turns = async (id: string) => (await nox.call('agents_conversation', { params: { id } })).turns;
  const from = async (sender: string): Promise<MessageDetail[]> => {
    const { messages } = await nox.call('messages_list', { query: { from: sender } });
    return Promise.all(messages.map(({ id }) => nox.call('messages_get', { params: { id } })));
  };
  const use = (tool: string, input: object) => `tool mcp__nox__${tool} ${JSON.stringify(input)}`;

  beforeAll(async () => {
    nox = await NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } });
    await nox.call('agents_create', { body: { id: 'lead', name: 'Lead', capabilities: ['planning'], start: true } });
  });
  afterAll(() => nox.close());

  it('asks for a helper, whom a person approves', async () => {
    const spawn = {
      id: 'helper',
      name: 'Helper',
      system_prompt: 'You help.',
      capabilities: ['review'],
      reason: 'too much work',
    };
    const asked = await prompt('lead', `${use('spawn_agent', spawn)}\nsay done`, false);
    const approval = await eventually(
      'a request',
      async () => (await nox.call('approvals_list', { query: { status: 'pending' } })).approvals[0],
    );
    expect(approval).toMatchObject({
      agent_id: 'lead',
      request_type: 'agent_creation',
      risk_level: 'high',
      input: spawn,
    });
    const none = await nox.call('agents_list', { query: {} });
    expect(none.agents.map(({ id }) => id)).toEqual(['lead']);
    await nox.call('approvals_approve', { params: { id: approval.id }, body: {} });
    await eventually(
      'the end of the turn',
      async () => (await nox.call('turns_get', { params: { id: asked.turn_id } })).ended_at !== null,
    );
    const helper = await nox.call('agents_get', { params: { id: 'helper' } });
    expect(helper).toMatchObject({ parent_id: 'lead', process_state: 'running', capabilities: ['review'] });
  });

  it('finds it by what it can do', async () => {
    const reply = await prompt('lead', use('query_registry', { capability: 'review' }));
    expect(reply.text).toContain('"id":"helper"');
  });

  it('sends it messages of every priority; each has its receipt and its ack', async () => {
    const send = (priority: string) => use('send_message', { to: 'helper', content: `say got ${priority}`, priority });
    await prompt('lead', ['low', 'medium', 'high', 'critical'].map(send).join('\n'));
    const sent = await eventually('four acks', async () => {
      const found = await from('lead');
      return found.length === 4 && found.every(({ status }) => status === 'acked') ? found : undefined;
    });
    for (const message of sent) {
      expect(message).toMatchObject({ sent_by: 'agent:lead', to: 'helper', attempt: expect.any(Number) });
      expect(message.deliveries.at(-1)).toMatchObject({ outcome: 'acked' });
      expect(message.delivered_at).not.toBeNull();
    }
    const [turn] = await turns('helper');
    expect(turn).toMatchObject({ source: 'agent:lead' });
    expect(turn?.prompt).toContain('from the agent "lead"');
  });

  it('is answered, and the answer names what it answers', async () => {
    const [first] = await from('lead');
    await prompt('helper', use('send_message', { to: 'lead', content: 'say thanks', reply_to: first?.id ?? '' }));
    const answer = await eventually('the answer is acked', async () =>
      (await from('helper')).find(({ status }) => status === 'acked'),
    );
    expect(answer).toMatchObject({ reply_to: first?.id, thread_id: first?.thread_id, hops: 1 });
  });

  it('interrupts what it does with a critical one, and it goes on afterwards', async () => {
    const long = await prompt('helper', 'slow 600@100 word', false);
    await eventually('the turn talks', async () => {
      const query = { follow: 'false', agent_id: 'helper', areas: 'turn', limit: 1000 } as const;
      return (await nox.call('events', { query })).events.some(({ type }) => type === 'turn.text_delta');
    });
    await prompt('lead', use('send_message', { to: 'helper', content: 'say stopped for you', priority: 'critical' }));
    const urgent = await eventually('the critical one is acked', async () =>
      (await from('lead')).find(({ content, status }) => content.includes('for you') && status === 'acked'),
    );
    const read = await nox.call('turns_get', { params: { id: urgent.turn_id ?? '' } });
    expect(read).toMatchObject({ status: 'complete', text: 'stopped for you', source: 'agent:lead' });
    const resumed = await eventually('the long turn runs again', async () => {
      const turn = await nox.call('turns_get', { params: { id: long.turn_id } });
      return turn.status === 'running' ? turn : undefined;
    });
    expect(resumed.ended_at).toBeNull();
    await nox.call('turns_cancel', { params: { id: long.turn_id } });
  });

  it('keeps facts for later sessions, in the record', async () => {
    await prompt('helper', use('remember', { text: 'the tests live in test/', tags: ['layout'] }));
    const reply = await prompt('helper', use('recall', { text: 'tests' }));
    expect(reply.text).toContain('the tests live in test/');
  });

  it('audits each use of a tool', async () => {
    const query = { follow: 'false', agent_id: 'lead', areas: 'agent', limit: 1000 } as const;
    const used = (await nox.call('events', { query })).events.filter(({ type }) => type === 'agent.tool_used');
    expect(used.length).toBeGreaterThanOrEqual(7);
    expect(used[0]?.payload).toMatchObject({ caller: 'agent:lead', tool: 'spawn_agent', is_error: false });
  });
});
