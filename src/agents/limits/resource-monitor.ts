import type { ResourceLimits } from '../../contracts/agent.js';
import type { EventPayload } from '../../contracts/event.js';
import type { AgentResources, ResourceSample } from '../../contracts/resources.js';
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/nox-error.js';
import type { ManagedProcess } from '../process/process-host.js';
import { TreeMeter, type TreeUsage } from '../process/sampler.js';
import type { RuntimeSession } from '../runtime/runtime.js';
import type { AgentSupervisor } from '../supervisor.js';
import type { RunFault } from '../supervisor-world.js';
import { decideLimits, forgetOld, type LimitMarks, type LimitSample, NO_MARKS } from './decide-limits.js';
import { holdMemory } from './held-run.js';
import type { RunCgroup, RunCgroups } from './run-cgroup.js';
import { Throttle } from './throttle.js';
import { UsageHistory } from './usage-history.js';

type ResourceEvent =
  'agent.resource_warning' | 'agent.resource_limit_exceeded' | 'agent.throttled' | 'agent.unthrottled';

/** What the monitor needs of the fleet. */
export interface MonitoredFleet {
  readonly clock: Clock;
  readonly cgroups: Pick<RunCgroups, 'enter' | 'sweep' | 'describe'>;
  readonly live: () => AgentSupervisor[];
  readonly get: (id: string) => AgentSupervisor;
  readonly limits: (id: string) => ResourceLimits;
  readonly health: () => { readonly sample_every_s: number; readonly cpu_average_s: number };
  readonly tell: <T extends ResourceEvent>(id: string, type: T, payload: EventPayload<T>) => Promise<void>;
  readonly warn: (message: string, fields: object) => void;
}

/** What one sample adds to the sums of a day. */
export interface UsageStep {
  readonly cpu_s: number;
  readonly memory_bytes: number;
}

/** One run, as far as its use of the machine goes. */
interface WatchedRun {
  readonly meter: TreeMeter;
  readonly cgroup: RunCgroup | null;
  samples: LimitSample[];
  marks: LimitMarks;
  throttle: Throttle | null;
  /** The limits that the kernel was told last. */
  max_memory_mb: number;
}

/**
 * Measures the tree of every live agent at regular times, keeps the figures of a day in memory, and holds agents to their
 * limits: those in force at the time of the sample, so a change of them needs no restart.
 */
export class ResourceMonitor {
  private readonly runs = new Map<RuntimeSession, WatchedRun>();
  private readonly faults = new WeakMap<RuntimeSession, RunFault>();
  private readonly histories = new Map<string, UsageHistory>();
  private readonly usages = new Map<string, TreeUsage | null>();
  /** Told of each sample. Set by wiring. */
  onSample: (id: string, step: UsageStep) => void = () => undefined;

  constructor(private readonly fleet: MonitoredFleet) {}

  /** Begins to sample; what an earlier Nox left of the cgroups of these runs, and of older ones, is removed. */
  start(left_run_ids: readonly string[]): void {
    this.fleet.cgroups.sweep(left_run_ids);
    // Whatever ends Nox, nothing may stay stopped.
    process.once('exit', () => this.releaseAll());
    this.next();
  }

  /** A run has just been started: from here on the kernel holds it too, where it can. */
  began(id: string, session: RuntimeSession): void {
    const limits = this.fleet.limits(id);
    const { run_id, pid, confinement } = session.identity;
    const cgroup = this.fleet.cgroups.enter(run_id, pid, limits, { in_v2: confinement === 'cgroup' });
    const { max_memory_mb } = limits;
    const run = { meter: new TreeMeter(), cgroup, samples: [], marks: NO_MARKS, throttle: null, max_memory_mb };
    this.runs.set(session, run);
    // Its turns count for the day, however short it lives.
    this.onSample(id, { cpu_s: 0, memory_bytes: 0 });
    void session.exited.then(({ signal }) => this.ended(id, session, run, signal));
  }

  /** Holds another program in the agent's place to the memory that the agent may have; see `holdMemory`. */
  holdMemory(id: string, run: ManagedProcess): Promise<string | null> {
    const limits = this.fleet.limits(id);
    const { run_id, pid, confinement } = run.identity;
    const cgroup = this.fleet.cgroups.enter(run_id, pid, limits, { in_v2: confinement === 'cgroup' });
    return holdMemory(run, { max_memory_mb: limits.max_memory_mb, cgroup, clock: this.fleet.clock });
  }

  /** Why a run has ended, when the kernel ended it for its memory. */
  faultOf(session: RuntimeSession): RunFault | undefined {
    return this.faults.get(session);
  }

  /** The agent's state has changed: one that is being ended runs freely, so that it can end well. */
  changed({ session, process_state }: AgentSupervisor): void {
    if (session !== undefined && process_state === 'stopping') this.release(session);
  }

  /** For people: how limits are held on this machine. */
  describe(): string {
    return this.fleet.cgroups.describe();
  }

  forget(id: string): void {
    this.histories.delete(id);
    this.usages.delete(id);
  }

  isThrottled(id: string): boolean {
    const { session } = this.fleet.get(id);
    return session !== undefined && this.runs.get(session)?.throttle != null;
  }

  /** Measured now; null when nothing runs. */
  async usage(id: string): Promise<TreeUsage | null> {
    const { session } = this.fleet.get(id);
    const run = session === undefined ? undefined : this.runs.get(session);
    const usage = session === undefined || run === undefined ? null : await run.meter.look(await session.tree());
    this.usages.set(id, usage);
    return usage;
  }

