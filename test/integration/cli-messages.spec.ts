import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Message } from '../../src/contracts/message.js';
import { type Handlers, nox as run, NOW, Refusal, startServer } from './cli-support.js';

const ID = 'msg_01J00000000000000000000000';
const messageOf = (given: Partial<Message> = {}): Message => ({
  id: ID,
  group_id: ID,
  thread_id: ID,
  reply_to: null,
  from: 'user:admin',
  sent_by: 'user:admin',
  to: 'worker',
  address: 'worker',
  message_type: 'direct',
  topic: null,
  content: 'look at\nthe \u001b[31mbuild',
  priority: 'high',
  metadata: {},
  status: 'queued',
  attempt: 0,
  hops: 0,
  turn_id: null,
  reason: null,
  created_at: new Date(NOW).toISOString(),
  deliver_after: null,
  expires_at: new Date(NOW + 60_000).toISOString(),
  delivered_at: null,
  ended_at: null,
  ...given,
});
const page = (messages: Message[]) => ({ messages, pagination: { page: 1, limit: 50, total: messages.length } });

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
async function withServer(handlers: Handlers) {
  const server = await startServer(handlers);
  const config = await mkdtemp(join(tmpdir(), 'nox-cli-'));
  closers.push(server.close, () => rm(config, { recursive: true }));
  const env = { NOX_URL: server.url, XDG_CONFIG_HOME: config, HOME: '/nowhere', NOX_TOKEN: 'a.b.c' };
  return { ...server, nox: (...argv: string[]) => run(argv, { env }) };
}

describe('nox message', () => {
  it('sends words as one text, with its options, and says who gets it', async () => {
    const reply = { ...messageOf(), recipients: [{ agent_id: 'worker', message_id: ID }], refused: [] };
    const { nox, calls } = await withServer({ messages_send: () => reply });
    const sent = await nox('message', 'send', 'worker', 'look', 'here', '-p', 'urgent', '--ttl', '1.5', '--key', 'k');
    expect(sent).toMatchObject({ exit: 0 });
    expect(sent.stderr + sent.stdout).toContain(`${ID} waits for worker`);
    expect(calls[0]?.body).toMatchObject({
      to: 'worker',
      content: 'look here',
      priority: 'critical',
      ttl_ms: 1500,
      idempotency_key: 'k',
    });
    expect(JSON.parse((await nox('message', 'send', 'worker', 'x', '--json')).stdout)).toMatchObject({ id: ID });
  });

  it('refuses what cannot be before it asks, and tells what the server refuses', async () => {
    const { nox, calls } = await withServer({
      messages_send: () => {
        throw new Refusal('BROKER_UNAVAILABLE', 'Redis at redis://h:1 is away.');
      },
    });
    expect(await nox('message', 'send', 'worker', 'x', '--ttl', '0')).toMatchObject({ exit: 2 });
    expect(await nox('message', 'ls', '-n', '0')).toMatchObject({ exit: 2 });
    expect(calls).toEqual([]);
    const refused = await nox('message', 'send', 'worker', 'x');
    expect(refused.exit).toBe(6);
    expect(refused.stderr).toContain('Redis at redis://h:1 is away.');
  });

  it('says when nobody hears a broadcast, and whom it did not reach', async () => {
    const { nox } = await withServer({
      messages_broadcast: ({ body }) => ({
        group_id: null,
        messages: [],
        refused: body.topic === undefined ? [] : [{ agent_id: 'worker', reason: 'its queue is full' }],
      }),
    });
    expect((await nox('message', 'broadcast', 'x')).stderr).toContain('Nobody is there');
    expect((await nox('message', 'broadcast', 'x', '--topic', 'builds')).stderr).toContain(
      'not to worker: its queue is full',
    );
  });

  it('lists on one line each, dead ones on their own, and shows one with its tries', async () => {
    const dead = messageOf({ status: 'dead', reason: 'crash 5', attempt: 5 });
    const started_at = new Date(NOW).toISOString();
    const deliveries = [
      {
        attempt: 5,
        turn_id: null,
        prompt_uuid: null,
        outcome: 'dead' as const,
        reason: 'crash 5',
        started_at,
        ended_at: started_at,
      },
    ];
    const { nox, calls } = await withServer({
      messages_list: () => page([dead]),
      messages_get: () => ({ ...dead, deliveries }),
      messages_retry: () => messageOf(),
    });
    const list = await nox('message', 'ls', '--dead', '--agent', 'worker');
    expect(list.stdout).toMatch(new RegExp(`${ID} +user:admin +worker +high +✕ dead`));
    expect(list.stdout).not.toContain('\u001b');
    expect(calls[0]?.query).toMatchObject({ status: 'dead', agent_id: 'worker', limit: 50 });
    const shown = await nox('message', 'show', '0000');
    expect(shown.stdout).toContain('try 5: dead');
    expect(shown.stdout).not.toContain('\u001b');
    expect((await nox('message', 'retry', ID)).stderr).toContain('queued');
  });

  it('shows how full the queues are', async () => {
    const per_priority = { critical: 0, high: 2, medium: 0, low: 1 };
    const { nox } = await withServer({
      messages_stats: () => ({
        adapter: 'sqlite',
        available: true,
        detail: 'embedded queue',
        waiting: 3,
        active: 1,
        acked: 7,
        dead: 0,
        dropped: 0,
        per_priority,
        messages_per_minute: 4,
        agents: [{ agent_id: 'worker', waiting: 3, active: 1, per_priority }],
      }),
    });
    const stats = await nox('broker', 'stats');
    expect(stats.stderr).toContain('3 wait, 1 handed over, 7 read');
    expect(stats.stdout).toMatch(/worker +0 +2 +0 +1 +1/);
  });
});
