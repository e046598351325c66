import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { ownCgroups } from '../../src/agents/limits/own-cgroups.js';
import { RunCgroups } from '../../src/agents/limits/run-cgroup.js';
import { createProcessHost } from '../../src/agents/process/native-process-host.js';
import type { ManagedProcess } from '../../src/agents/process/process-host.js';
import { makeTempDir } from '../support/temp-dir.js';
import { firstLine, killMarked, newMark, startShell } from './process-support.js';

const read = (path: string): string => readFileSync(path, 'utf8');
const { v1 } =
  process.platform === 'linux'
    ? ownCgroups(read('/proc/self/cgroup'), read('/proc/self/mountinfo'))
    : { v1: new Map() };
const cgroups = RunCgroups.detect();
const has_cpu = / for .*\bcpu\b.*, beside/.test(cgroups.describe());
const CPU = join(v1.get('cpu') ?? '/nowhere', 'nox');

const host = createProcessHost();

/** Of version 1 and for root: elsewhere nothing of this is to be had. */
(has_cpu ? describe : describe.skip)('a cgroup for each run', () => {
  const runs: ManagedProcess[] = [];
  afterEach(async () => {
    for (const run of runs.splice(0)) await run.end({ grace_ms: 0 });
  });
  afterAll(killMarked);

  it('holds the whole tree, is set and freed, and is gone after the run', async () => {
    const run = await startShell(host, 'sleep "$1" & echo ready; wait', newMark());
    runs.push(run);
    const { run_id, pid } = run.identity;
    const cgroup = cgroups.enter(run_id, pid, { max_memory_mb: 512 });
    await firstLine(run.stdout);
    const folder = join(CPU, run_id);
    const members = read(join(folder, 'cgroup.procs')).split('\n').filter(Boolean).map(Number);
    expect(members).toEqual(expect.arrayContaining([pid, ...(await run.tree())]));
    expect(cgroup?.holds_cpu).toBe(true);
    cgroup?.setCpu(30);
    expect(read(join(folder, 'cpu.cfs_quota_us'))).toBe('30000\n');
    cgroup?.setCpu(null);
    expect(read(join(folder, 'cpu.cfs_quota_us'))).toBe('-1\n');
    cgroup?.setLimits({ max_memory_mb: 256 });
    expect(cgroup?.memoryKills()).toBe(0);
    await run.end({ grace_ms: 0 });
    await cgroup?.remove();
    expect(existsSync(folder)).toBe(false);
    // What is asked of it afterwards does nothing.
    cgroup?.setCpu(10);
    cgroup?.setLimits({ max_memory_mb: 128 });
  });

  it('is not to be had for a process that is gone, and leaves nothing then', async () => {
    const run = await startShell(host, 'exit 0');
    run.stdout.resume();
    await run.exited;
    const cgroup = cgroups.enter(run.identity.run_id, run.identity.pid, { max_memory_mb: 512 });
    await cgroup?.remove();
    expect(existsSync(join(CPU, run.identity.run_id))).toBe(false);
  });

  it('is swept when an earlier Nox left it, but not while it may just have been made', () => {
    const [old, young] = [join(CPU, `test-old-${process.pid}`), join(CPU, `test-young-${process.pid}`)];
    for (const folder of [old, young]) mkdirSync(folder, { recursive: true });
    utimesSync(old, 1, 1);
    cgroups.sweep();
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
    cgroups.sweep([`test-young-${process.pid}`]);
    expect(existsSync(young)).toBe(false);
  });
});

describe('where cgroups are not to be had', () => {
  it('every answer is none, and it is said', () => {
    const none = RunCgroups.detect('/nowhere');
    expect(none.describe()).toMatch(/by samples/);
    expect(none.enter('run', process.pid, { max_memory_mb: 512 })).toBeNull();
    none.sweep();
  });

  it('does not take a folder for one', async () => {
    await using folder = await makeTempDir('nox-cgroup-');
    const mounts = new Map([['memory', folder.path]]);
    expect(RunCgroups.on({ v1: mounts, v2: null }).describe()).toMatch(/no cgroup controller is usable/);
  });
});
