import { describe, expect, it } from '@jest/globals';
import type { ResourceLimits } from '../../contracts/agent.js';
import { ManualClock } from '../../shared/clock.js';
import type { RuntimeSession } from '../runtime/runtime.js';
import type { AgentSupervisor } from '../supervisor.js';
import { ResourceMonitor } from './resource-monitor.js';
import type { RunCgroup } from './run-cgroup.js';

const MIB = 2 ** 20;
const LIMITS: ResourceLimits = {
  max_memory_mb: 8192,
  max_cpu_percent: 800,
  max_concurrent_tasks: 1,
  max_spawn_rate: 1,
  max_depth: 1,
};

/** One agent whose "tree" is the process of this test, in a cgroup that only remembers what it was told. */
function monitored(limits: { now: ResourceLimits }, { kills = 0 } = {}) {
  const clock = new ManualClock();
  const told: string[] = [];
  const events: string[] = [];
  const ended: string[] = [];
  const cgroup: RunCgroup = {
    holds_cpu: true,
    setLimits: ({ max_memory_mb }) => told.push(`memory ${max_memory_mb}`),
    setCpu: (percent) => told.push(`cpu ${percent}`),
    memoryKills: () => kills,
    remove: async () => void told.push('removed'),
  };
  const { promise: exited, resolve: exit } = Promise.withResolvers<{ signal: string | null }>();
  const session = {
    identity: { run_id: 'run_1', pid: process.pid, confinement: 'pid-namespace' },
    tree: async () => [process.pid],
    exited,
  } as unknown as RuntimeSession;
  const agent = {
    id: 'lead',
    session,
    process_state: 'running',
    endHung: async (reason: string, as: string) => void ended.push(`${as}: ${reason}`),
    announce: () => events.push('announced'),
  };
  const supervisor = agent as unknown as AgentSupervisor;
  const monitor = new ResourceMonitor({
    clock,
    cgroups: { enter: () => cgroup, sweep: () => undefined, describe: () => 'here' },
    live: () => [supervisor],
    get: () => supervisor,
    limits: () => limits.now,
    health: () => ({ sample_every_s: 5, cpu_average_s: 60 }),
    tell: async (_, type) => void events.push(type),
    warn: (message, fields) => events.push(`${message} ${JSON.stringify(fields)}`),
  });
  monitor.began('lead', session);
  return { monitor, clock, told, events, ended, session, supervisor, exit };
}

describe('ResourceMonitor', () => {
  it('measures, remembers and tells the sums', async () => {
    const { monitor, events } = monitored({ now: LIMITS });
    const steps: number[] = [];
    monitor.onSample = (_, { memory_bytes }) => steps.push(memory_bytes);
    expect(monitor.lastUsage('lead')).toBeNull();
    await monitor.round();
    expect(monitor.lastUsage('lead')?.memory_bytes).toBeGreaterThan(10 * MIB);
    expect(steps).toHaveLength(1);
    const { limits, now, history } = await monitor.resources('lead', { points: 10 });
    expect(limits).toEqual(LIMITS);
    expect(now?.processes).toBe(1);
    expect(history).toHaveLength(1);
    expect(events).toEqual([]);
  });

  it('tells the kernel of a changed limit, and ends the run over it at the next sample', async () => {
    const limits = { now: LIMITS };
    const { monitor, told, ended, events } = monitored(limits);
    await monitor.round();
    expect(told).toEqual([]);
    limits.now = { ...LIMITS, max_memory_mb: 64 };
    expect((await monitor.usage('lead'))?.memory_bytes).toBeGreaterThan(71 * MIB);
    await monitor.round();
    expect(told).toEqual(['memory 64']);
    expect(events).toEqual(['agent.resource_limit_exceeded']);
    expect(ended).toEqual([expect.stringMatching(/^out_of_memory: memory: \d+ MiB in use, 64 MiB allowed$/)]);
  });

  it.each([
    ['the kernel killed for want of memory', 1, 'SIGKILL', 'out_of_memory'],
    ['was killed otherwise', 0, 'SIGKILL', undefined],
    ['ended otherwise after a child of it was killed for memory', 1, null, undefined],
  ])('names the end of a run that %s', async (_, kills, signal, exit_class) => {
    const { monitor, session, exit, told } = monitored({ now: LIMITS }, { kills });
    exit({ signal });
    await session.exited;
    expect(monitor.faultOf(session)?.exit).toBe(exit_class);
    expect(told).toEqual(['removed']);
    expect(monitor.lastUsage('lead')).toBeNull();
  });

  it('throttles by the quota of the kernel, follows the limit, and frees one that is to end', async () => {
    const limits = { now: { ...LIMITS, max_cpu_percent: 1 } };
    const { monitor, clock, told, events, supervisor } = monitored(limits);
    await monitor.round();
    burn(300);
    clock.advance(61_000);
    await monitor.round();
    expect(told).toEqual(['cpu 1']);
    expect(events).toEqual(['announced', 'agent.throttled']);
    expect(monitor.isThrottled('lead')).toBe(true);
    limits.now = { ...LIMITS, max_cpu_percent: 2 };
    burn(300);
    clock.advance(5000);
    await monitor.round();
    expect(told.at(-1)).toBe('cpu 2');
    Object.assign(supervisor, { process_state: 'stopping' });
    monitor.changed(supervisor);
    expect(told.at(-1)).toBe('cpu null');
    expect(monitor.isThrottled('lead')).toBe(false);
  });
});

/** Uses the processor for so long. */
function burn(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
