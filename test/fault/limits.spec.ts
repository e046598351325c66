import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyNoxEvent } from '../../src/contracts/event.js';
import { readRow } from '../../src/agents/process/procfs.js';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';
import { eventually } from '../support/wait.js';
import { livingOf } from './fault-support.js';

const CPU_CGROUPS = '/sys/fs/cgroup/cpu/nox';
const AVERAGE_S = 3;
const MIB = 2 ** 20;

describe('limits of agents', () => {
  let nox: NoxServer;
  let folder: TempDir;
  let runs: Set<string>;

  beforeEach(async () => {
    folder = await makeTempDir('nox-fake-');
    nox = await NoxServer.start({ env: { FAKE_AGENT_HOME: folder.path } });
    await nox.kill('SIGTERM');
    writeFileSync(
      join(nox.registry, 'system-config.toml'),
      `schema_version = 1\n[agents.health]\nsample_every_s = 1\ncpu_average_s = ${AVERAGE_S}\n`,
    );
    await nox.boot();
    runs = new Set();
  });
  afterEach(async () => {
    for (const { run_id } of livingOf(folder.path)) runs.add(run_id);
    await nox.close();
    expect(livingOf(folder.path)).toEqual([]);
    const left = existsSync(CPU_CGROUPS) ? readdirSync(CPU_CGROUPS).filter((name) => runs.has(name)) : [];
    expect(left).toEqual([]);
    await folder.remove();
  });

  type Limits = NonNullable<Parameters<typeof create>[1]>;
  const create = (id: string, resource_limits?: { max_memory_mb?: number; max_cpu_percent?: number }) =>
    nox.call('agents_create', { body: { ...fakeAgent(id), ...(resource_limits && { resource_limits }) } });
  const limit = (id: string, resource_limits: Limits) =>
    nox.call('agents_update', { params: { id }, body: { resource_limits } });
  const prompt = (id: string, content: string) =>
    nox.call('agents_prompt', { params: { id }, body: { content, wait: true } });
  const status = (id: string) => nox.call('agents_status', { params: { id } });
  const resources = (id: string) => nox.call('agents_resources', { params: { id } });
  const told = async (id: string, type: AnyNoxEvent['type']) =>
    (await nox.call('events', { query: { follow: 'false', areas: 'agent', after_seq: 0, limit: 1000 } })).events.filter(
      (event) => event.agent_id === id && event.type === type,
    );

  it('ends one that eats memory, says why, starts it again and leaves the others alone', async () => {
    await Promise.all([create('hog', { max_memory_mb: 300 }), create('calm')]);
    const before = await status('hog');
    const calm = await status('calm');
    const turn = await prompt('hog', 'eat 500\nsay eaten\nhang');
    expect(turn.status).toBe('interrupted');
    expect((await nox.call('turns_get', { params: { id: turn.turn_id } })).reason).toMatch(
      /^the process ended: memory: \d+ MiB in use, 300 MiB allowed$/,
    );
    expect(await told('hog', 'agent.resource_limit_exceeded')).toMatchObject([
      { payload: { resource: 'memory', limit: 300 * MIB, reason: expect.stringMatching(/^memory: /) } },
    ]);
    const after = await eventually('it is back', async () => {
      const now = await status('hog');
      return now.status === 'idle' && now.pid !== before.pid ? now : undefined;
    });
    expect(after.restart_count).toBe(1);
    expect((await prompt('hog', 'say back')).text).toBe('back');
    expect(await status('calm')).toMatchObject({ pid: calm.pid, restart_count: 0, status: 'idle' });
    const crash = await nox.call('events', { query: { follow: 'false', after_seq: 0, limit: 1000 } });
    const reasons = crash.events.flatMap(({ agent_id, type, payload }) =>
      agent_id === 'hog' && type === 'agent.status_changed'
        ? [(payload as { status: { reason?: string } }).status.reason ?? '']
        : [],
    );
    expect(reasons).toContainEqual(expect.stringMatching(/^memory: .*; out of memory, restart 1$/));
  });

  it('takes changed limits at once, without a restart', async () => {
    await create('eater', { max_memory_mb: 2000 });
    await prompt('eater', 'eat 200\nsay eaten');
    const { pid } = await status('eater');
    const used = await eventually('it is measured', async () => (await resources('eater')).now?.memory_bytes);
    expect(used).toBeGreaterThan(200 * MIB);

    await limit('eater', { max_memory_mb: Math.round((used / MIB) * 1.05) });
    const [warning] = await eventually('the warning', async () => {
      const found = await told('eater', 'agent.resource_warning');
      return found.length > 0 ? found : undefined;
    });
    expect(warning?.payload).toMatchObject({ resource: 'memory', reason: expect.stringMatching(/^memory: /) });
    expect((await status('eater')).pid).toBe(pid);

    await limit('eater', { max_memory_mb: Math.round(used / MIB / 1.5) });
    await eventually('its end', async () => (await told('eater', 'agent.resource_limit_exceeded')).length === 1);
    expect(await told('eater', 'agent.resource_warning')).toHaveLength(1);
    const { history, limits } = await resources('eater');
    expect(limits).toMatchObject({ max_memory_mb: Math.round(used / MIB / 1.5), max_cpu_percent: 50 });
    expect(Math.max(...history.map(({ memory_bytes }) => memory_bytes))).toBeGreaterThan(200 * MIB);
  });

  it('throttles one that burns the processor; it and its neighbours still answer', async () => {
    await Promise.all([create('burner', { max_cpu_percent: 30 }), create('calm')]);
    const { pid } = await status('burner');
    await prompt('burner', 'burn 1\nsay lit');
    await eventually('the throttle', async () => (await told('burner', 'agent.throttled')).length === 1);
    expect(await status('burner')).toMatchObject({ throttled: true, process_state: 'running' });
    expect(await status('calm')).not.toHaveProperty('throttled');

    // Whatever it was before, from now on it has its share and no more, within what a sample can tell.
    const since = new Date().toISOString();
    const held = await eventually('samples of the throttled', async () => {
      const { history } = await nox.call('agents_resources', { params: { id: 'burner' }, query: { since } });
      return history.length >= 4 ? history : undefined;
    });
    const mean = held.slice(1).reduce((sum, { cpu_percent }) => sum + cpu_percent, 0) / (held.length - 1);
    expect(mean).toBeGreaterThan(3);
    expect(mean).toBeLessThan(60);
    for (const id of ['burner', 'calm', 'burner', 'calm']) expect((await prompt(id, 'say here')).text).toBe('here');
    expect(await told('calm', 'agent.throttled')).toEqual([]);

    await limit('burner', { max_cpu_percent: 400 });
    await eventually('its freedom', async () => (await told('burner', 'agent.unthrottled')).length === 1);
    expect(await status('burner')).toMatchObject({ pid, restart_count: 0 });
    expect(await status('burner')).not.toHaveProperty('throttled');
    expect(livingOf(folder.path).filter((each) => readRow(each.pid)?.state === 'T')).toEqual([]);
  });

  it('never throttles an ordinary story, and says how limits are held', async () => {
    await create('story');
    const lines = Array.from({ length: 8 }, (_, n) => `slow 20@50 part${n}`).join('\n');
    await prompt('story', lines);
    await prompt('story', 'say the end');
    expect(await told('story', 'agent.throttled')).toEqual([]);
    const { now, history } = await resources('story');
    expect(now?.processes).toBe(1);
    expect(history.length).toBeGreaterThan(3);
    const { components } = await nox.call('system_status');
    expect(components['resource_limits']).toMatchObject({
      status: 'ok',
      detail: expect.stringMatching(/^Limits are held by/),
    });
  });
});
