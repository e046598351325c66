import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentStatus } from '../../src/contracts/agent.js';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

const FILE = 'agent-relationships.toml';

/** A lead with three workers, where each needs those before it; real processes. */
describe('a group with rest_for_one', () => {
  let nox: NoxServer;
  const workers = ['one', 'two', 'three'];
  const status = (id: string) => nox.call('agents_status', { params: { id } });
  const pids = async () => Promise.all(workers.map(async (id) => (await status(id)).pid));
  const allRun = () =>
    eventually('the group runs', async () => {
      const states = await Promise.all(['lead', ...workers].map(status));
      return states.every(({ process_state }) => process_state === 'running');
    });
  const relate = (to: string) =>
    nox.call('relationships_add', {
      params: { id: 'lead' },
      body: { target_agent_id: to, type: 'supervisor', strategy: 'rest_for_one' },
    });
  /** `running one`, `stopping two`, … since the event `after_seq`, in order. */
  const moves = async (after_seq: number, words: readonly string[]): Promise<string[]> => {
    const { events } = await nox.call('events', { query: { follow: 'false', after_seq, areas: 'agent', limit: 1000 } });
    return events.flatMap(({ type, agent_id, payload }) => {
      if (type !== 'agent.status_changed') return [];
      const { status: now, previous } = payload as { status: AgentStatus; previous: { process_state: string } };
      if (now.process_state === previous.process_state || !words.includes(now.process_state)) return [];
      return [`${now.process_state} ${agent_id}`];
    });
  };
  const lastSeq = async () =>
    (await nox.call('events', { query: { follow: 'false', after_seq: 0, limit: 1000 } })).last_seq;

  beforeAll(async () => {
    nox = await NoxServer.start();
    for (const id of workers) {
      await nox.call('agents_create', {
        body: { ...fakeAgent(id), restart: { intensity: 1, backoff_ms: { initial: 50, max: 100 } } },
      });
    }
    await nox.call('agents_create', { body: fakeAgent('lead', false) });
  });
  afterAll(() => nox.close());

  it('is written to the registry, one commit each', async () => {
    for (const id of workers) await relate(id);
    const subjects = execFileSync('git', ['-C', nox.registry, 'log', '-3', '--format=%s', 'main'], {
      encoding: 'utf8',
    });
    expect(subjects.trim().split('\n')).toEqual(workers.toReversed().map((id) => `relationships: add lead -> ${id}`));
    expect(readFileSync(join(nox.registry, FILE), 'utf8')).toMatch(
      /# Who works with whom[^]*\[\[relationships\]\]\nfrom/,
    );
    const { relationships } = await nox.call('relationships_list', { params: { id: 'two' } });
    expect(relationships).toEqual([{ from: 'lead', to: 'two', type: 'supervisor', strategy: 'rest_for_one' }]);
  });

  it('refuses a circle, and an agent that is not there', async () => {
    const body = { target_agent_id: 'lead', type: 'supervisor' } as const;
    await expect(nox.call('relationships_add', { params: { id: 'one' }, body })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('circle of supervisors'),
    });
    await expect(relate('nobody')).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND' });
  });

  it('starts with its supervisor in order, and stops with it in reverse', async () => {
    for (const id of workers) await nox.call('agents_stop', { params: { id } });
    for (const id of workers) await nox.call('agents_start', { params: { id } });
    await nox.call('agents_start', { params: { id: 'lead' } });
    const before_stop = await lastSeq();
    await nox.call('agents_stop', { params: { id: 'lead' } });
    expect(await moves(before_stop, ['stopped'])).toEqual([
      'stopped three',
      'stopped two',
      'stopped one',
      'stopped lead',
    ]);
    expect(await status('two')).toMatchObject({ desired_state: 'active', reason: 'stopped by admin with lead' });
    const before_start = await lastSeq();
    await nox.call('agents_start', { params: { id: 'lead' } });
    expect(await moves(before_start, ['running'])).toEqual([
      'running lead',
      'running one',
      'running two',
      'running three',
    ]);
  });

  it('replaces those behind the one that dies, and delivers what was asked meanwhile', async () => {
    await allRun();
    const before = await pids();
    const seq = await lastSeq();
    process.kill((await status('two')).pid ?? 0, 'SIGKILL');
    const waiting = await eventually('three waits for two', async () => {
      const { reason } = await status('three');
      return reason?.includes('two') === true || (await pids())[2] !== before[2];
    });
    expect(waiting).toBe(true);
    const reply = await nox.call('agents_prompt', { params: { id: 'three' }, body: { content: 'say still here' } });
    expect(reply).toMatchObject({ status: 'complete', text: 'still here' });
    await allRun();
    const after = await pids();
    expect(after.map((pid, n) => pid === before[n])).toEqual([true, false, false]);
    expect(await moves(seq, ['backoff', 'hibernated', 'running'])).toEqual([
      'backoff two',
      'hibernated three',
      'running two',
      'running three',
    ]);
  });

  it('stands still behind one that gave up, until a person resets its breaker', async () => {
    await allRun();
    for (;;) {
      const { pid, process_state } = await status('two');
      if (process_state === 'failed') break;
      if (process_state === 'running' && pid !== null) process.kill(pid, 'SIGKILL');
      await eventually('its end', async () => (await status('two')).pid !== pid);
    }
    const failed = await status('two');
    expect(failed).toMatchObject({
      status: 'failed',
      breaker: { state: 'open', reason: expect.stringContaining('ended 2') },
    });
    expect(Date.parse(failed.breaker.open_until ?? '')).toBeGreaterThan(Date.now());
    await eventually('three is stopped', async () => (await status('three')).process_state === 'stopped');
    expect(await status('one')).toMatchObject({ process_state: 'running' });
    const reset = await nox.call('agents_reset_breaker', { params: { id: 'two' } });
    expect(reset).toMatchObject({ process_state: 'running', breaker: { state: 'closed' } });
    await allRun();
  });

  it('starts nothing when one in the middle cannot start', async () => {
    await nox.call('agents_stop', { params: { id: 'lead' } });
    await nox.call('agents_update', { params: { id: 'two' }, body: { command: ['/nowhere/at-all'] } });
    await expect(nox.call('agents_start', { params: { id: 'lead' } })).rejects.toMatchObject({
      code: 'AGENT_START_FAILED',
    });
    expect(await status('lead')).toMatchObject({ process_state: 'stopped', desired_state: 'inactive' });
    expect(await status('one')).toMatchObject({ process_state: 'stopped', desired_state: 'active' });
    expect(await status('two')).toMatchObject({ process_state: 'stopped' });
  });

  it('is no group any more when the relationship is taken away', async () => {
    const gone = { params: { id: 'lead' }, body: { target_agent_id: 'two' } };
    expect((await nox.call('relationships_remove', gone)).relationships.map(({ to }) => to)).toEqual(['one', 'three']);
    await expect(nox.call('relationships_remove', gone)).rejects.toMatchObject({ status: 404 });
    expect(await nox.call('agents_start', { params: { id: 'lead' } })).toMatchObject({ process_state: 'running' });
    await eventually('one and three run', async () => (await status('three')).process_state === 'running');
  });
});
