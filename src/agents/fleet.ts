import { Inject, Injectable } from '@nestjs/common';
import { type AgentConfig, type AgentStatus, Priority } from '../contracts/agent.js';
import { ApprovalsService } from '../approvals/approvals.service.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { failpoint } from '../shared/failpoint.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { limitsOf, restartConfigOf } from './agent-settings.js';
import { isAtRest, isLive } from './agent-state.js';
import { statusOf } from './agent-status.js';
import { EmergencyLatch } from './emergency-latch.js';
import { endAtOnce } from './emergency-end.js';
import { startBatches, type SupervisionTree, supervisionTree } from './groups.js';
import { GroupKeeper } from './groups-keeper.js';
import { Launcher } from './launcher.js';
import { LivePool } from './live-pool.js';
import { ResourceMonitor } from './limits/resource-monitor.js';
import { RunCgroups } from './limits/run-cgroup.js';
import { LogBook } from './log-book.js';
import { ProcessHost } from './process/process-host.js';
import type { TreeUsage } from './process/sampler.js';
import { RunStore } from './run-store.js';
import type { ToolServers } from './runtime/runtime.js';
import { classifyExit } from './runtime/stream-json/classify-exit.js';
import { type AgentWork, RunObserver } from './run-observer.js';
import { SleepKeeper } from './sleep-keeper.js';
import { AgentSupervisor } from './supervisor.js';
import { WatchdogRounds } from './watchdog-rounds.js';

/** Agents started at the same time after a restart of Nox: each spawn costs half a second of processor time. */
const STARTS_AT_ONCE = 4;

/**
 * All supervisors, one per agent of the registry. Contract: commands to one agent run one after another, agents beside
 * each other; a stop overtakes a start that is still under way.
 */
