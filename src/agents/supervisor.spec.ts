import { beforeEach, describe, expect, it } from '@jest/globals';
import { DefaultRestartConfig, type ProcessState } from '../contracts/agent.js';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { NoxError } from '../shared/nox-error.js';
import type { ExitFacts } from './process/process-host.js';
import type { ExitClass } from './restart-policy.js';
import { RunStore } from './run-store.js';
import type { ReadyInfo, RuntimeSession } from './runtime/runtime.js';
import type { RunObserver } from './run-observer.js';
import { AgentSupervisor } from './supervisor.js';
import type { RunFault, SupervisorWorld } from './supervisor-world.js';

const CRASH = { exit_code: 137, signal: null, forced: false, stderr_tail: '' };

/** A process whose life the test decides. */
class FakeProcess {
  private readonly gates = { ready: Promise.withResolvers<ReadyInfo>(), exited: Promise.withResolvers<typeof CRASH>() };
  ended = 0;
  readonly session: RuntimeSession = {
    identity: { run_id: 'r', boot_id: 'b', pid: 100, start_ticks: 1, confinement: 'process-group' },
    ready: this.gates.ready.promise,
    exited: this.gates.exited.promise,
    programPid: () => 101,
    tree: async () => [101],
    vitals: () => ({ last_output_ms: null, unread_since_ms: null }),
    prompt: async () => undefined,
    interrupt: async () => undefined,
    end: async (): Promise<ExitFacts> => {
      this.ended += 1;
      this.die({ ...CRASH, exit_code: 143 });
      return CRASH;
    },
  };

  becomeReady(): void {
    this.gates.ready.resolve({ version: '1', logged_in: true });
  }

  die(facts = CRASH): void {
    this.gates.ready.reject(new Error('ended'));
    this.gates.exited.resolve(facts);
  }
}

const turnOfLoop = () => new Promise((resolve) => setImmediate(resolve));

