import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Approval } from '../../src/contracts/approval.js';
import type { PromptFrame } from '../../src/contracts/turn.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually, firstOf } from '../support/wait.js';

/** The story of the README, lived once with the real Claude CLI: each step goes on where the one before it ended. */
describe('the story of Nox with the real Claude CLI', () => {
  let nox: NoxServer;
  const id = 'worker';
  const agent = { id };
  const workspace = () => join(nox.workspace, 'workspaces', id);
  const prompt = (content: string) => nox.call('agents_prompt', { params: agent, body: { content } });
  const status = () => nox.call('agents_status', { params: agent });
  const running = () => eventually('the agent is idle again', async () => (await status()).status === 'idle');
  const isAlive = (pid: number) =>
    existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  const git = (...args: string[]) => execFileSync('git', ['-C', nox.registry, ...args], { encoding: 'utf8' }).trim();
  const pendingApproval = () =>
    eventually(
      'a request for approval',
      async (): Promise<Approval | undefined> =>
        (await nox.call('approvals_list', { query: { status: 'pending' } })).approvals[0],
    );

  beforeAll(async () => {
    nox = await NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } });
  });
  afterAll(() => nox.close());

  it('starts in demo mode, because the CLI itself says that it has no login', async () => {
    const { model } = await eventually('the model is decided', async () => {
      const found = await nox.call('system_status');
      return found.model.demo ? found : undefined;
    });
    expect(model).toMatchObject({ mode: 'scripted', demo: true });
    await eventually('the log says it, too', () => nox.log.includes('DEMO MODE'));
  });

  it('spawns an agent', async () => {
    const created = await nox.call('agents_create', {
      body: { name: 'Worker', id, system_prompt: 'You are the first version.', start: true },
    });
    expect(created).toMatchObject({ id, status: 'idle', process_state: 'running', desired_state: 'active' });
    expect(isAlive(created.pid ?? 0)).toBe(true);
    expect(readFileSync(`/proc/${created.pid}/cmdline`, 'utf8')).toContain('claude');
  });

  it('talks: the answer, what it cost, and the conversation in the record', async () => {
    const reply = await prompt('say hello there');
    expect(reply).toMatchObject({ status: 'complete', text: 'hello there', reason: null });
    expect(reply.usage?.input_tokens).toBeGreaterThan(0);
    const { turns } = await nox.call('agents_conversation', { params: agent });
    expect(turns).toMatchObject([
      { id: reply.turn_id, prompt: 'say hello there', text: 'hello there', status: 'complete', actor: 'admin' },
    ]);
    const folder = join(nox.registry, 'agents', id, 'conversations');
    await eventually('the conversation file', () =>
      readdirSync(folder).some((file) => readFileSync(join(folder, file), 'utf8').includes('hello there')),
    );
  });

  it('streams as it is said', async () => {
    const frames: PromptFrame[] = [];
    for await (const frame of nox.client.prompt(id, 'slow 5 one two three four five')) frames.push(frame);
    expect(frames[0]?.event).toBe('message_start');
    expect(frames.at(-1)).toMatchObject({
      event: 'message_end',
      data: { status: 'complete', text: 'one two three four five' },
    });
    const parts = frames.filter((frame) => frame.event === 'content');
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.map((frame) => frame.data.text).join('')).toBe('one two three four five');
  });

  it('runs what only reads, without asking', async () => {
    const reply = await prompt('tool Bash {"command":"ls"}');
    expect(reply.status).toBe('complete');
    expect((await nox.call('approvals_list', {})).approvals).toEqual([]);
  });

  it('holds a risky call until a person allows it', async () => {
    const reply = prompt('tool Bash {"command":"touch allowed.txt"}\nsay done');
    const request = await pendingApproval();
    expect(request).toMatchObject({
      agent_id: id,
      tool_name: 'Bash',
      input: { command: 'touch allowed.txt' },
      status: 'pending',
      cwd: workspace(),
    });
    expect((await status()).activity).toBe('waiting_approval');
    expect(existsSync(join(workspace(), 'allowed.txt'))).toBe(false);
    const decided = await nox.call('approvals_approve', { params: { id: request.id }, body: { reason: 'fine' } });
    expect(decided).toMatchObject({ status: 'approved', decided_by: 'admin', reason: 'fine' });
    expect(await reply).toMatchObject({ status: 'complete', text: 'done' });
    expect(existsSync(join(workspace(), 'allowed.txt'))).toBe(true);
    await expect(nox.call('approvals_deny', { params: { id: request.id } })).rejects.toMatchObject({
      code: 'APPROVAL_ALREADY_DECIDED',
      status: 409,
    });
    const ended = await eventually('its execution is recorded', async () => {
      const found = await nox.call('approvals_get', { params: { id: request.id } });
      return found.executed === null ? undefined : found;
    });
    expect(ended.executed).toBe(true);
    const history = join(nox.registry, 'approval-history.toml');
    await eventually('the history in the record', () => readFileSync(history, 'utf8').includes(request.id));
  });

  it('tells the agent why a call was refused', async () => {
    const reply = prompt('tool Bash {"command":"touch denied.txt"}');
    const { id: approval } = await pendingApproval();
    await nox.call('approvals_deny', { params: { id: approval }, body: { reason: 'not on a Friday' } });
    const { turn_id } = await reply;
    expect(existsSync(join(workspace(), 'denied.txt'))).toBe(false);
    const { blocks } = await nox.call('turns_get', { params: { id: turn_id } });
    expect(JSON.stringify(blocks)).toContain('not on a Friday');
  });

  it('runs the edited call instead of the one that was asked', async () => {
    const reply = prompt('tool Bash {"command":"touch asked.txt"}');
    const { id: approval } = await pendingApproval();
    await nox.call('approvals_approve', {
      params: { id: approval },
      body: { updated_input: { command: 'touch edited.txt' } },
    });
    await reply;
    expect(readdirSync(workspace())).toEqual(expect.arrayContaining(['edited.txt']));
    expect(existsSync(join(workspace(), 'asked.txt'))).toBe(false);
  });

  it('cancels the request when the turn is interrupted, and goes on', async () => {
    const reply = prompt('tool Bash {"command":"touch interrupted.txt"}');
    const { id: approval } = await pendingApproval();
    await nox.call('agents_interrupt', { params: agent });
    expect(await reply).toMatchObject({ status: 'interrupted' });
    expect(await nox.call('approvals_get', { params: { id: approval } })).toMatchObject({ status: 'cancelled' });
    expect(await prompt('say still here')).toMatchObject({ status: 'complete', text: 'still here' });
    expect(existsSync(join(workspace(), 'interrupted.txt'))).toBe(false);
  });

  it('brings a killed agent back with its conversation', async () => {
    const before = await status();
    process.kill(before.pid ?? 0, 'SIGKILL');
    await eventually('a new process', async () => {
      const now = await status();
      return now.status === 'idle' && now.pid !== before.pid;
    });
    const after = await status();
    expect(after).toMatchObject({ session_id: before.session_id, restart_count: before.restart_count + 1 });
    expect((await prompt('history')).text).toContain('u:say hello there|a:hello there');
  });

  it('starts again after kill -9 of Nox: no old process, the same conversation', async () => {
    const before = await status();
    await nox.restart('SIGKILL');
    await running();
    const after = await status();
    expect(isAlive(before.pid ?? 0)).toBe(false);
    expect(after.session_id).toBe(before.session_id);
    expect((await prompt('history')).text).toContain('a:hello there');
  });

  it('says the new system prompt to the model after a change', async () => {
    await nox.call('agents_update', { params: agent, body: { system_prompt: 'You are the second version.' } });
    await running();
    expect((await prompt('system')).text).toContain('second version');
  });

  it('shows who changed what, and goes back: previewed, confirmed, live', async () => {
    const { commits } = await nox.call('registry_history', { query: { path: 'agents.toml' } });
    const [changed, created] = commits;
    expect(changed).toMatchObject({ actor: 'admin', object: `agent:${id}`, files: ['agents.toml'] });
    expect(changed?.request_id).toMatch(/^req_/);
    const diff = await nox.call('registry_commit', { params: { hash: changed?.hash ?? '' } });
    expect(diff.objects).toMatchObject([{ kind: 'agent', id, change: 'changed' }]);
    expect(diff.patch).toContain('-');
    const target = { commit_hash: created?.hash ?? '' };
    const preview = await nox.call('registry_rollback', { body: { ...target, dry_run: true } });
    expect(preview).toMatchObject({ dry_run: true, commit: null, reconciled: [{ agent_id: id, action: 'restart' }] });
    await expect(nox.call('registry_rollback', { body: target })).rejects.toMatchObject({
      code: 'CONFIRMATION_REQUIRED',
    });
    const record = git('rev-parse', 'record');
    const done = await nox.call('registry_rollback', { body: { ...target, confirm: true } });
    expect(done.commit).toMatchObject({ rollback_to: created?.hash });
    expect(done.reconciled).toMatchObject([{ agent_id: id, action: 'restart' }]);
    await firstOf(
      'the event of the rollback',
      nox.events({ after_seq: 0, areas: ['registry'] }),
      (event) => event.type === 'registry.rolled_back' && event.payload.commit.hash === done.commit?.hash,
    );
    await running();
    expect((await prompt('system')).text).toContain('first version');
    expect(git('merge-base', '--is-ancestor', record, 'record')).toBe('');
    expect(git('status', '--porcelain')).toBe('');
    expect(git('fsck', '--no-dangling')).toBe('');
  });

  it('sleeps and wakes at the next prompt', async () => {
    expect(await nox.call('agents_hibernate', { params: agent })).toMatchObject({ status: 'hibernated', pid: null });
    expect(await prompt('say awake')).toMatchObject({ status: 'complete', text: 'awake' });
  });

  it('stops: nothing of the agent is left', async () => {
    const { pid } = await status();
    expect(await nox.call('agents_stop', { params: agent })).toMatchObject({ status: 'inactive', pid: null });
    expect(isAlive(pid ?? 0)).toBe(false);
    await expect(prompt('say anyone?')).rejects.toMatchObject({ code: 'INVALID_STATE', status: 409 });
  });

  it('brings a deleted agent back by a rollback', async () => {
    await nox.call('agents_delete', { params: agent });
    await expect(status()).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND', status: 404 });
    const undone = await nox.call('registry_rollback', { body: { last: true, confirm: true } });
    expect(undone.reconciled).toMatchObject([{ agent_id: id, action: 'create' }]);
    expect(await status()).toMatchObject({ status: 'inactive' });
    await nox.call('agents_start', { params: agent });
    expect((await prompt('history')).text).toContain('a:hello there');
  });

  it('ends everything when it is asked to', async () => {
    const { pid } = await status();
    await nox.kill('SIGTERM');
    expect(isAlive(pid ?? 0)).toBe(false);
    expect(git('status', '--porcelain')).toBe('');
    expect(git('log', '--format=%s', 'record')).not.toBe('');
  });
});
