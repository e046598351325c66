import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Task } from '../../src/contracts/task.js';
import { frame, systemOf } from './cli-fixtures.js';
import { type Handlers, nox as run, NOW, SseText, startServer } from './cli-support.js';

const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();
const taskOf = (given: Partial<Task> = {}): Task => ({
  id: 't-7f3k2m',
  agent_id: 'worker',
  title: 'Fix the login form',
  description: '',
  status: 'todo',
  priority: 'high',
  progress: null,
  deadline: null,
  overdue: false,
  dependencies: [],
  blocked_by: [],
  accept: [],
  proof: 'none',
  evidence: null,
  requested_by: 'admin',
  from_agent: null,
  parent_id: null,
  delegations: [],
  result: null,
  reason: null,
  held: false,
  attempts: 0,
  next_try_at: null,
  turn_id: null,
  created_at: at(-60),
  updated_at: at(-60),
  started_at: null,
  completed_at: null,
  ...given,
});
const OTHER = taskOf({ id: 't-9x0y1z', title: 'Write the changelog', status: 'done', priority: 'low' });
const page = (tasks: Task[]) => ({ tasks, pagination: { page: 1, limit: 100, total: tasks.length } });

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
async function withServer(handlers: Handlers) {
  const tasks_list = () => page([taskOf(), OTHER]);
  const server = await startServer({ tasks_list, ...handlers });
  const config = await mkdtemp(join(tmpdir(), 'nox-cli-'));
  closers.push(server.close, () => rm(config, { recursive: true }));
  const env = { NOX_URL: server.url, XDG_CONFIG_HOME: config, HOME: '/nowhere', NOX_TOKEN: 'a.b.c' };
  const of = (route: string) => server.calls.filter((call) => call.route === route);
  return { of, nox: (...argv: string[]) => run(argv, { env }) };
}

