import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MessageDetail } from '../../src/contracts/message.js';
import type { Turn } from '../../src/contracts/turn.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** The rows of the design's delivery table in which something goes wrong, on the real Claude CLI: each message has one end. */
describe('messages to the real Claude CLI that meet trouble', () => {
  let nox: NoxServer;
  const id = 'worker';
  const params = { id };
  const file = (name: string) => join(nox.workspace, 'workspaces', id, name);
  const send = (content: string, more = {}) => nox.call('messages_send', { body: { to: id, content, ...more } });
  const message = (message_id: string) => nox.call('messages_get', { params: { id: message_id } });
  const turn = (turn_id: string | null) => nox.call('turns_get', { params: { id: turn_id ?? '' } });
  const when = (what: string, message_id: string, is: (found: MessageDetail) => boolean) =>
    eventually(what, async () => {
      const found = await message(message_id);
      return is(found) ? found : undefined;
    });
  const reached = (message_id: string, status: MessageDetail['status']) =>
    when(`message ${status}`, message_id, (found) => found.status === status);
  const idle = () =>
    eventually('the agent is idle', async () => {
      const { status, pid } = await nox.call('agents_status', { params });
      return status === 'idle' ? (pid ?? undefined) : undefined;
    });
  const outcomes = ({ deliveries }: MessageDetail) => deliveries.map(({ attempt, outcome }) => [attempt, outcome]);

  beforeAll(async () => {
    nox = await NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } });
    await nox.call('policy_write', { body: { text: 'schema_version = 1\n[defaults]\npark_after_s = 1\n' } });
    const settings = join(nox.registry, 'system-config.toml');
    const text = readFileSync(settings, 'utf8');
    const quick = text
      .replace('initial_ms = 15000', 'initial_ms = 300')
      .replace('max_attempts = 5', 'max_attempts = 2');
    writeFileSync(settings, quick);
    await eventually(
      'the settings are in force',
      async () => (await nox.call('system_config')).broker.max_attempts === 2,
    );
    const restart = { intensity: 100, backoff_ms: { initial: 10, max: 50 } };
    await nox.call('agents_create', { body: { id, name: id, start: true, restart } });
  });
  afterAll(() => nox.close());

  it('leaves it delivered while the call of its turn is parked, over kill -9, and acks it with the resumed turn', async () => {
    const { id: message_id } = await send('tool Bash {"command":"echo ran >> one.txt"}\nsay done with it');
    const approval = await eventually('a parked call', async () =>
      (await nox.call('approvals_list', { query: { status: 'pending' } })).approvals.find(
        ({ status }) => status === 'parked',
      ),
    );
    const parked = await reached(message_id, 'delivered');
    await eventually('its turn waits', async () => (await turn(parked.turn_id)).status === 'deferred');
    await nox.restart('SIGKILL');
    expect(await message(message_id)).toMatchObject({ status: 'delivered', attempt: 1, turn_id: parked.turn_id });
    await nox.call('approvals_approve', { params: { id: approval.id }, body: {} });
    const acked = await reached(message_id, 'acked');
    expect(outcomes(acked)).toEqual([[1, 'acked']]);
    expect(await turn(acked.turn_id)).toMatchObject({
      id: parked.turn_id,
      status: 'complete',
      text: expect.stringContaining('done with it'),
    });
    expect(existsSync(file('one.txt')) && readFileSync(file('one.txt'), 'utf8')).toBe('ran\n');
  });

  it('puts it back with a time when the model is overloaded, and does not count that as an attempt', async () => {
    const { id: message_id } = await send('error 529 x3\nsay at last');
    const acked = await reached(message_id, 'acked');
    expect(acked.attempt).toBe(1);
    const { deliveries } = acked;
    expect(deliveries.length).toBeGreaterThanOrEqual(2);
    expect(deliveries[0]).toMatchObject({ outcome: 'requeued', reason: expect.stringContaining('overloaded') });
    expect(outcomes(acked).at(-1)).toEqual([1, 'acked']);
    const { events } = await nox.call('events', {
      query: { follow: 'false', agent_id: id, areas: 'message', limit: 1000 },
    });
    const back = events.find(({ type }) => type === 'message.requeued');
    expect(back?.payload).toMatchObject({ message_id, attempt: 0 });
  });

  it('says it again when the process died before it had read it; at the last attempt it is dead, until a person sends it again', async () => {
    const unread = await idle();
    // It cannot read any more, so its transcript will not hold what comes now.
    process.kill(unread, 'SIGSTOP');
    const { id: message_id } = await send('slow 200@100 word');
    const bound = await when('it is on its way', message_id, ({ deliveries }) => deliveries[0]?.prompt_uuid != null);
    expect(bound).toMatchObject({ status: 'queued', attempt: 1 });
    process.kill(unread, 'SIGKILL');
    const second = await when(
      'it is read',
      message_id,
      ({ attempt, status }) => attempt === 2 && status === 'delivered',
    );
    const { prompt }: Turn = await turn(second.turn_id);
    expect(prompt).toContain('> slow 200@100 word');
    expect(prompt).not.toContain('Go on where it stopped');
    // Once it talks, its transcript holds the prompt.
    await eventually('the turn talks', async () => {
      const query = { follow: 'false', agent_id: id, areas: 'turn', limit: 1000 } as const;
      return (await nox.call('events', { query })).events.some(({ type }) => type === 'turn.text_delta');
    });
    const { pid } = await nox.call('agents_status', { params });
    process.kill(pid ?? NaN, 'SIGKILL');
    const dead = await reached(message_id, 'dead');
    expect(outcomes(dead)).toEqual([
      [1, 'requeued'],
      [2, 'dead'],
    ]);
    const { messages } = await nox.call('messages_dead', { query: {} });
    expect(messages.map((each) => each.id)).toEqual([message_id]);
    await nox.call('messages_retry', { params: { id: message_id } });
    const acked = await reached(message_id, 'acked');
    expect(acked.attempt).toBe(1);
    expect((await turn(acked.turn_id)).prompt).toContain('Go on where it stopped');
  });

  it('ends a turn that is cancelled before the process has begun on it', async () => {
    const pid = await idle();
    process.kill(pid, 'SIGSTOP');
    const { id: message_id } = await send('slow 600@100 word');
    const bound = await when('it is on its way', message_id, ({ turn_id }) => turn_id !== null);
    await eventually('its turn runs', async () => (await turn(bound.turn_id)).status === 'running');
    const cancelled = nox.call('turns_cancel', { params: { id: bound.turn_id ?? '' } });
    // Answered after the cancel has gone out to the process, which reads it right behind the prompt.
    await nox.call('agents_status', { params });
    process.kill(pid, 'SIGCONT');
    expect((await cancelled).status).toBe('interrupted');
    await reached(message_id, 'cancelled');
  });

  it('never hands over what expired while it waited', async () => {
    await idle();
    await nox.call('agents_stop', { params, body: {} });
    const { id: late } = await send('say too late', { ttl_ms: 60_000 });
    const { id: lasting } = await send('say in time');
    await nox.advance(61_000);
    expect(await reached(late, 'expired')).toMatchObject({ attempt: 0, deliveries: [], reason: 'its time was over' });
    await nox.call('agents_start', { params });
    await reached(lasting, 'acked');
    const { turns } = await nox.call('agents_conversation', { params });
    expect(turns.some(({ prompt }) => prompt.includes('too late'))).toBe(false);
  });
});
