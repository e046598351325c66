import type { Activity, ProcessState, StateSource } from '../contracts/agent.js';
import { isStorageFault } from '../shared/db/until-stored.js';
import { failpoint } from '../shared/failpoint.js';
import { errnoOf, messageOf, NoxError } from '../shared/nox-error.js';
import { type AgentRun, beginRun, describeExit, lastLine, recordEnd, unlessRefused } from './agent-run.js';
import { canMove, isLive } from './agent-state.js';
import { type Breaker, halfOpen, openBreaker } from './breaker.js';
import { CLEAN_SLATE, decideRestart, type ExitClass, type RestartMemory } from './restart-policy.js';
import { quotaResumeMs } from './runtime/stream-json/classify-exit.js';
import type { ReadyInfo, RuntimeSession } from './runtime/runtime.js';
import { StateAxis } from './state-axis.js';
import type { SupervisorWorld } from './supervisor-world.js';

/** How long a restart waits that found no room among the awake. */
const PLACE_AGAIN_MS = 5000;

/**
 * Keeps one agent as it should be. Contract: at most one process at a time; an expected end is never restarted, an
 * unexpected one always by the restart policy; each stop or start bumps `generation`, and a relaunch that was planned
 * for an older one does not happen. Commands are serialised by the caller, one agent at a time.
 */
export class AgentSupervisor {
  private run: AgentRun | undefined;
  /** The run whose process has ended and whose end is being stored; a stop in that time is about it. */
  private leaving: AgentRun | undefined;
  /** The spawn under way; a stop waits for it, so that nothing comes to life behind its back. */
  private spawning: Promise<unknown> = Promise.resolve();
  private generation = 0;
  /** Stops (not sleeps) under way. */
  private stops = 0;
  private memory: RestartMemory = CLEAN_SLATE;
  private cancelTimer: () => void = () => undefined;
  private cancelTrial: () => void = () => undefined;
  private last_output: number | null = null;
  readonly process: StateAxis<ProcessState>;
  readonly doing: StateAxis<Activity>;
  reason: string | undefined;
  next_start_ms: number | undefined;

  constructor(
    readonly id: string,
    private readonly world: SupervisorWorld,
    initial: ProcessState = 'stopped',
  ) {
    this.process = new StateAxis(initial, 'recovery', world.clock.now());
    this.doing = new StateAxis<Activity>('idle', 'recovery', world.clock.now());
  }

  get process_state(): ProcessState {
    return this.process.value;
  }

  get activity(): Activity {
    return this.doing.value;
  }

  /** When a process of this agent last wrote anything; null when none has since Nox started. */
  get last_output_ms(): number | null {
    return this.run?.session.vitals().last_output_ms ?? this.last_output;
  }

  /** Changes with each start and stop: whoever waited in between can tell. */
  get epoch(): number {
    return this.generation;
  }

  get session(): RuntimeSession | undefined {
    return this.run?.session;
  }

  get started_ms(): number | undefined {
    return this.run?.started_ms;
  }

  get breaker(): Breaker {
    return this.memory.breaker;
  }

  /**
   * Starts the process and resolves when it is ready. Rejects with what went wrong; unless that is permanent, it is
   * tried again by the restart policy. A start by a person forgets earlier crashes; one by Nox (`remember`) does not.
   */
  async start(reason: string, { remember = false } = {}): Promise<ReadyInfo> {
    if (this.run !== undefined || isLive(this.process_state)) {
      throw new NoxError('INVALID_STATE', `Agent ${this.id} is ${this.process_state} already.`);
    }
    this.cancelTimer();
    if (!remember) this.remember(CLEAN_SLATE);
    return this.relaunch(reason);
  }