describe(AgentSupervisor.name, () => {
  let clock: ManualClock;
  let store: RunStore;
  let processes: FakeProcess[];
  let states: ProcessState[];
  let told: string[];
  let launch: () => Promise<RuntimeSession>;
  let supervisor: AgentSupervisor;
  let exit_class: ExitClass;
  let fault: RunFault | undefined;
  let world: SupervisorWorld;
  let admit: SupervisorWorld['admit'];

  beforeEach(() => {
    clock = new ManualClock();
    store = new RunStore(new StateDb(':memory:'), clock);
    processes = [];
    states = [];
    told = [];
    exit_class = 'crash';
    fault = undefined;
    admit = (start) => start();
    launch = async () => {
      const process = new FakeProcess();
      processes.push(process);
      return process.session;
    };
    const observer = {
      onEvent: () => undefined,
      onToolCall: async () => ({ behavior: 'deny', reason: 'test' }),
      onReady: () => told.push('ready'),
      onEnded: (_: string, reason: string) => told.push(`ended: ${reason}`),
      onCutShort: () => undefined,
      onRetired: (_: string, reason: string) => told.push(`retired: ${reason}`),
      work: () => ({
        current_turn_id: null,
        turn_started_ms: null,
        running_tools: 0,
        queued_turns: 0,
        usage: { turns: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 },
      }),
    } as unknown as RunObserver;
    world = {
      clock,
      random: () => 0.5,
      store,
      observer,
      launch: (_run, _handlers, recorded) => recorded.then(() => launch()),
      classify: (facts) => (facts.exit_code === 0 ? 'clean' : exit_class),
      fault_of: () => fault,
      restart: () => DefaultRestartConfig.parse({}),
      admit: (start) => admit(start),
      changed: () => states.push(supervisor.process_state),
      log: () => undefined,
    };
    supervisor = new AgentSupervisor('one', world);
  });

  /** Waits until the supervisor has come to this state. */
  const reach = async (state: ProcessState) => {
    for (let i = 0; i < 200 && supervisor.process_state !== state; i += 1) await turnOfLoop();
    expect(supervisor.process_state).toBe(state);
  };
  const newest = async (count: number): Promise<FakeProcess> => {
    for (let i = 0; i < 200 && processes.length < count; i += 1) await turnOfLoop();
    expect(processes).toHaveLength(count);
    return processes[count - 1] as FakeProcess;
  };
  const startReady = async (count = 1): Promise<FakeProcess> => {
    const started = supervisor.start('test');
    const process = await newest(count);
    process.becomeReady();
    await started;
    return process;
  };

  it('is running once the process is ready, not before', async () => {
    const started = supervisor.start('test');
    const process = await newest(1);
    expect(supervisor.process_state).toBe('starting');
    process.becomeReady();
    await started;
    expect(supervisor.process_state).toBe('running');
    expect(told).toEqual(['ready']);
  });

  const FULL = new NoxError('STORAGE_FAILED', 'the disk is full');

  it('is restarted although the end of its run cannot be stored, which is stored later', async () => {
    const process = await startReady();
    const endRun = store.endRun.bind(store);
    store.endRun = async () => Promise.reject(FULL);
    process.die();
    await reach('backoff');
    expect(store.openRuns()).toHaveLength(1);
    store.endRun = endRun;
    clock.advance(1000);
    (await newest(2)).becomeReady();
    await reach('running');
    expect(store.openRuns()).toHaveLength(1);
  });

  it('comes back by itself when the journal refused to begin its run, however often', async () => {
    const beginRun = store.beginRun.bind(store);
    const tries: string[] = [];
    store.beginRun = async (run_id) => {
      tries.push(run_id);
      return Promise.reject(FULL);
    };
    await expect(supervisor.start('test')).rejects.toBe(FULL);
    const untilTried = async (times: number) => {
      for (let i = 0; i < 200 && tries.length < times; i += 1) await turnOfLoop();
    };
    for (let n = 2; n <= 20; n += 1) {
      clock.advance(2000);
      await untilTried(n);
      await reach('backoff');
    }
    expect(tries).toHaveLength(20);
    store.beginRun = beginRun;
    clock.advance(2000);
    (await newest(1)).becomeReady();
    await reach('running');
    expect(told).toEqual(['ready']);
  });

  it('starts a crashed agent again after the backoff, with the same session', async () => {
    const session = await store.openSession('one');
    (await startReady()).die();
    await reach('backoff');
    expect(supervisor.next_start_ms).toBe(clock.now() + 1000);
    clock.advance(999);
    expect(processes).toHaveLength(1);
    clock.advance(1);
    (await newest(2)).becomeReady();
    await reach('running');
    expect(store.session('one')).toMatchObject({ session_id: session.session_id, restart_count: 1 });
    expect(told).toEqual(['ready', 'ended: exit 137', 'ready']);
  });

  it('gives up at once when the machine cannot confine it as the configuration requires', async () => {
    launch = () => Promise.reject(Object.assign(new Error('no namespaces'), { code: 'ENOTSUP' }));
    await expect(supervisor.start('test')).rejects.toThrow('no namespaces');
    expect(supervisor.process_state).toBe('failed');
    expect(supervisor.reason).toBe('no namespaces');
    expect(supervisor.breaker).toMatchObject({ state: 'open', open_until_ms: null });
  });

  it('gives up after six exits in a row and retires what waits', async () => {
    let process = await startReady();
    for (let crashes = 1; crashes <= 5; crashes += 1) {
      process.die();
      await reach('backoff');
      clock.advance((supervisor.next_start_ms ?? 0) - clock.now());
      process = await newest(crashes + 1);
      process.becomeReady();
      await reach('running');
    }
    process.die();
    await reach('failed');
    expect(supervisor.reason).toContain('6 times');
    expect(told.at(-1)).toMatch(/^retired: /);
  });

  describe('after it gave up', () => {
    /** Crashes six times in a row. */
    const giveUp = async (): Promise<void> => {
      (await startReady()).die();
      for (let count = 2; count <= 6; count += 1) {
        await reach('backoff');
        clock.advance((supervisor.next_start_ms ?? 0) - clock.now());
        (await newest(count)).die();
      }
      await reach('failed');
    };
    const probe = async (): Promise<FakeProcess> => {
      expect(supervisor.process_state).toBe('failed');
      clock.advance(60_000);
      const process = await newest(7);
      expect(supervisor.breaker.state).toBe('half_open');
      process.becomeReady();
      await reach('running');
      return process;
    };

    it('stands still for the cool-down, then one probe starts; health closes the breaker', async () => {
      await giveUp();
      expect(supervisor.breaker).toMatchObject({ state: 'open', open_until_ms: clock.now() + 60_000 });
      clock.advance(59_999);
      await turnOfLoop();
      expect(processes).toHaveLength(6);
      clock.advance(-59_999);
      await probe();
      clock.advance(599_999);
      expect(supervisor.breaker.state).toBe('half_open');
      clock.advance(1);
      expect(supervisor.breaker.state).toBe('closed');
      expect(supervisor.process_state).toBe('running');
    });

    it('stands still over a restart of Nox, until its probe is due', async () => {
      await giveUp();
      const { breaker } = supervisor;
      await store.openSession('one');
      await turnOfLoop();
      // The timers of the old Nox are gone with it.
      clock = new ManualClock(clock.now());
      supervisor = new AgentSupervisor('one', { ...world, clock });
      supervisor.restoreBreaker(store.breaker('one'));
      expect(supervisor.breaker).toEqual(breaker);
      expect(supervisor.reason).toContain('6 times');
      (await probe()).die();
      await reach('failed');
      await turnOfLoop();
      expect(store.breaker('one')).toMatchObject({ state: 'open', trips: 2 });
    });

    it('is tried once after a restart of Nox when only a person could mend it', async () => {
      exit_class = 'authentication';
      (await startReady()).die();
      await reach('failed');
      await turnOfLoop();
      supervisor = new AgentSupervisor('one', world);
      supervisor.restoreBreaker(store.breaker('one'));
      expect(supervisor.process_state).toBe('stopped');
      expect(supervisor.breaker.state).toBe('half_open');
    });

    it('is forgotten by the journal when a person starts it', async () => {
      await giveUp();
      await startReady(7);
      await turnOfLoop();
      expect(store.breaker('one')).toEqual({ state: 'closed' });
    });

    it('opens again, for longer, when the probe fails', async () => {
      await giveUp();
      (await probe()).die();
      await reach('failed');
      expect(supervisor.breaker).toMatchObject({ state: 'open', open_until_ms: clock.now() + 120_000 });
    });

    it('keeps the probe a probe when it sleeps and is woken', async () => {
      await giveUp();
      await probe();
      await supervisor.stop('hibernated', 'idle', 0);
      const woken = supervisor.start('woken', { remember: true });
      (await newest(8)).becomeReady();
      await woken;
      processes[7]?.die();
      await reach('failed');
    });

    it.each([
      ['a reset', () => Promise.resolve(supervisor.resetBreaker())],
      ['a stop', () => supervisor.stop('stopped', 'by a person', 0)],
    ])('closes by %s, and no probe comes behind it', async (_, act) => {
      await giveUp();
      await act();
      expect(supervisor.breaker.state).toBe('closed');
      clock.advance(7_200_000);
      await turnOfLoop();
      expect(processes).toHaveLength(6);
    });

    it('closes by a start', async () => {
      await giveUp();
      await startReady(7);
      expect(supervisor.breaker.state).toBe('closed');
    });
  });

  it('counts what Nox ends for a fault, by its class', async () => {
    await startReady();
    await supervisor.endHung('2100 MB of 2048 MB used', 'out_of_memory');
    await reach('backoff');
    expect(supervisor.reason).toBe('2100 MB of 2048 MB used; out of memory, restart 1');
  });

  it('takes over what others know of an end, but not of one that was wanted', async () => {
    await startReady();
    fault = { reason: 'memory: the kernel ended it', exit: 'out_of_memory' };
    processes[0]?.die();
    await reach('backoff');
    expect(supervisor.reason).toBe('memory: the kernel ended it; out of memory, restart 1');
    expect(told).toContain('ended: memory: the kernel ended it');
    await startReady(2);
    await supervisor.stop('stopped', 'enough', 0);
    expect(told.at(-1)).toBe('ended: enough');
  });

  it('waits for quota, and says that this is no crash', async () => {
    const at_s = Math.round(clock.now() / 1000) + 7200;
    await startReady();
    exit_class = 'quota';
    processes[0]?.die({ ...CRASH, exit_code: 1, stderr_tail: `usage limit reached|${at_s}` });
    await reach('backoff');
    expect(supervisor.activity).toBe('quota');
    expect(supervisor.next_start_ms).toBe(at_s * 1000);
  });

  it('never restarts what it stopped', async () => {
    const process = await startReady();
    await supervisor.stop('stopped', 'by a person', 1000);
    expect(process.ended).toBe(1);
    clock.advance(3_600_000);
    await turnOfLoop();
    expect(processes).toHaveLength(1);
    expect(states).toEqual(['starting', 'running', 'stopping', 'stopped']);
  });

  it('regression: a restart that finds no place among the awake waits until there is one', async () => {
    (await startReady()).die();
    await reach('backoff');
    admit = async () => Promise.reject(new NoxError('RESOURCE_LIMIT_EXCEEDED', 'all are at work'));
    clock.advance(1000);
    await turnOfLoop();
    expect(processes).toHaveLength(1);
    expect(supervisor).toMatchObject({ process_state: 'backoff', reason: 'all are at work' });
    expect(supervisor.next_start_ms).toBe(clock.now() + 5000);
    admit = (start) => start();
    clock.advance(5000);
    (await newest(2)).becomeReady();
    await reach('running');
  });

  it('does not come back when it is stopped during the backoff', async () => {
    (await startReady()).die();
    await reach('backoff');
    await supervisor.stop('stopped', 'by a person', 0);
    clock.advance(60_000);
    await turnOfLoop();
    expect(processes).toHaveLength(1);
    expect(supervisor.process_state).toBe('stopped');
  });

  it('ends a process that came to life while it was being stopped', async () => {
    const gate = Promise.withResolvers<void>();
    const plain = launch;
    launch = async () => {
      await gate.promise;
      return plain();
    };
    const started = supervisor.start('test');
    const outcome = expect(started).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await turnOfLoop();
    const stopped = supervisor.stop('stopped', 'by a person', 0);
    gate.resolve();
    await Promise.all([outcome, stopped]);
    expect(supervisor.process_state).toBe('stopped');
    expect(processes[0]?.ended).toBeGreaterThan(0);
  });

  it('stops a start that never becomes ready', async () => {
    const started = supervisor.start('test');
    const outcome = expect(started).rejects.toBeInstanceOf(NoxError);
    await newest(1);
    await supervisor.stop('stopped', 'by a person', 0);
    await outcome;
    expect(supervisor.process_state).toBe('stopped');
  });

  it('fails at once when the program is not there, and says why', async () => {
    launch = async () => {
      throw new NoxError('CLAUDE_CLI_UNAVAILABLE');
    };
    await expect(supervisor.start('test')).rejects.toMatchObject({ code: 'CLAUDE_CLI_UNAVAILABLE' });
    expect(supervisor.process_state).toBe('failed');
    expect(supervisor.reason).toContain('npm install');
  });

  it('never has two processes', async () => {
    await startReady();
    await expect(supervisor.start('again')).rejects.toMatchObject({ code: 'INVALID_STATE' });
    expect(processes).toHaveLength(1);
  });

  it('rests after a clean end and remembers that it sleeps', async () => {
    (await startReady()).die({ ...CRASH, exit_code: 0 });
    await reach('hibernated');
    await turnOfLoop();
    expect(store.session('one')?.hibernated).toBe(true);
  });

  it('regression: a stop that lands while an exit is being stored wins', async () => {
    const process = await startReady();
    process.die();
    await Promise.resolve();
    await supervisor.stop('stopped', 'by a person', 0);
    clock.advance(3_600_000);
    await turnOfLoop();
    expect(supervisor.process_state).toBe('stopped');
    expect(processes).toHaveLength(1);
  });

  it('regression: a start against the backoff timer leaves one process, and no state without one', async () => {
    (await startReady()).die();
    await reach('backoff');
    clock.advance((supervisor.next_start_ms ?? 0) - clock.now());
    const process = await newest(2);
    await expect(supervisor.start('by a person')).rejects.toMatchObject({ code: 'INVALID_STATE' });
    process.becomeReady();
    await reach('running');
    expect(processes).toHaveLength(2);
  });

  it('regression: a sleep never undoes a stop', async () => {
    await startReady();
    await Promise.all([supervisor.stop('stopped', 'by a person', 0), supervisor.stop('hibernated', 'idle', 0)]);
    expect(supervisor.process_state).toBe('stopped');
  });

  it('regression: what the journal does not take does not live', async () => {
    store.identifyRun = async () => {
      throw new NoxError('STORAGE_FAILED');
    };
    await expect(supervisor.start('test')).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(processes[0]?.ended).toBeGreaterThan(0);
    expect(supervisor.session).toBeUndefined();
    await supervisor.stop('stopped', 'by a person', 0);
    expect(supervisor.process_state).toBe('stopped');
  });

  it('leaves no run open in the journal', async () => {
    (await startReady()).die();
    await reach('backoff');
    expect(store.openRuns()).toEqual([]);
    clock.advance(1000);
    (await newest(2)).becomeReady();
    await reach('running');
    expect(store.openRuns()).toHaveLength(1);
    await supervisor.stop('hibernated', 'idle', 0);
    expect(store.openRuns()).toEqual([]);
  });
});