  /** The same as last measured, for lists: at most `agents.health.sample_every_s` old. */
  lastUsage(id: string): TreeUsage | null {
    return this.usages.get(id) ?? null;
  }

  /** Limits, what is used now, and what was used since `since_ms`, in at most `points` samples. */
  async resources(
    id: string,
    { since_ms = 0, points }: { since_ms?: number; points: number },
  ): Promise<AgentResources> {
    const usage = await this.usage(id);
    const { clock } = this.fleet;
    const history = this.histories.get(id)?.read(since_ms, points) ?? [];
    return {
      limits: this.fleet.limits(id),
      now: usage === null ? null : sampleOf(clock.iso(), usage),
      history: history.map(({ at_ms, ...point }) => sampleOf(clock.iso(at_ms), point)),
    };
  }

  /** One sample of every live agent. Never rejects. */
  async round(): Promise<void> {
    await Promise.all(
      this.fleet.live().map(async (agent) => {
        try {
          await this.look(agent);
        } catch (error) {
          this.fleet.warn('usage was not measured', { agent_id: agent.id, reason: messageOf(error) });
        }
      }),
    );
  }

  private next(): void {
    this.fleet.clock.after(this.fleet.health().sample_every_s * 1000, () => {
      void this.round().finally(() => this.next());
    });
  }

  private async look(agent: AgentSupervisor): Promise<void> {
    const { id, session } = agent;
    const run = session === undefined ? undefined : this.runs.get(session);
    if (session === undefined || run === undefined) return;
    const { cpu_s, ...usage } = await run.meter.sample(await session.tree());
    const at_ms = this.fleet.clock.now();
    this.onSample(id, { cpu_s, memory_bytes: usage.memory_bytes });
    if (agent.session !== session) return;
    this.usages.set(id, usage);
    this.historyOf(id).add({ at_ms, ...usage });
    this.hold(agent, session, run, { at_ms, ...usage });
  }

  /** Decides by what was measured, and does it. */
  private hold(agent: AgentSupervisor, session: RuntimeSession, run: WatchedRun, sample: LimitSample): void {
    const { id } = agent;
    const { clock, tell } = this.fleet;
    const limits = this.fleet.limits(id);
    if (run.max_memory_mb !== limits.max_memory_mb) run.cgroup?.setLimits(limits);
    run.max_memory_mb = limits.max_memory_mb;
    const cpu_window_ms = this.fleet.health().cpu_average_s * 1000;
    run.samples = [...forgetOld(run.samples, cpu_window_ms, sample.at_ms), sample];
    const { verdict, marks } = decideLimits({ ...run, cpu_window_ms }, limits, sample.at_ms);
    run.marks = marks;
    // One that is being ended already is left alone.
    if (agent.process_state === 'stopping') return;
    run.throttle?.adjust(sample.cpu_percent, limits.max_cpu_percent);
    switch (verdict.action) {
      case 'none':
        return;
      case 'warn':
        this.say(id, tell(id, 'agent.resource_warning', toldOf('memory', verdict)));
        return;
      case 'stop':
        this.say(id, tell(id, 'agent.resource_limit_exceeded', toldOf('memory', verdict)));
        // Not awaited: one that cannot be ended must not keep the others from being measured.
        this.say(id, agent.endHung(verdict.reason, 'out_of_memory'));
        return;
      case 'throttle':
        run.throttle = new Throttle(session, run.cgroup, verdict, {
          clock,
          onError: (error) => {
            // It runs freely then; the next sample throttles it anew.
            run.throttle = null;
            run.marks = { ...run.marks, throttled: false };
            this.notDone(id, error);
          },
        });
        agent.announce();
        this.say(id, tell(id, 'agent.throttled', toldOf('cpu', verdict)));
        return;
      case 'unthrottle':
        this.release(session);
        agent.announce();
        this.say(id, tell(id, 'agent.unthrottled', { reason: verdict.reason }));
    }
  }

  private ended(id: string, session: RuntimeSession, run: WatchedRun, signal: string | null): void {
    this.release(session);
    if (signal === 'SIGKILL' && (run.cgroup?.memoryKills() ?? 0) > 0) {
      this.faults.set(session, { reason: 'memory: the kernel ended it at its limit', exit: 'out_of_memory' });
    }
    this.runs.delete(session);
    this.usages.set(id, null);
    void run.cgroup?.remove();
  }

  private release(session: RuntimeSession): void {
    const run = this.runs.get(session);
    run?.throttle?.release();
    if (run !== undefined) run.throttle = null;
  }

  private releaseAll(): void {
    for (const session of this.runs.keys()) this.release(session);
  }

  private historyOf(id: string): UsageHistory {
    const known = this.histories.get(id) ?? new UsageHistory();
    this.histories.set(id, known);
    return known;
  }

  private say(id: string, work: Promise<void>): void {
    work.catch((error: unknown) => this.notDone(id, error));
  }

  private notDone(id: string, error: unknown): void {
    this.fleet.warn('a limit was not held or not told', { agent_id: id, reason: messageOf(error) });
  }
}

const toldOf = <R extends 'memory' | 'cpu'>(
  resource: R,
  { used, limit, reason }: { used: number; limit: number; reason: string },
): { resource: R; used: number; limit: number; reason: string } => ({ resource, used, limit, reason });

const sampleOf = (timestamp: string, usage: TreeUsage): ResourceSample => ({
  timestamp,
  memory_bytes: usage.memory_bytes,
  cpu_percent: Math.round(usage.cpu_percent * 10) / 10,
  processes: usage.processes,
});