  /**
   * After a start of Nox: the breaker as it was. While it is open the agent stays failed until its probe is due; what
   * only a person could mend may have been mended meanwhile, so that its next start is a probe.
   */
  restoreBreaker(breaker: Breaker): void {
    if (breaker.state === 'closed') return;
    const { reason, trips } = breaker;
    const until_ms = breaker.state === 'open' ? breaker.open_until_ms : null;
    if (until_ms === null) {
      this.remember({ ...CLEAN_SLATE, breaker: { state: 'half_open', reason, trips } });
      return;
    }
    this.memory = { ...CLEAN_SLATE, breaker };
    this.process.see('failed', 'recovery', this.world.clock.now());
    this.reason = reason;
    this.comeBackAfter(Math.max(0, until_ms - this.world.clock.now()));
  }

  /** Closes the breaker and forgets earlier crashes. It starts nothing; a probe that was planned does not happen. */
  resetBreaker(): void {
    if (this.breaker.state === 'closed') return;
    if (this.process_state === 'failed') {
      this.generation += 1;
      this.cancelTimer();
    }
    this.closeBreaker();
  }

  /** Ends the process tree and comes to rest in `to`. Works in every state. Crashes are forgotten as by `start`. */
  async stop(
    to: 'stopped' | 'hibernated',
    reason: string,
    grace_ms: number,
    { remember = to === 'hibernated' } = {},
  ): Promise<void> {
    // A sleep never undoes a stop, whichever came first.
    if (to === 'hibernated' && this.stops > 0) return;
    if (to === 'stopped') this.stops += 1;
    try {
      await this.comeToRest(to, reason, grace_ms, remember);
    } finally {
      if (to === 'stopped') this.stops -= 1;
    }
  }

  private async comeToRest(
    to: 'stopped' | 'hibernated',
    reason: string,
    grace_ms: number,
    remember: boolean,
  ): Promise<void> {
    const generation = ++this.generation;
    this.cancelTimer();
    await this.spawning;
    const run = this.run ?? this.leaving;
    if (run !== undefined) {
      run.ending ??= reason;
      if (this.process_state !== 'stopping') this.move('stopping', reason);
      await run.session.end({ grace_ms });
      await run.settled;
    }
    if (!remember) this.remember(CLEAN_SLATE);
    if (to === 'hibernated' && generation !== this.generation) return;
    if (this.process_state !== to) this.move(to, to === 'stopped' && !remember ? undefined : reason);
  }

  /** Says what the agent is doing, and who saw it; idle whenever no process runs. */
  setActivity(activity: Activity, source: StateSource): void {
    const previous = { process_state: this.process_state, activity: this.activity };
    if (this.doing.see(activity, source, this.world.clock.now())) this.world.changed(previous);
  }

  /** Says again how the agent is: what is told beside the process has changed. */
  announce(): void {
    this.world.changed({ process_state: this.process_state, activity: this.activity });
  }

  /**
   * Ends a process that does nothing any more, or too much: the restart policy decides by `exit` what comes next, and its
   * turn ends with this reason.
   */
  async endHung(reason: string, exit: ExitClass = 'crash'): Promise<void> {
    const { run } = this;
    if (run === undefined || run.ending !== undefined || run.fault !== undefined) return;
    run.fault = { reason, exit };
    await run.session.end({ grace_ms: 0 });
    await run.settled;
  }

  /** Gives up without a run: the configuration cannot work. */
  fail(reason: string): void {
    this.generation += 1;
    this.cancelTimer();
    this.remember({ ...this.memory, breaker: openBreaker(this.breaker, reason, null) });
    this.move('failed', reason);
  }

