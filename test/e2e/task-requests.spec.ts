import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSse, type SseFrame } from '../../src/client/sse.js';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { within } from '../support/wait.js';

/** What is asked of tasks from outside; the agents are not started, so that nothing moves by itself. */
describe('asking things of tasks', () => {
  let nox: NoxServer;
  const add = async (agent_id: string, title: string, dependencies: string[] = []): Promise<string> =>
    (await nox.call('tasks_create', { body: { agent_id, title, dependencies, priority: 'low' } })).id;
  const text = (agent: string) => readFileSync(join(nox.registry, 'tasks', `${agent}.md`), 'utf8');

  beforeAll(async () => {
    nox = await NoxServer.start();
    for (const id of ['lead', 'worker']) await nox.call('agents_create', { body: fakeAgent(id, false) });
  });
  afterAll(() => nox.close());

  it('raises a task with all that it still depends on, in every file, and says why', async () => {
    const base = await add('worker', 'Lay the ground');
    const wall = await add('lead', 'Build the wall', [base]);
    const roof = await add('lead', 'Put up the roof', [wall]);
    const other = await add('worker', 'Rake the leaves');
    const ask = (id: string, priority: 'critical' | 'high' | 'low') =>
      nox.call('tasks_priority_request', { params: { id }, body: { priority, reason: 'it rains' } });
    const { task, raised } = await ask(roof, 'high');
    expect(task).toMatchObject({ id: roof, priority: 'high' });
    expect([...raised].sort()).toEqual([base, wall, roof].sort());
    expect(text('lead')).toMatch(/Build the wall \(Priority: HIGH\)/);
    expect(text('worker')).toMatch(/Lay the ground \(Priority: HIGH\)/);
    expect((await nox.call('tasks_get', { params: { id: other } })).priority).toBe('low');
    const { entries } = await nox.call('tasks_log', { params: { id: base } });
    expect(entries.map((entry) => entry.text)).toContain(`raised to high for ${roof}: it rains`);

    expect((await ask(roof, 'low')).raised).toEqual([]);
    expect((await nox.call('tasks_get', { params: { id: roof } })).priority).toBe('high');
    await nox.call('tasks_cancel', { params: { id: roof }, body: {} });
    await expect(ask(roof, 'critical')).rejects.toMatchObject({ code: 'INVALID_STATE', status: 409 });
  });

  it('follows the log of a task until it has ended, and goes on where a reader was', async () => {
    const id = await add('worker', 'Watch me');
    const follow = async (last?: string): Promise<AsyncGenerator<SseFrame>> => {
      const reply = await fetch(`${nox.url}/api/v1/tasks/${id}/log?follow=true`, {
        headers: {
          authorization: `Bearer ${nox.access_token}`,
          ...(last === undefined ? {} : { 'last-event-id': last }),
        },
      });
      expect(reply.headers.get('content-type')).toContain('text/event-stream');
      if (reply.body === null) throw new Error('no stream');
      return readSse(reply.body);
    };
    const seen: string[] = [];
    const live = await follow();
    const first = await live.next();
    expect(JSON.parse((first.value as SseFrame).data)).toMatchObject({ kind: 'created' });
    const following = (async () => {
      for await (const { event, data } of live) {
        const { kind, status } = JSON.parse(data) as { kind?: string; status?: string };
        seen.push(`${event} ${kind ?? status ?? ''}`);
      }
    })();
    await nox.call('tasks_update', { params: { id }, body: { note: 'half of it' } });
    await nox.call('tasks_cancel', { params: { id }, body: {} });
    await within('the end of the stream', following);
    expect(seen).toEqual(['log note', 'log status', 'end cancelled']);

    const again: string[] = [];
    for await (const { event } of await follow((first.value as SseFrame).last_id)) again.push(event);
    expect(again).toEqual(['log', 'log', 'end']);
    const unknown = await fetch(`${nox.url}/api/v1/tasks/t-none/log?follow=true`, {
      headers: { authorization: `Bearer ${nox.access_token}` },
    });
    expect(unknown.status).toBe(404);
  });
});
