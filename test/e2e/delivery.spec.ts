import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { MessageDetail } from '../../src/contracts/message.js';
import type { Turn } from '../../src/contracts/turn.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

type Priority = 'critical' | 'high' | 'medium' | 'low';

/** How messages reach an agent, row by row of the design's table. A script in a message is followed by the model. */
describe.each(['the real Claude CLI', 'the fake agent'])('messages into %s', (which) => {
  let nox: NoxServer;
  let count = 0;
  let id: string;
  beforeAll(async () => {
    nox = await NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } });
  });
  afterAll(() => nox.close());
  afterEach(async () => {
    await nox.call('agents_stop', { params: { id }, body: { force: true } }).catch(() => undefined);
  });

  async function agent(idle = {}): Promise<void> {
    count += 1;
    id = `worker-${count}`;
    const body = which === 'the fake agent' ? fakeAgent(id) : { id, name: id, start: true };
    await nox.call('agents_create', { body: { ...body, idle } });
  }
  const send = (content: string, priority: Priority = 'medium') =>
    nox.call('messages_send', { body: { to: id, content, priority } });
  const message = (message_id: string) => nox.call('messages_get', { params: { id: message_id } });
  const reached = (message_id: string, status: MessageDetail['status']) =>
    eventually(`message ${status}`, async () => {
      const found = await message(message_id);
      return found.status === status ? found : undefined;
    });
  const turns = async (): Promise<Turn[]> => (await nox.call('agents_conversation', { params: { id } })).turns;
  const prompt = (content: string) => nox.call('agents_prompt', { params: { id }, body: { content, wait: false } });
  const talking = () =>
    eventually('the turn talks', async () => {
      const { events } = await nox.call('events', {
        query: { follow: 'false', agent_id: id, areas: 'turn', limit: 1000 },
      });
      return events.some(({ type }) => type === 'turn.text_delta');
    });

  it('begins a turn with it when the agent is idle: receipt, then ack', async () => {
    await agent();
    const { id: message_id } = await send('say thank you');
    const acked = await reached(message_id, 'acked');
    expect(acked.delivered_at).not.toBeNull();
    const [turn] = await turns();
    expect(turn).toMatchObject({
      id: acked.turn_id,
      source: 'user',
      actor: 'user:admin',
      status: 'complete',
      text: 'thank you',
    });
    expect(turn?.prompt).toContain('from the user "admin" (priority medium):\n> say thank you');
    expect(acked.deliveries).toEqual([expect.objectContaining({ attempt: 1, outcome: 'acked', turn_id: turn?.id })]);
    const { events } = await nox.call('events', {
      query: { follow: 'false', agent_id: id, areas: 'message', limit: 100 },
    });
    expect(events.map(({ type }) => type)).toEqual(['message.published', 'message.delivered', 'message.acked']);
  });

  it('lets a medium one wait for the end of the turn', async () => {
    await agent();
    await prompt('slow 12@100 word');
    await talking();
    const { id: message_id } = await send('say later');
    expect((await reached(message_id, 'acked')).deliveries).toHaveLength(1);
    expect((await turns()).map(({ text, status }) => [status, text.slice(0, 5)])).toEqual([
      ['complete', 'word '],
      ['complete', 'later'],
    ]);
  });

  it('interrupts the turn for a critical one, which then goes on', async () => {
    await agent();
    await prompt('slow 100@100 word');
    await talking();
    const { id: message_id } = await send('say at once', 'critical');
    await reached(message_id, 'acked');
    const [first, second] = await turns();
    expect(second).toMatchObject({ text: 'at once', status: 'complete' });
    expect(Date.parse(second?.ended_at ?? '')).toBeGreaterThan(0);
    const again = await eventually('the interrupted turn runs again', async () => {
      const turn = (await turns()).find((each) => each.id === first?.id);
      return turn?.status === 'running' ? turn : undefined;
    });
    expect(again.queued_at).toBe(first?.queued_at);
    await nox.call('turns_cancel', { params: { id: again.id } });
  });

  it('steers a high one into the turn at the next tool call', async () => {
    await agent();
    const { turn_id } = await prompt(
      'slow 10@100 word\ntool Bash {"command":"echo one","description":"x"}\nsay working\ntool Bash {"command":"echo two","description":"x"}\nhistory',
    );
    await talking();
    const { id: message_id } = await send('mind the step', 'high');
    const acked = await reached(message_id, 'acked');
    expect(acked.turn_id).toBe(turn_id);
    const [turn, ...others] = await turns();
    expect(others).toEqual([]);
    expect(turn?.text).toContain('mind the step');
  });

  it('hands low ones to an idle agent together', async () => {
    await agent();
    await prompt('slow 12@100 word');
    await talking();
    const sent = [];
    for (const text of ['one', 'two', 'three']) sent.push(await send(`say ${text}`, 'low'));
    const [first, ...rest] = await Promise.all(sent.map((each) => reached(each.id, 'acked')));
    expect(rest.map(({ turn_id }) => turn_id)).toEqual([first?.turn_id, first?.turn_id]);
    expect((await turns()).at(-1)?.text).toBe('one\ntwo\nthree');
  });

  it('hands nothing over while a call waits for a person', async () => {
    await agent();
    await prompt('tool Bash {"command":"rm -rf build","description":"x"}\nsay cleaned');
    const approval = await eventually('a request', async () =>
      (await nox.call('approvals_list', { query: { status: 'pending', agent_id: id } })).approvals.at(0),
    );
    const urgent = await send('say urgent', 'critical');
    const high = await send('say high', 'high');
    expect((await message(urgent.id)).status).toBe('queued');
    await nox.call('approvals_approve', { params: { id: approval.id }, body: {} });
    await reached(urgent.id, 'acked');
    await reached(high.id, 'acked');
    expect((await message(high.id)).deliveries).toHaveLength(1);
    const decided = await nox.call('approvals_get', { params: { id: approval.id } });
    expect(decided.status).toBe('approved');
  });

  it('cancels it with the turn that a person ends', async () => {
    await agent();
    const { id: message_id } = await send('slow 100@100 word');
    await talking();
    const { turn_id } = await message(message_id);
    await nox.call('turns_cancel', { params: { id: turn_id ?? '' } });
    expect((await reached(message_id, 'cancelled')).reason).toContain('interrupted');
  });

  it.each(['interrupt', 'cancel', 'stop', 'restart'] as const)(
    'hands it over again when who has it end by %s asks for that',
    async (how) => {
      await agent();
      const { id: message_id } = await send('slow 100@100 word');
      await talking();
      const first = await message(message_id);
      const body = { requeue: true };
      if (how === 'interrupt') await nox.call('agents_interrupt', { params: { id }, body });
      if (how === 'cancel') await nox.call('turns_cancel', { params: { id: first.turn_id ?? '' }, body });
      if (how === 'restart') await nox.call('agents_restart', { params: { id }, body });
      if (how === 'stop') {
        await nox.call('agents_stop', { params: { id }, body });
        expect(await reached(message_id, 'queued')).toMatchObject({ attempt: 0, turn_id: null });
        await nox.call('agents_start', { params: { id } });
      }
      const again = await eventually('it is handed over again', async () => {
        const found = await message(message_id);
        return found.deliveries[1]?.turn_id == null ? undefined : found;
      });
      // It was cut short through no fault of its own: that is no attempt.
      expect(again.attempt).toBe(1);
      expect(again.deliveries[0]).toMatchObject({ outcome: 'requeued', turn_id: first.turn_id });
      const [cut, next] = await turns();
      expect(cut).toMatchObject({ id: first.turn_id, status: 'interrupted' });
      // Its session has the text, so that it is not said again.
      expect(next?.prompt).toContain('Go on where it stopped');
    },
  );

  it('wakes an agent that hibernates', async () => {
    await agent();
    await nox.call('agents_hibernate', { params: { id } });
    const { id: message_id } = await send('say good morning', 'low');
    await reached(message_id, 'acked');
    expect((await turns()).at(-1)?.text).toBe('good morning');
  });

  it('keeps it for an agent that is stopped', async () => {
    await agent();
    await nox.call('agents_stop', { params: { id }, body: {} });
    const { id: message_id } = await send('say hello again');
    expect((await message(message_id)).status).toBe('queued');
    await nox.call('agents_start', { params: { id } });
    await reached(message_id, 'acked');
  });

  it('does not say it again when the process dies with it, but asks the agent to go on', async () => {
    await agent();
    const { id: message_id } = await send('slow 100@100 word');
    await talking();
    const { pid } = await nox.call('agents_status', { params: { id } });
    process.kill(pid ?? NaN, 'SIGKILL');
    await eventually('a second attempt', async () => (await message(message_id)).attempt === 2);
    const [first, second] = await eventually('both turns', async () => {
      const found = await turns();
      return found.length === 2 ? found : undefined;
    });
    expect(first).toMatchObject({ status: 'interrupted' });
    expect(second?.prompt).toContain('attempt 2');
    expect(second?.prompt).toContain('Go on where it stopped');
    expect(second?.prompt).not.toContain('> slow');
    expect((await message(message_id)).deliveries.map(({ outcome, attempt }) => [attempt, outcome]).at(0)).toEqual([
      1,
      'requeued',
    ]);
  });

  it('survives kill -9 of Nox: what was read is acked or gone on with, what was not is handed over', async () => {
    await agent();
    const { id: running_id } = await send('slow 100@100 word');
    await talking();
    const { id: waiting_id } = await send('say the other one');
    await nox.restart('SIGKILL');
    await reached(waiting_id, 'acked');
    const found = await message(running_id);
    expect(found.attempt).toBeGreaterThanOrEqual(2);
    expect(found.deliveries[0]).toMatchObject({ outcome: 'requeued', reason: 'Nox ended before its turn did' });
  }, 150_000);
});