  private async relaunch(reason: string): Promise<ReadyInfo> {
    this.move('starting', reason);
    const generation = ++this.generation;
    let run: AgentRun;
    try {
      const spawning = this.spawn();
      this.spawning = spawning.catch(() => undefined);
      run = await spawning;
    } catch (error) {
      if (generation === this.generation) this.notSpawned(error);
      throw error;
    }
    if (generation !== this.generation) {
      // A stop came while the process was being made: it must not outlive that stop.
      run.ending ??= 'stopped while starting';
      await run.session.end({ grace_ms: 0 });
      await run.settled;
      throw new NoxError('INVALID_STATE', `Agent ${this.id} was stopped while it started.`);
    }
    try {
      const info = await run.session.ready;
      await failpoint('run.ready');
      if (generation === this.generation && this.run === run) {
        this.move('running');
        this.beginTrial();
        this.world.observer.onReady(this.id);
      }
      return info;
    } catch (error) {
      // The exit decides what comes next; a process that only stays silent is ended first.
      if (this.run === run && run.ending === undefined) await run.session.end({ grace_ms: 0 });
      await run.settled;
      throw error instanceof NoxError
        ? error
        : new NoxError('AGENT_START_FAILED', messageOf(error), undefined, { cause: error });
    }
  }

  private spawn(): Promise<AgentRun> {
    return beginRun(this.id, this.world, {
      made: (run) => (this.run = run),
      ended: (run, facts) => this.onExit(run, facts),
    });
  }

  private async onExit(run: AgentRun, facts: Awaited<RuntimeSession['exited']>): Promise<void> {
    if (this.run === run) this.run = undefined;
    this.leaving = run;
    try {
      await this.afterExit(run, facts);
    } finally {
      if (this.leaving === run) this.leaving = undefined;
    }
  }

  private async afterExit(run: AgentRun, facts: Awaited<RuntimeSession['exited']>): Promise<void> {
    const { clock } = this.world;
    const ended_ms = clock.now();
    this.last_output = run.session.vitals().last_output_ms ?? this.last_output;
    this.doing.see('idle', 'exit', clock.now());
    const known = run.fault ?? this.world.fault_of?.(run.session);
    if (known !== undefined) run.fault = known;
    const how = run.fault?.reason ?? describeExit(facts);
    this.world.observer.onEnded(this.id, run.ending ?? how, run.ending !== undefined);
    await recordEnd(this.world, run.run_id, facts);
    await failpoint('run.end.after');
    if (run.ending !== undefined) return;
    const exit = run.fault?.exit ?? this.world.classify(facts, facts.stderr_tail);
    this.world.log(
      `process ended: ${how} (${exit})${facts.stderr_tail.trim() === '' ? '' : `: ${lastLine(facts.stderr_tail)}`}`,
    );
    // When one of these is refused the next run ends in the same way, and it is tried then.
    if (exit === 'unknown_session') await unlessRefused(this.world, this.world.store.openSession(this.id, true));
    if (exit === 'session_in_use') await unlessRefused(this.world, this.world.store.markTranscript(this.id));
    this.afterCrash(exit, how, ended_ms - run.started_ms, quotaResumeMs(facts.stderr_tail), ended_ms);
    if (this.process_state === 'hibernated')
      await unlessRefused(this.world, this.world.store.setHibernated(this.id, true));
  }

  private notSpawned(error: unknown): void {
    // ENOTSUP: the machine cannot confine it as the configuration requires.
    const permanent =
      errnoOf(error) === 'ENOTSUP' || (error instanceof NoxError && error.code !== 'AGENT_START_FAILED');
    this.world.log(`not started: ${messageOf(error)}`);
    if (isStorageFault(error)) this.afterCrash('storage', messageOf(error), 0);
    else if (permanent) this.fail(messageOf(error));
    else this.afterCrash('crash', messageOf(error), 0);
  }

  /** The back-off counts from the end itself: what had to be written down since is part of it. */
  private afterCrash(
    exit: ExitClass,
    how: string,
    ran_ms: number,
    resume_at_ms?: number,
    ended_ms = this.world.clock.now(),
  ): void {
    const { clock, random, restart } = this.world;
    const decision = decideRestart({
      config: restart(),
      ...this.memory,
      exit,
      ran_ms,
      now_ms: clock.now(),
      random: random(),
      resume_at_ms,
    });
    const { history, breaker } = decision;
    this.remember({ history, breaker });
    switch (decision.action) {
      case 'none':
        return;
      case 'give_up':
        this.move('failed', `${how}; ${decision.reason}`);
        if (breaker.state === 'open' && breaker.open_until_ms !== null) {
          this.comeBackAfter(breaker.open_until_ms - clock.now());
        }
        return;
      case 'rest':
        this.move('hibernated', `${how}; ${decision.reason}`);
        return;
      case 'restart':
        this.next_start_ms = Math.max(clock.now(), ended_ms + decision.delay_ms);
        this.move('backoff', `${how}; ${decision.reason}`, exit === 'quota' ? 'quota' : 'idle');
        this.comeBackAfter(this.next_start_ms - clock.now());
    }
  }

