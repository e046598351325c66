import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { Task } from '../../src/contracts/task.js';
import { launchBrowser, logIn, openPage, takePictures, type Watched } from '../support/browser.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually, firstOf } from '../support/wait.js';

/** Work that people and agents share, lived once with the real Claude CLI on the scripted model. */
describe('tasks with the real Claude CLI', () => {
  let nox: NoxServer;
  let browser: Browser;
  const file = (agent: string) => join(nox.registry, 'tasks', `${agent}.md`);
  const text = (agent: string) => readFileSync(file(agent), 'utf8');
  const workspace = (agent: string) => join(nox.workspace, 'workspaces', agent);
  const git = (...args: string[]) => execFileSync('git', ['-C', nox.registry, ...args], { encoding: 'utf8' }).trim();
  const tasks = async (agent: string): Promise<Task[]> =>
    (await nox.call('agents_tasks', { params: { id: agent }, query: {} })).tasks;
  const titled = (agent: string, title: string) =>
    eventually(`the task ${title}`, async () => (await tasks(agent)).find((task) => task.title === title));
  const reaches = (id: string, status: Task['status']) =>
    eventually(`${id} is ${status}`, async () => {
      const task = await nox.call('tasks_get', { params: { id } });
      return task.status === status ? task : undefined;
    });
  /** As editors do it: a new file beside it, put in its place. */
  const save = (agent: string, content: string) => {
    writeFileSync(`${file(agent)}.tmp~`, content);
    renameSync(`${file(agent)}.tmp~`, file(agent));
  };

  const letters = (to: string, message_type: 'task_request' | 'task_response', task_id: string) =>
    eventually('the message is read', async () => {
      const { messages } = await nox.call('messages_list', { query: { to, message_type } });
      const found = messages.filter(({ metadata }) => metadata['task_id'] === task_id);
      return found.length > 0 && found.every(({ status }) => status === 'acked') ? found : undefined;
    });

  beforeAll(async () => {
    [nox, browser] = await Promise.all([NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } }), launchBrowser()]);
    for (const id of ['lead', 'worker'])
      await nox.call('agents_create', { body: { name: id, id, system_prompt: `You are ${id}.`, start: true } });
  });
  afterAll(async () => {
    await browser.close();
    await nox.close();
  });

  /** The board as somebody has it open all the while. */
  const board = async (): Promise<Watched & { in: (column: string, title: string) => Promise<void> }> => {
    const desk = await openPage(browser, nox.url);
    await logIn(desk.page, nox);
    await desk.page.getByRole('link', { name: 'Tasks', exact: true }).click();
    await desk.page.getByRole('list', { name: 'Board' }).waitFor();
    const place = (column: string, title: string): Promise<void> =>
      desk.page.getByRole('listitem', { name: column }).locator('.card-title', { hasText: title }).waitFor();
    return { ...desk, in: place };
  };

  it('starts a task when a person has saved it, and finishes it', async () => {
    const events = nox.events({ areas: ['task'] });
    const started = firstOf('its start', events, (event) => event.type === 'task.status_changed');
    save('lead', '# Tasks for lead\n\nMy notes.\n\n## 📋 Todo\n- [ ] Say hello\n  say hello from the task\n');
    const event = await started;
    expect(event).toMatchObject({ payload: { previous: 'todo', task: { status: 'in_progress', title: 'Say hello' } } });
    const { id } = await titled('lead', 'Say hello');
    const done = await reaches(id, 'done');
    expect(done).toMatchObject({ result: 'hello from the task', attempts: 1, requested_by: 'external', proof: 'none' });
    await eventually('its line', () => /## ✅ Done\n- \[x\] Say hello \(Completed: /.test(text('lead')));
    expect(text('lead')).toContain('\nMy notes.\n');
    expect(text('lead')).toContain(`<!-- id: ${id} -->`);
  });

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
    );
    expect(failed).toMatchObject({
      payload: { evidence: { passed: false, results: [{ exit_code: 3, passed: false }] } },
    });
    const request = await eventually(
      'the agent mends it',
      async () => (await nox.call('approvals_list', { query: { status: 'pending' } })).approvals[0],
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
  });

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
    const whole = await reaches(id, 'done');
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
  });

  it('lives the whole story: saved in an editor, delegated by the agent’s tool, mended after a failed acceptance, done', async () => {
    const use = (tool: string, input: object) => `tool mcp__nox__${tool} ${JSON.stringify(input)}`;
    const part = { to_agent: 'worker', delegation_type: 'request', title: 'Fetch the number', description: 'say 4711' };
    const desk = await board();
    const accept = `test -f number.txt || { echo 'tool Bash {"command":"true > number.txt"}'; exit 7; }`;
    const events = nox.events({ areas: ['task'] });
    const started = firstOf('its start', events, (event) => event.type === 'task.status_changed');
    save(
      'lead',
      `${text('lead').trimEnd()}\n\n## 📋 Todo\n- [ ] Write the number down <!-- id: t-story1 -->\n  - Accept: \`${accept}\`\n` +
        `  ${use('update_task', { task_id: 't-story1', progress: 40, note: 'asking the worker' })}\n` +
        `  ${use('delegate_task', { task_id: 't-story1', ...part })}\n`,
    );
    const event = await started;
    expect(event).toMatchObject({ payload: { task: { id: 't-story1', status: 'in_progress' } } });
    await desk.in('In progress', 'Write the number down');

    const pending = (tool: string) =>
      eventually(`a request of ${tool}`, async () =>
        (await nox.call('approvals_list', { query: { status: 'pending' } })).approvals.find(
          ({ tool_name }) => tool_name === tool,
        ),
      );
    const question = await pending('mcp__nox__delegate_task');
    expect(question).toMatchObject({ agent_id: 'lead', request_type: 'task_delegation', risk_level: 'medium' });
    expect(question.input).toMatchObject(part);
    expect(text('worker')).not.toContain('Fetch the number');
    await nox.call('approvals_approve', { params: { id: question.id } });

    const { id: part_id } = await titled('worker', 'Fetch the number');
    await reaches(part_id, 'done');
    await desk.in('Done', 'Fetch the number');
    const [request] = await letters('worker', 'task_request', part_id);
    expect(request).toMatchObject({ from: 'lead', sent_by: 'agent:lead', metadata: { task_id: part_id } });
    const [response] = await letters('lead', 'task_response', part_id);
    expect(response).toMatchObject({ from: 'worker', sent_by: 'agent:worker', metadata: { task_id: part_id } });
    expect(response?.content).toContain('4711');

    const mend = await pending('Bash');
    const sent_back = await nox.call('tasks_get', { params: { id: 't-story1' } });
    expect(sent_back).toMatchObject({
      status: 'in_progress',
      evidence: { passed: false, results: [{ exit_code: 7 }] },
    });
    await desk.in('In progress', 'Write the number down');
    await desk.page.locator('.card-title', { hasText: 'Write the number down' }).click();
    const detail = desk.page.getByRole('article', { name: 'Task Write the number down' });
    await detail.getByText('exit 7', { exact: true }).waitFor();
    await takePictures(desk.page, 'tasks-story-sent-back');
    await nox.call('approvals_approve', { params: { id: mend.id } });
    const done = await reaches('t-story1', 'done');
    expect(done).toMatchObject({
      proof: 'passed',
      progress: 40,
      delegations: [{ status: 'returned', task_id: part_id, requested_by: 'agent:lead' }],
    });
    await desk.in('Done', 'Write the number down');
    await detail.getByText('proved', { exact: true }).waitFor();
    const beside = desk.page.getByRole('region', { name: 'File tasks/lead.md' });
    await beside.getByText('- [x] Write the number down').waitFor();
    await takePictures(desk.page, 'tasks-story-done');
    expect(desk.complaints).toEqual([]);
    await desk.context.close();
    const { entries } = await nox.call('tasks_log', { params: { id: 't-story1' } });
    expect(entries.map(({ kind, text: words }) => `${kind}: ${words}`)).toContain('note: asking the worker');
    expect(text('lead')).toMatch(/## ✅ Done\n(.*\n)*- \[x\] Write the number down/);

    await nox.kill('SIGTERM');
    const steps = git('log', 'record', '-p', '--format=%s', '--', 'tasks/lead.md', 'tasks/worker.md', 'agents/lead');
    for (const step of [
      'Write the number down <!-- id: t-story1 -->',
      'Fetch the number',
      '- [x] Write the number down',
    ])
      expect(steps).toContain(step);
    expect(git('show', 'record:agents/lead/tasks.toml')).toContain('t-story1');
    expect(git('log', 'record', '-p', '--format=', '--', 'approval-history*')).toContain(question.id);
    expect(git('show', 'record:tasks/lead.md')).toBe(text('lead').trim());
    await nox.boot();
    const again = await letters('lead', 'task_response', part_id);
    expect(again.map(({ id }) => id)).toEqual([response?.id]);
  });

  it('runs an acceptance within limits, confined as the agent is', async () => {
    const config = join(nox.registry, 'system-config.toml');
    const limitTo = async (accept_timeout_s: number) => {
      const settings = readFileSync(config, 'utf8')
        .replace(/^accept_timeout_s = .*$/m, `accept_timeout_s = ${accept_timeout_s}`)
        .replace(/^(\[tasks\]\n(?:.*\n)*?)max_attempts = .*$/m, '$1max_attempts = 1');
      writeFileSync(config, settings);
      // How long Nox lets commands run is no agent's to say: the edit waits for a person.
      const edit = await eventually('the edit is held', async () =>
        (await nox.call('registry_external')).edits.find(({ file }) => file === 'system-config.toml'),
      );
      const edits = [{ file: edit.file, version: edit.version ?? '' }];
      await nox.call('registry_external_accept', { body: { edits, confirm: true } });
      expect((await nox.call('system_config')).tasks).toMatchObject({ accept_timeout_s, max_attempts: 1 });
    };
    await limitTo(2);
    const id = 'small';
    const resource_limits = { max_memory_mb: 150 };
    await nox.call('agents_create', { body: { ...fakeAgent(id), resource_limits } });
    const evidenceOf = async (accept: string) => {
      const made = await nox.call('tasks_create', {
        body: { agent_id: id, title: accept.slice(0, 40), accept: [accept] },
      });
      const ended = await eventually('the acceptance has run', async () => {
        const task = await nox.call('tasks_get', { params: { id: made.id } });
        return task.evidence === null ? undefined : task;
      });
      return { status: ended.status, ...ended.evidence?.results[0] };
    };
    expect(await evidenceOf('sleep 60')).toMatchObject({ status: 'failed', passed: false, timed_out: true });
    await limitTo(120);
    const eats = await evidenceOf("x=$(head -c 250000000 /dev/zero | tr '\\0' x); sleep 60");
    expect(eats).toMatchObject({ status: 'failed', passed: false });
    expect(eats.output).toContain('more memory than the 150 MB');
    const long = await evidenceOf('head -c 5000000 /dev/zero | tr "\\0" y');
    expect(long).toMatchObject({ status: 'done', passed: true, output: expect.stringContaining('bytes left out') });
    expect(long.output?.length).toBeLessThan(40_000);
    const secret = await evidenceOf('echo "it is $FAKE_AGENT_HOME"');
    expect(secret).toMatchObject({ passed: true, output: 'it is [redacted:FAKE_AGENT_HOME]\n' });
    const controls = `cat ${nox.home}/jwt-secret || touch ${nox.registry}/tasks/x.md`;
    expect(await evidenceOf(controls)).toMatchObject({ status: 'failed', passed: false });
  });

  it('lets agents make, report on and refuse tasks, within their rights', async () => {
    const use = (tool: string, input: object) => `tool mcp__nox__${tool} ${JSON.stringify(input)}`;
    const ask = async (id: string, ...lines: string[]) =>
      (await nox.call('agents_prompt', { params: { id }, body: { content: lines.join('\n'), wait: true } })).text;
    expect(await ask('lead', use('create_task', { agent_id: 'worker', title: 'Not mine to give' }))).toContain(
      'FORBIDDEN',
    );
    await ask('lead', use('create_task', { title: 'Try it', description: 'say trying' }));
    const own = await titled('lead', 'Try it');
    expect(own.requested_by).toBe('agent:lead');
    await reaches(own.id, 'done');
    expect(await ask('worker', use('update_task', { task_id: own.id, progress: 1 }))).toContain('FORBIDDEN');
    save(
      'worker',
      `${text('worker').trimEnd()}\n\n## 📋 Todo\n- [ ] Lift the moon <!-- id: t-moon22 -->\n` +
        `  ${use('update_task', { task_id: 't-moon22', status: 'cancelled' })}\n` +
        `  ${use('update_task', { task_id: 't-moon22', status: 'failed', note: 'it is too heavy' })}\n`,
    );
    const failed = await reaches('t-moon22', 'failed');
    expect(failed).toMatchObject({ reason: 'it is too heavy', attempts: 1 });
    const query = { follow: 'false', agent_id: 'worker', areas: 'agent', limit: 1000 } as const;
    const used = (await nox.call('events', { query })).events.filter(({ type }) => type === 'agent.tool_used');
    expect(used.map(({ payload }) => payload)).toContainEqual(
      expect.objectContaining({
        tool: 'update_task',
        is_error: true,
        summary: expect.stringContaining('Only who asked'),
      }),
    );
    expect(await ask('lead', use('list_services', {}))).toContain('"services":[]');
  });
});
