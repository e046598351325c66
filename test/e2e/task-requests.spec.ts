import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSse, type SseFrame } from '../../src/client/sse.js';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually, within } from '../support/wait.js';

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

  it('takes a file that is dropped, once, and says of another what is wrong with it', async () => {
    const inbox = join(nox.registry, 'tasks', 'inbox');
    const drop = (name: string, text: string) => {
      writeFileSync(join(inbox, `.${name}`), text);
      renameSync(join(inbox, `.${name}`), join(inbox, name));
    };
    const titled = (title: string) =>
      eventually(`the task ${title}`, async () =>
        (await nox.call('tasks_list', { query: { limit: 500 } })).tasks.find((task) => task.title === title),
      );
    drop(
      'report.md',
      '# Write the report\n\n## Objective\nSum it up.\n\n## Priority\nHIGH\n\n## Assigned Agent\nworker\n',
    );
    const task = await titled('Write the report');
    expect(task).toMatchObject({
      agent_id: 'worker',
      priority: 'high',
      description: 'Objective:\nSum it up.',
      requested_by: 'external',
    });
    await eventually('it is taken', () => existsSync(join(inbox, 'taken', `${task.id}.md`)));
    expect(existsSync(join(inbox, 'report.md'))).toBe(false);
    expect(text('worker')).toContain('Write the report (Priority: HIGH)');

    // Without a name it is for whoever has the least to do.
    const open = (await nox.call('tasks_overview')).agents.map((each) => ({
      id: each.agent_id,
      open: each.todo + each.blocked + each.in_progress,
    }));
    const [least] = open.sort((a, b) => a.open - b.open || (a.id < b.id ? -1 : 1));
    drop('any.md', '## Objective\nAnybody may do this.\n');
    expect((await titled('Anybody may do this.')).agent_id).toBe(least?.id);

    drop('odd.md', '# Odd\n\n## Priority\nSOON\n');
    const problem = await eventually('the problem', async () =>
      (await nox.call('tasks_overview')).file_problems.find(({ path }) => path === 'tasks/inbox/odd.md'),
    );
    expect(problem).toMatchObject({ agent_id: null, problems: [{ line: 3, message: '"SOON" is no priority' }] });
    symlinkSync('/etc/passwd', join(inbox, 'link.md'));
    await eventually('the link is refused', async () =>
      (await nox.call('tasks_overview')).file_problems.some(({ path }) => path === 'tasks/inbox/link.md'),
    );
    drop('odd.md', '# Odd\n\n## Priority\nlow\n');
    await titled('Odd');
    await eventually('nothing is wrong with it any more', async () =>
      (await nox.call('tasks_overview')).file_problems.every(({ path }) => path !== 'tasks/inbox/odd.md'),
    );

    // One that comes while Nox is away is taken at the next start, and nothing twice.
    await nox.kill('SIGKILL');
    drop('later.md', '# Later\n\n## Assigned Agent\nnobody-yet\n');
    await nox.boot();
    await eventually('its agent is not there', async () =>
      (await nox.call('tasks_overview')).file_problems.some(({ problems }) =>
        problems.some(({ message }) => message.includes('nobody-yet')),
      ),
    );
    drop('later.md', '# Later\n\n## Assigned Agent\nlead\n');
    await titled('Later');
    const { tasks } = await nox.call('tasks_list', { query: { limit: 500 } });
    for (const title of ['Write the report', 'Odd', 'Later'])
      expect(tasks.filter((each) => each.title === title)).toHaveLength(1);
  });
});