  private comeBackAfter(delay_ms: number): void {
    const generation = ++this.generation;
    this.cancelTimer = this.world.clock.after(delay_ms, () => {
      if (generation === this.generation) void this.retry(generation);
    });
  }

  private async retry(generation: number): Promise<void> {
    try {
      await this.world.admit(async () => {
        if (generation !== this.generation) return;
        // Both in one commit.
        const counted = unlessRefused(this.world, this.world.store.countRestart(this.id));
        this.remember({ ...this.memory, breaker: halfOpen(this.breaker, this.world.clock.now()) });
        await Promise.all([counted, this.relaunch(this.breaker.state === 'half_open' ? 'probe' : 'restart')]);
      });
    } catch (error) {
      this.world.log(`restart failed: ${messageOf(error)}`);
      // Refused before it began: a place comes free when another rests.
      if (generation === this.generation) this.tryAgainSoon(messageOf(error));
    }
  }

  private tryAgainSoon(reason: string): void {
    this.comeBackAfter(PLACE_AGAIN_MS);
    // One that is given up keeps the reason why.
    if (this.process_state !== 'backoff') return;
    this.reason = reason;
    this.next_start_ms = this.world.clock.now() + PLACE_AGAIN_MS;
    this.announce();
  }

  /** A probe that lives for `reset_after_s` closes the breaker. */
  private beginTrial(): void {
    this.cancelTrial();
    const { run } = this;
    if (this.breaker.state !== 'half_open') return;
    this.cancelTrial = this.world.clock.after(this.world.restart().reset_after_s * 1000, () => {
      if (this.run === run && this.breaker.state === 'half_open') this.closeBreaker();
    });
  }

  private closeBreaker(): void {
    this.remember(CLEAN_SLATE);
    this.world.changed({ process_state: this.process_state, activity: this.activity });
  }

  /** The only place that changes the memory: an open breaker outlives Nox. */
  private remember(memory: RestartMemory): void {
    const before = this.breaker;
    this.memory = memory;
    if (before === memory.breaker) return;
    this.world.store
      .saveBreaker(this.id, memory.breaker)
      .catch((error: unknown) => this.world.log(`the breaker was not stored: ${messageOf(error)}`));
  }

  /** The only place that changes the state: it checks the transition and announces it. */
  private move(to: ProcessState, reason?: string, activity: Activity = 'idle'): void {
    if (!canMove(this.process_state, to)) {
      throw new NoxError('INVALID_STATE', `Agent ${this.id} cannot go from ${this.process_state} to ${to}.`);
    }
    const previous = { process_state: this.process_state, activity: this.activity };
    const now_ms = this.world.clock.now();
    this.process.see(to, MOVED_BY[to], now_ms);
    this.reason = reason;
    if (to !== 'running') this.doing.see(activity, MOVED_BY[to], now_ms);
    if (to !== 'backoff') this.next_start_ms = undefined;
    this.world.changed(previous);
    if (to === 'failed') this.world.observer.onRetired(this.id, reason ?? 'failed');
  }
}

/** What tells each state; a state is reached in one way only, so that its source is plain. */
const MOVED_BY: Readonly<Record<ProcessState, StateSource>> = {
  starting: 'spawn',
  running: 'initialize reply',
  stopping: 'stop',
  stopped: 'exit',
  hibernated: 'exit',
  backoff: 'exit',
  failed: 'supervisor',
};
