import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Task } from '../../src/contracts/task.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually, firstOf } from '../support/wait.js';

/** Work that people and agents share, lived once with the real Claude CLI on the scripted model. */
describe('tasks with the real Claude CLI', () => {
  let nox: NoxServer;
  const file = (agent: string) => join(nox.registry, 'tasks', `${agent}.md`);
  const text = (agent: string) => readFileSync(file(agent), 'utf8');
  const workspace = (agent: string) => join(nox.workspace, 'workspaces', agent);
  const git = (...args: string[]) => execFileSync('git', ['-C', nox.registry, ...args], { encoding: 'utf8' }).trim();
  const tasks = async (agent: string): Promise<Task[]> =>
    (await nox.call('agents_tasks', { params: { id: agent }, query: {} })).tasks;
  const titled = (agent: string, title: string) =>
    eventually(`the task ${title}`, async () => (await tasks(agent)).find((task) => task.title === title));
  const reaches = (id: string, status: Task['status'], timeout_ms = 20_000) =>
    eventually(
      `${id} is ${status}`,
      async () => {
        const task = await nox.call('tasks_get', { params: { id } });
        return task.status === status ? task : undefined;
      },
      timeout_ms,
    );
  /** As editors do it: a new file beside it, put in its place. */
  const save = (agent: string, content: string) => {
    writeFileSync(`${file(agent)}.tmp~`, content);
    renameSync(`${file(agent)}.tmp~`, file(agent));
  };

  beforeAll(async () => {
    nox = await NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } });
    for (const id of ['lead', 'worker'])
      await nox.call('agents_create', { body: { name: id, id, system_prompt: `You are ${id}.`, start: true } });
  }, 60_000);
  afterAll(() => nox.close(), 30_000);

  it('starts a task within a second after a person has saved it, and finishes it', async () => {
    const events = nox.events({ areas: ['task'] });
    const started = firstOf('its start', events, (event) => event.type === 'task.status_changed');
    const saved_ms = Date.now();
    save('lead', '# Tasks for lead\n\nMy notes.\n\n## 📋 Todo\n- [ ] Say hello\n  say hello from the task\n');
    const event = await started;
    expect(Date.parse(event.timestamp) - saved_ms).toBeLessThan(1000);
    expect(event).toMatchObject({ payload: { previous: 'todo', task: { status: 'in_progress', title: 'Say hello' } } });
    const { id } = await titled('lead', 'Say hello');
    const done = await reaches(id, 'done');
    expect(done).toMatchObject({ result: 'hello from the task', attempts: 1, requested_by: 'external', proof: 'none' });
    await eventually('its line', () => /## ✅ Done\n- \[x\] Say hello \(Completed: /.test(text('lead')));
    expect(text('lead')).toContain('\nMy notes.\n');
    expect(text('lead')).toContain(`<!-- id: ${id} -->`);
  }, 40_000);

  it('is done only when the acceptance has passed; a failure goes back with the evidence', async () => {
    const accept = [
      'test -f proof.txt || { echo "tool Bash {\\"command\\":\\"true > proof.txt\\"}"; echo not there; exit 3; }',
    ];
    const { id } = await nox.call('tasks_create', {
      body: { agent_id: 'worker', title: 'Make the proof', description: 'say I am done, believe me', accept },
    });
    const failed = await firstOf(
      'the first evidence',
      nox.events({ after_seq: 0, areas: ['task'] }),
      (event) => event.type === 'task.evidence' && event.payload.task.id === id,
      20_000,
    );
    expect(failed).toMatchObject({
      payload: { evidence: { passed: false, results: [{ exit_code: 3, passed: false }] } },
    });
    const request = await eventually(
      'the agent mends it',
      async () => (await nox.call('approvals_list', { query: { status: 'pending' } })).approvals[0],
      20_000,
    );
    expect(existsSync(join(workspace('worker'), 'proof.txt'))).toBe(false);
    expect((await nox.call('tasks_get', { params: { id } })).status).toBe('in_progress');
    await nox.call('approvals_approve', { params: { id: request.id } });
    const done = await reaches(id, 'done');
    expect(done).toMatchObject({
      proof: 'passed',
      attempts: 2,
      evidence: { passed: true, results: [{ exit_code: 0 }] },
    });
    const log = await nox.call('tasks_log', { params: { id } });
    expect(log.evidence.map(({ passed }) => passed)).toEqual([false, true]);
    expect(text('worker')).toMatch(/- \[x\] Make the proof \(Completed: .*\n(.*\n)*? {2}- Evidence: passed/);
    await eventually('its history', () =>
      readFileSync(join(nox.registry, 'agents', 'worker', 'tasks.toml'), 'utf8').includes('exit_code = 0'),
    );
  }, 60_000);

  it('delegates after a person agreed: both files in one commit, and the task goes on when the part is done', async () => {
    const { id } = await nox.call('tasks_create', {
      body: { agent_id: 'lead', title: 'The whole', description: 'slow 8@500 thinking about the whole' },
    });
    await reaches(id, 'in_progress');
    const asked = await nox.call('tasks_delegate', {
      params: { id },
      body: {
        to_agent: 'worker',
        delegation_type: 'request',
        title: 'The part',
        description: 'say forty-two',
        requires_approval: true,
      },
    });
    expect(asked.delegations).toMatchObject([{ status: 'pending', to_agent: 'worker' }]);
    expect(text('worker')).not.toContain('The part');
    await nox.call('approvals_approve', { params: { id: asked.delegations[0]?.approval_id ?? '' } });
    const part = await titled('worker', 'The part');
    expect(part).toMatchObject({ from_agent: 'lead', parent_id: id, requested_by: 'agent:lead' });
    await reaches(part.id, 'done');
    const whole = await reaches(id, 'done', 30_000);
    expect(whole.delegations).toMatchObject([{ status: 'returned', task_id: part.id }]);
    expect(whole.dependencies).toEqual([part.id]);
    const turns = (await nox.call('agents_conversation', { params: { id: 'lead' } })).turns.filter(
      (turn) => turn.source === `task:${id}`,
    );
    expect(turns.at(-1)?.prompt).toContain('forty-two');
    await nox.kill('SIGTERM');
    const both =
      git('log', 'record', '--format=%h', '-S', 'The part', '--', 'tasks/worker.md').split('\n').at(-1) ?? '';
    expect(git('show', '--stat', '--format=', both)).toMatch(/tasks\/lead\.md[\s\S]*tasks\/worker\.md/);
    await nox.boot();
  }, 90_000);
});