@Injectable()
export class Fleet {
  private readonly supervisors = new Map<string, AgentSupervisor>();
  private readonly queue = new KeyedQueue();
  private readonly wishes = new Map<string, () => Promise<void>>();
  /** Agents that a person stopped and the registry could not be told of, and why. */
  private readonly held = new Map<string, string>();
  private readonly watchdog: WatchdogRounds;
  private readonly pool: LivePool;
  /** What the agents use of the machine, and what they may. */
  readonly resources: ResourceMonitor;
  /** Those whose members start, stop and come back together. */
  readonly groups: GroupKeeper;
  private readonly sleep: SleepKeeper;
  private changes = 0;
  private closing = false;
  /** Set by wiring: sessions watch the runs. */
  observer: RunObserver | undefined;
  /** Set by wiring: the tools that Nox gives to an agent's process; asked at each start. */
  toolsOf: (agent_id: string) => ToolServers | undefined = () => undefined;
  /** Set by wiring: failures of work that nobody waits for. */
  warn: (message: string, fields: object) => void = () => undefined;

  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(ProcessHost) private readonly host: ProcessHost,
    @Inject(Launcher) private readonly launcher: Launcher,
    @Inject(RunStore) private readonly store: RunStore,
    @Inject(LogBook) private readonly logs: LogBook,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(EmergencyLatch) private readonly emergency: EmergencyLatch,
  ) {
    this.groups = new GroupKeeper({
      tree: () => this.tree(),
      state: (id) => this.get(id).process_state,
      should_run: (id) => registry.agents().get(id)?.desired_state === 'active',
      start: (id, reason, options) =>
        this.serially(id, async () => {
          if (!isLive(this.get(id).process_state)) await this.start(id, reason, options);
        }).catch((error: unknown) => this.notStarted(id, error)),
      stop: async (id, to, reason, how = {}) => {
        await this.get(id).stop(to, reason, this.graceOf(how), { remember: true });
        if (to === 'hibernated') return;
        this.observed().onRetired(id, reason);
        await this.store.setHibernated(id, false);
      },
      warn: (message, fields) => this.warn(message, fields),
    });
    this.pool = new LivePool({
      max: () => registry.config().agents.max_live_agents,
      live: () => this.live().map(({ id }) => id),
      idle: () => this.idle(),
      sleep: (id, reason) => this.sleep.sleepIfIdle(this.get(id), reason),
    });
    this.sleep = new SleepKeeper({
      clock,
      has: (id) => this.has(id),
      work: (id) => this.workOf(id),
      hasWork: (id) => this.hasWork(id),
      rank: (id) => this.rank(id),
      hibernate_after_s: (id) =>
        this.configOf(id).idle?.hibernate_after_s ?? registry.config().agents.hibernate_after_s,
      serially: (id, job) => this.serially(id, job),
      hibernate: (id, reason) => this.hibernate(id, reason),
      wake: (id) => this.wake(id),
      warn: (message, fields) => this.warn(message, fields),
    });
    this.resources = new ResourceMonitor({
      clock,
      cgroups: RunCgroups.detect(),
      live: () => this.live(),
      get: (id) => this.get(id),
      limits: (id) => limitsOf(registry.config().agents.limits, this.configOf(id)),
      health: () => registry.config().agents.health,
      tell: async (id, type, payload) => {
        this.logs.add(id, 'nox', payload.reason);
        await events.append(type, payload, id);
      },
      warn: (message, fields) => this.warn(message, fields),
    });
    this.watchdog = new WatchdogRounds({
      clock,
      live: () => this.live(),
      work: (id) => this.workOf(id),
      cpu: (id) => this.resources.lastUsage(id)?.cpu_percent ?? 0,
      silent_turn_warn_s: () => registry.config().agents.health.silent_turn_warn_s,
      tell: async (id, { verdict, reason, silent_ms }, turn_id) => {
        this.logs.add(id, 'nox', reason);
        await events.append('agent.silent', { turn_id, verdict, reason, silent_s: Math.round(silent_ms / 1000) }, id);
      },
      warn: (message, fields) => this.warn(message, fields),
    });
  }

  /** Changes with each change of any agent's state. */
  get generation(): number {
    return this.changes;
  }

  get(id: string): AgentSupervisor {
    const supervisor = this.supervisors.get(id);
    if (supervisor === undefined) throw new NoxError('AGENT_NOT_FOUND', `No agent has the id ${id}.`);
    return supervisor;
  }

  has(id: string): boolean {
    return this.supervisors.has(id);
  }

  /** Nox is shutting down. */
  get is_closing(): boolean {
    return this.closing;
  }

  /** Runs a job when the commands before it to this agent have ended. */
  serially<T>(id: string, job: () => Promise<T>): Promise<T> {
    return this.queue.run(id, job);
  }

  add(id: string, hibernated = false): AgentSupervisor {
    const supervisor: AgentSupervisor = new AgentSupervisor(
      id,
      {
        clock: this.clock,
        random: Math.random,
        store: this.store,
        observer: this.observed(),
        launch: async (run, handlers, recorded) => {
          const config = this.configOf(id);
          const tools = this.toolsOf(id);
          try {
            // The last gate before a process exists: a start that was under way comes here too.
            const cleared = recorded.then(() => this.assertMayStart());
            const session = await this.launcher.launch(id, config, run, { ...handlers, tools }, cleared);
            this.resources.began(id, session);
            return session;
          } catch (error) {
            // The session would have; there is none.
            tools?.close();
            throw error;
          }
        },
        classify: classifyExit,
        fault_of: (session) => this.resources.faultOf(session),
        restart: () => restartConfigOf(this.registry.config().agents.restart, this.configOf(id)),
        admit: async (start) => {
          await this.groups.before(id);
          await this.pool.withPlace(id, () => {
            this.assertMayStart();
            return start();
          });
        },
        changed: (previous) => this.onChanged(supervisor, previous),
        log: (line) => this.logs.add(id, 'nox', line),
      },
      hibernated ? 'hibernated' : 'stopped',
    );
    this.supervisors.set(id, supervisor);
    this.changes += 1;
    return supervisor;
  }

  forget(id: string): void {
    this.sleep.disarm(id);
    this.resources.forget(id);
    this.held.delete(id);
    this.changes += 1;
    this.supervisors.delete(id);
    this.groups.release(id);
  }

  /** SHUTTING_DOWN, or INVALID_STATE while the emergency stop is in force: asked before a start is written down, too. */
  assertMayStart(): void {
    if (this.closing) throw new NoxError('SHUTTING_DOWN');
    this.emergency.assertClear();
  }

  /** Starts the agent's process; resolves when it is ready. `remember`: earlier crashes still count. */
  async start(id: string, reason: string, { remember = false } = {}): Promise<void> {
    this.assertMayStart();
    this.held.delete(id);
    const supervisor = this.get(id);
    const { epoch } = supervisor;
    await this.groups.before(id);
    await this.pool.withPlace(id, async () => {
      // An emergency stop or the end of Nox may have come while it waited: it stays as it is, and so does what waits for it.
      this.assertMayStart();
      if (supervisor.epoch !== epoch) {
        throw new NoxError('INVALID_STATE', `Agent ${id} was stopped or started by somebody else meanwhile.`);
      }
      await supervisor.start(reason, { remember });
    });
  }

  async stop(
    id: string,
    reason: string,
    options: { force?: boolean; grace_ms?: number | undefined; requeue?: boolean } = {},
  ): Promise<void> {
    if (options.requeue === true) this.keepMessages(id);
    await this.get(id).stop('stopped', reason, this.graceOf(options));
    await this.store.setHibernated(id, false);
  }

  /** Whoever is about to end the turn that runs wants its messages to be handed over again. */
  keepMessages(id: string): void {
    this.observed().onCutShort(id);
  }

  private graceOf({ force, grace_ms }: { force?: boolean; grace_ms?: number | undefined }): number {
    return force === true ? 0 : (grace_ms ?? this.registry.config().agents.stop_grace_ms);
  }

  /** Remembers that a stopped agent may not start by itself although its registry entry says so; a start ends it. */
  hold(id: string, why: string): void {
    this.held.set(id, why);
    this.changes += 1;
  }

  /** Kills every agent at once and cancels what is planned; answers the ids that had processes, and what did not work. */
  endAll(reason: string): Promise<{ ended: string[]; problems: string[] }> {
    return endAtOnce(this.all(), reason, this.clock);
  }

  /** Brings back what should run: the active agents that stand still, and those that sleep although work waits. */
  startWanted(): void {
    const wanted = [...this.registry.agents()].flatMap(([id, { desired_state }]) =>
      desired_state === 'active' && !this.held.has(id) ? [id] : [],
    );
    void this.startMany(wanted.filter((id) => this.get(id).process_state === 'stopped'));
    for (const id of wanted) {
      if (this.get(id).process_state !== 'hibernated' || !this.hasWork(id)) continue;
      this.wake(id).catch((error: unknown) => this.warn('agent not woken', { agent_id: id, reason: messageOf(error) }));
    }
  }

  /** Ends the process and keeps the session; the next prompt wakes the agent. */
  async hibernate(id: string, reason: string): Promise<void> {
    const supervisor = this.get(id);
    await supervisor.stop('hibernated', reason, this.registry.config().agents.stop_grace_ms);
    if (supervisor.process_state === 'hibernated') await this.store.setHibernated(id, true);
  }

  /** Makes sure that a prompt can reach the process; resolves when it is ready. */
  async wake(id: string): Promise<void> {
    const supervisor = this.get(id);
    // Its group brings it back, and what waits is delivered then.
    if (this.groups.heldFor(id) !== undefined) return;
    if (supervisor.process_state === 'hibernated')
      await this.serially(id, async () => {
        if (supervisor.process_state === 'hibernated') await this.start(id, 'woken by work', { remember: true });
      }).catch((error: unknown) => this.notStarted(id, error));
  }

  /** What found no place among the awake is tried again when another agent comes to rest. */
  private notStarted(id: string, error: unknown): never {
    if (error instanceof NoxError && error.code === 'RESOURCE_LIMIT_EXCEEDED') this.sleep.foundNoPlace(id);
    throw error;
  }

  /** Where the agent stands, with the usage of its process tree measured now. */
  async status(id: string): Promise<AgentStatus> {
    return this.describe(id, await this.resources.usage(id));
  }

  describe(id: string, usage: TreeUsage | null): AgentStatus {
    return statusOf({
      supervisor: this.get(id),
      desired_state: this.configOf(id).desired_state,
      session: this.store.session(id),
      work: this.workOf(id),
      usage,
      is_throttled: this.resources.isThrottled(id),
      pending_approvals: this.approvals.pendingCount(id),
      still: this.held.get(id) ?? this.emergency.reason(),
      clock: this.clock,
    });
  }

  /**
   * After a start of Nox: ends what an earlier one left, then brings back what should run. Resolves when the old
   * processes are gone; the starts go on in the background.
   */
  async recover(): Promise<void> {
    const left = this.store.openRuns();
    await failpoint('recover.sweep');
    const alive = await this.host.sweep(left);
    await failpoint('recover.swept');
    for (const run of left) await this.store.endRun(run.run_id, { reason: 'Nox ended first' });
    if (alive.length > 0) this.warn('processes of an earlier Nox were ended', { runs: alive.length });
    const wanted: string[] = [];
    for (const [id, config] of this.registry.agents()) {
      const asleep = config.desired_state === 'active' && this.store.session(id)?.hibernated === true;
      const supervisor = this.add(id, asleep);
      if (config.desired_state !== 'active' || asleep) continue;
      supervisor.restoreBreaker(this.store.breaker(id));
      if (supervisor.process_state === 'stopped') wanted.push(id);
    }
    if (this.emergency.state() === null) void this.startMany(wanted);
    this.resources.start(left.map(({ run_id }) => run_id));
    this.watchdog.start();
  }

  /** Ends every agent, in parallel; what they should be is not changed. */
  async shutdown(grace_ms: number): Promise<void> {
    this.closing = true;
    for (const id of this.supervisors.keys()) this.sleep.disarm(id);
    const moving = this.all().filter((s) => s.process_state !== 'stopped' && s.process_state !== 'hibernated');
    const ends = await Promise.allSettled(moving.map((s) => s.stop('stopped', 'Nox stops', grace_ms)));
    for (const [index, end] of ends.entries()) {
      if (end.status === 'rejected')
        this.warn('agent not ended in order', { agent_id: moving[index]?.id, reason: messageOf(end.reason) });
    }
  }

  /** Restarts the agent once it is idle; a later wish replaces an earlier one. */
  restartAfterTurn(id: string, restart: () => Promise<void>): void {
    this.wishes.set(id, restart);
  }

  /** A person has ended it: what waits for it is cancelled, or with `requeue` its messages wait on. */
  retire(id: string, reason: string, { requeue = false } = {}): void {
    this.observed().onRetired(id, reason, requeue);
    this.groups.release(id);
  }

  workspaceOf(id: string): string | undefined {
    return this.launcher.workspaceOf(id);
  }

  workOf(id: string): AgentWork {
    return this.observed().work(id);
  }

  live(): AgentSupervisor[] {
    return [...this.supervisors.values()].filter((s) => isLive(s.process_state));
  }

  all(): AgentSupervisor[] {
    return [...this.supervisors.values()];
  }

  private async startMany(ids: readonly string[]): Promise<void> {
    const room = this.registry.config().agents.max_live_agents;
    const ordered = [...ids].sort((a, b) => this.rank(a) - this.rank(b));
    const waiting = startBatches(this.tree(), ordered.slice(0, room));
    for (const id of ordered.slice(room)) {
      await this.serially(id, async () => {
        if (this.get(id).process_state !== 'stopped') return;
        await this.hibernate(id, 'more agents are awake than max_live_agents allows');
      }).catch((error: unknown) => this.warn('agent not hibernated', { agent_id: id, reason: messageOf(error) }));
    }
    const next = async (): Promise<void> => {
      for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
        for (const id of batch) {
          if (this.closing) return;
          await this.serially(id, async () => {
            // A person may have stopped or removed it while it waited for its turn.
            const wanted = this.registry.agents().get(id)?.desired_state === 'active' && !this.held.has(id);
            if (wanted && this.get(id).process_state === 'stopped')
              await this.start(id, 'Nox started', { remember: true });
          }).catch((error: unknown) => this.warn('agent not started', { agent_id: id, reason: messageOf(error) }));
        }
      }
    };
    await Promise.all(Array.from({ length: STARTS_AT_ONCE }, next));
  }

  /** Those that nothing keeps awake: the least important first, of those the one that has rested longest. */
  private idle(): string[] {
    return this.live()
      .filter((s) => s.process_state === 'running' && isAtRest(s.activity) && !this.hasWork(s.id))
      .filter((s) => !this.groups.isRising(s.id))
      .sort((a, b) => this.rank(b.id) - this.rank(a.id) || a.doing.since_ms - b.doing.since_ms)
      .map(({ id }) => id);
  }

  /** 0 is the most important: who is awake when not all can be. */
  private rank(id: string): number {
    return Priority.options.indexOf(this.registry.agents().get(id)?.priority ?? 'medium');
  }

  /** Whether something waits for the agent that it could take now. */
  private hasWork(id: string): boolean {
    const { queued_turns, mail_waits, note } = this.observed().work(id);
    return (queued_turns > 0 || mail_waits === true) && note === undefined;
  }

  private onChanged(supervisor: AgentSupervisor, previous: Pick<AgentStatus, 'process_state' | 'activity'>): void {
    const { id } = supervisor;
    this.changes += 1;
    this.resources.changed(supervisor);
    if (!this.registry.agents().has(id)) return;
    this.sleep.arm(supervisor);
    this.groups.changed(id, previous.process_state, supervisor.process_state);
    this.grantWish(supervisor);
    this.sleep.wakeLater(supervisor);
    const status = this.describe(id, null);
    const is_other_state = status.process_state !== previous.process_state;
    if (is_other_state) this.checkpoint(status);
    this.events
      .append('agent.status_changed', { status, previous }, id, is_other_state ? 'now' : 'soon')
      .catch((error: unknown) =>
        this.warn('a change of state was not stored', { agent_id: id, reason: messageOf(error) }),
      );
  }

  /** What a person finds in the record when Nox is not there to ask. */
  private checkpoint({ id, session_id, process_state, restart_count }: AgentStatus): void {
    this.registry.record
      .saveState(id, { session_id, status: process_state, restart_count })
      .catch((error: unknown) => this.warn('a state was not checkpointed', { agent_id: id, reason: messageOf(error) }));
  }

  private grantWish({ id, process_state, activity }: AgentSupervisor): void {
    const wish = this.wishes.get(id);
    if (wish === undefined || (process_state === 'running' && !isAtRest(activity))) return;
    this.wishes.delete(id);
    // Any new process has the new settings already.
    if (process_state !== 'running') return;
    wish().catch((error: unknown) => this.warn('agent not restarted', { agent_id: id, reason: messageOf(error) }));
  }

  private tree(): SupervisionTree {
    return supervisionTree(this.registry.intent().relationships, (id) => this.supervisors.has(id));
  }

  private configOf(id: string): AgentConfig {
    const config = this.registry.agents().get(id);
    if (config === undefined) throw new NoxError('AGENT_NOT_FOUND', `No agent has the id ${id}.`);
    return config;
  }

  private observed(): RunObserver {
    if (this.observer === undefined) throw new Error('the fleet was used before it was wired');
    return this.observer;
  }
}
