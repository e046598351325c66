import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Approval } from '../../src/contracts/approval.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

describe('calls that outlive their process, with the real Claude CLI', () => {
  let nox: NoxServer;
  const params = { id: 'worker' };
  const file = (name: string) => join(nox.workspace, 'workspaces', 'worker', name);
  const runs = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8').split('\n').length - 1 : 0);
  const status = () => nox.call('agents_status', { params });
  const waiting = (wanted: Approval['status']) =>
    eventually(`a request that is ${wanted}`, async () => {
      const { approvals } = await nox.call('approvals_list', { query: { status: 'pending' } });
      return approvals.find((approval) => approval.status === wanted);
    });
  /** Prompts, and does not wait: the answer may come from another Nox. */
  const begin = async (content: string): Promise<string> => {
    nox.call('agents_prompt', { params, body: { content } }).catch(() => undefined);
    return eventually('the turn', async () => {
      const { turns } = await nox.call('agents_conversation', { params });
      return turns.find(({ prompt, ended_at }) => prompt === content && ended_at === null)?.id;
    });
  };
  const ended = (id: string) =>
    eventually('the end of the turn', async () => {
      const turn = await nox.call('turns_get', { params: { id } });
      return turn.ended_at === null ? undefined : turn;
    });
  const parkAfter = (park_after_s: number) =>
    nox.call('policy_write', { body: { text: `schema_version = 1\n[defaults]\npark_after_s = ${park_after_s}\n` } });
  const append = (name: string) => `tool Bash {"command":"echo ran >> ${name}"}\nsay done with ${name}`;

  beforeAll(async () => {
    nox = await NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } });
    await parkAfter(1);
    await nox.call('agents_create', { body: { name: 'Worker', id: 'worker', system_prompt: '', start: true } });
  });
  afterAll(() => nox.close());

  it('parks a call, ends the process, outlives kill -9 and a restart, and runs it exactly once', async () => {
    const turn_id = await begin(append('one.txt'));
    const { id } = await waiting('parked');
    await eventually('the process is gone', async () => (await status()).process_state === 'hibernated');
    expect(await status()).toMatchObject({ status: 'hibernated', pid: null });
    await nox.restart('SIGKILL');
    await nox.restart('SIGTERM');
    expect((await waiting('parked')).id).toBe(id);
    expect(runs('one.txt')).toBe(0);
    const approved = await nox.call('approvals_approve', { params: { id }, body: { reason: 'later' } });
    expect(approved).toMatchObject({ status: 'approved', decided_by: 'admin' });
    expect(await ended(turn_id)).toMatchObject({
      status: 'complete',
      text: expect.stringContaining('done with one.txt'),
    });
    expect(runs('one.txt')).toBe(1);
    await expect(nox.call('approvals_deny', { params: { id } })).rejects.toMatchObject({ status: 409 });
    await eventually(
      'what ran is recorded',
      async () => (await nox.call('approvals_get', { params: { id } })).executed === true,
    );
    const { entries } = await nox.call('audit_list', { query: { approval_id: id } });
    expect(entries.map(({ kind }) => kind).toReversed()).toEqual(['requested', 'parked', 'approved', 'executed']);
    expect(await nox.call('audit_verify')).toMatchObject({ ok: true, problem: null });
  });

  it('tells the agent of a denial that came while it slept', async () => {
    const turn_id = await begin(append('two.txt'));
    const { id } = await waiting('parked');
    await nox.call('approvals_deny', { params: { id }, body: { reason: 'not while I slept' } });
    const turn = await ended(turn_id);
    expect(JSON.stringify(turn.blocks)).toContain('not while I slept');
    expect(runs('two.txt')).toBe(0);
  });

  it('holds a batch live, since parking would lose all but one of it', async () => {
    const turn_id = await begin(
      'tools\n- Bash {"command":"echo ran >> three.txt"}\n- Bash {"command":"echo ran >> four.txt"}\nsay both',
    );
    for (const _ of [1, 2]) {
      const request = await waiting('pending');
      // Twice the time after which it would be parked, if it could be.
      await nox.advance(2000);
      expect((await nox.call('approvals_get', { params: { id: request.id } })).status).toBe('pending');
      await nox.call('approvals_approve', { params: { id: request.id } });
    }
    await ended(turn_id);
    expect([runs('three.txt'), runs('four.txt')]).toEqual([1, 1]);
  });

  it('parks what waits before a shutdown', async () => {
    await parkAfter(3600);
    const turn_id = await begin(append('five.txt'));
    const { id } = await waiting('pending');
    await nox.restart('SIGTERM');
    // The agent is started again and its call comes back by itself.
    expect((await waiting('pending')).id).toBe(id);
    await nox.call('approvals_approve', { params: { id } });
    expect((await ended(turn_id)).status).toBe('complete');
    expect(runs('five.txt')).toBe(1);
  });
});