describe('nox task', () => {
  it('adds one with all that can be said of it, and says what it has become', async () => {
    const { nox, of } = await withServer({ tasks_create: () => taskOf() });
    const words = ['--priority', 'high', '--deadline', '2026-11-30T18:00Z', '--depends', '9x0', '--accept', 'npm test'];
    const added = await nox('task', 'add', 'worker', 'Fix the login form', ...words);
    expect(added).toMatchObject({ exit: 0 });
    expect(added.stdout + added.stderr).toContain('t-7f3k2m');
    expect(of('tasks_create')[0]?.body).toMatchObject({
      agent_id: 'worker',
      title: 'Fix the login form',
      priority: 'high',
      deadline: '2026-11-30T18:00:00.000Z',
      dependencies: ['t-9x0y1z'],
      accept: ['npm test'],
    });
    const wrong = await nox('task', 'add', 'worker', 'x', '--deadline', 'soon');
    expect(wrong).toMatchObject({ exit: 2, stderr: expect.stringContaining('soon is no time') });
  });

  it('raises one, and what it depends on', async () => {
    const raised = ['t-7f3k2m', 't-9x0y1z'];
    const { nox, of } = await withServer({ tasks_priority_request: () => ({ task: taskOf(), raised }) });
    const { exit, stdout, stderr } = await nox('task', 'raise', '7f3', 'high', '--reason', 'friday');
    expect({ exit, words: stdout + stderr }).toMatchObject({ exit: 0, words: expect.stringContaining('t-9x0y1z') });
    expect(of('tasks_priority_request')[0]?.body).toEqual({ priority: 'high', reason: 'friday' });
  });

  it('lists those that are open, those that wait, those that are late, and all', async () => {
    const { nox, of } = await withServer({});
    const open = (await nox('task', 'ls')).stdout;
    expect(open).toContain('Fix the login form');
    expect(open).not.toContain('Write the changelog');
    expect((await nox('task', 'ls', '--all')).stdout).toContain('Write the changelog');
    expect(JSON.parse((await nox('task', 'ls', '--json')).stdout)).toMatchObject({ tasks: [{ id: 't-7f3k2m' }] });
    await nox('task', 'ls', '--blocked');
    await nox('task', 'ls', '--overdue', '--agent', 'worker');
    expect(of('tasks_list').slice(-2)).toMatchObject([
      { query: { status: 'blocked' } },
      { query: { overdue: true, agent_id: 'worker' } },
    ]);
    const { nox: at_none } = await withServer({ tasks_list: () => page([]) });
    const none = await at_none('task', 'ls');
    expect(none.stdout + none.stderr).toContain('nox task add');
    const { nox: at_ended } = await withServer({ tasks_list: () => page([taskOf({ status: 'done' })]) });
    expect((await at_ended('task', 'ls')).stderr).toBe('No task is open; 1 have ended: nox task ls --all\n');
  });

  it('shows one with the evidence, by the first characters of its id', async () => {
    const results = [
      { command: 'npm test', exit_code: 1, passed: false, timed_out: false, output: '2 failed', duration_ms: 9 },
    ];
    const evidence = { passed: false, started_at: at(-2), ended_at: at(-1), results };
    const { nox } = await withServer({
      tasks_get: () => taskOf({ accept: ['npm test'], proof: 'failed', reason: 'the acceptance failed', evidence }),
    });
    const shown = (await nox('task', 'show', '7f3')).stdout;
    for (const words of ['Fix the login form', 'the acceptance failed', '✕ $ npm test → 1', '2 failed'])
      expect(shown).toContain(words);
    expect(await nox('task', 'show', 'zzz')).toMatchObject({ stderr: expect.stringContaining('zzz') });
  });

  it('starts, asks for done, cancels and takes away, and asks before work is lost', async () => {
    const { nox, of } = await withServer({
      tasks_get: () => taskOf({ status: 'in_progress' }),
      tasks_start: () => taskOf({ status: 'in_progress' }),
      tasks_done: () => taskOf({ proof: 'running' }),
      tasks_cancel: () => taskOf({ status: 'cancelled' }),
      tasks_delete: () => taskOf({ status: 'cancelled' }),
    });
    expect(await nox('task', 'start', '7f3')).toMatchObject({ exit: 0 });
    const done = await nox('task', 'done', '7f3');
    expect(done.stdout + done.stderr).toContain('its acceptance runs');
    for (const verb of ['cancel', 'rm']) {
      const asked = await nox('task', verb, '7f3');
      expect(asked).toMatchObject({ stderr: expect.stringContaining('--yes') });
      expect(asked.exit).not.toBe(0);
    }
    expect(of('tasks_cancel').length + of('tasks_delete').length).toBe(0);
    expect(await nox('task', 'cancel', '7f3', '--reason', 'not wanted', '-y')).toMatchObject({ exit: 0 });
    expect(of('tasks_cancel')[0]?.body).toEqual({ reason: 'not wanted' });
    expect(JSON.parse((await nox('task', 'rm', '7f3', '-y', '--json')).stdout)).toMatchObject({ status: 'cancelled' });
  });

  it('changes what is named and nothing else', async () => {
    const { nox, of } = await withServer({ tasks_update: () => taskOf() });
    await nox('task', 'edit', '7f3', '--priority', 'critical', '--no-deadline', '--progress', '40', '--note', 'half');
    await nox('task', 'edit', '7f3', '--status', 'todo', '--no-accept', '--depends', '9x0');
    expect(of('tasks_update').map(({ body }) => body)).toEqual([
      { priority: 'critical', deadline: null, progress: 40, note: 'half' },
      { status: 'todo', accept: [], dependencies: ['t-9x0y1z'] },
    ]);
    expect(await nox('task', 'edit', '7f3')).toMatchObject({ exit: 2 });
  });

  it('delegates a part, and says what it waits for', async () => {
    const delegation = {
      type: 'request' as const,
      from_agent: 'worker',
      to_agent: 'tester',
      task_id: null,
      status: 'pending' as const,
      approval_id: 'apr_1',
    };
    const { nox, of } = await withServer({ tasks_delegate: () => taskOf({ delegations: [delegation] }) });
    const part = ['--type', 'request', '--title', 'Test the form', '--ask'];
    const asked = await nox('task', 'delegate', '7f3', 'tester', ...part);
    expect(asked.stdout + asked.stderr).toContain('it waits for approval apr_1');
    expect(of('tasks_delegate')[0]?.body).toMatchObject({
      to_agent: 'tester',
      delegation_type: 'request',
      title: 'Test the form',
      requires_approval: true,
    });
  });

  it('tells what happened, and follows it to its end', async () => {
    const entry = (id: number, text: string) => ({ id, timestamp: at(-9), kind: 'status', actor: 'nox', text });
    const log = { entries: [entry(1, 'todo → in_progress'), entry(2, 'in_progress → done')], evidence: [] };
    const { nox } = await withServer({ tasks_log: () => log, tasks_get: () => taskOf({ status: 'done' }) });
    expect((await nox('task', 'log', '7f3')).stdout).toContain('todo → in_progress');
    expect(JSON.parse((await nox('task', 'log', '7f3', '--json')).stdout)).toMatchObject(log);
    expect((await nox('task', 'log', '7f3', '-f')).stdout.split('\n')).toHaveLength(3);
  });

  it('shows what comes while it follows, each once, and ends with the task', async () => {
    const entry = (id: number, text: string) => ({ id, timestamp: at(-9), kind: 'status', actor: 'nox', text });
    const entries = [entry(1, 'todo → in_progress')];
    const told = (id: string) => ({
      id: `evt_${id}`,
      seq: 8,
      type: 'task.status_changed',
      timestamp: at(0),
      agent_id: 'worker',
      payload: { task: taskOf({ id, status: 'done' }), actor: 'nox', previous: 'in_progress' },
    });
    const { nox, of } = await withServer({
      system_status: () => systemOf({ last_seq: 7 }),
      tasks_get: () => taskOf({ status: 'in_progress' }),
      tasks_log: () => ({ entries, evidence: [] }),
      events: () => {
        entries.push(entry(2, 'in_progress → done'));
        return new SseText(
          frame('task.status_changed', told('t-9x0y1z'), 8) + frame('task.status_changed', told('t-7f3k2m'), 9),
        );
      },
    });
    const { exit, stdout } = await nox('task', 'log', '7f3', '-f', '--json');
    expect(exit).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: number }).id),
    ).toEqual([1, 2]);
    expect(of('events')[0]?.query).toMatchObject({ after_seq: 7, agent_id: 'worker' });
  });

  it('counts, and says what needs somebody', async () => {
    const counts = { total: 2, todo: 0, in_progress: 0, blocked: 1, done: 1, failed: 0, cancelled: 0 };
    const { nox } = await withServer({
      tasks_overview: () => ({
        overview: counts,
        agents: [{ agent_id: 'worker', ...counts }],
        blocked_tasks: [taskOf({ status: 'blocked', blocked_by: ['t-9x0y1z'] })],
        critical_tasks: [],
        overdue_tasks: [],
        file_problems: [
          {
            agent_id: 'worker',
            path: 'tasks/worker.md',
            problems: [{ line: 3, message: '"SOON" is no priority' }],
          },
        ],
      }),
    });
    const { stdout } = await nox('task', 'overview');
    for (const words of ['2 tasks', '1 blocked', 'Fix the login form', 'tasks/worker.md', 'SOON'])
      expect(stdout).toContain(words);
  });

  it('explains each command', async () => {
    for (const verb of ['add', 'ls', 'show', 'start', 'done', 'cancel', 'delegate', 'log', 'overview', 'edit', 'rm']) {
      const help = await run(['task', verb, '--help'], {});
      expect(help).toMatchObject({ exit: 0, stdout: expect.stringContaining(`nox task ${verb}`) });
    }
  });
});
