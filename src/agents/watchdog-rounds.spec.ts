import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Activity } from '../contracts/agent.js';
import { ManualClock } from '../shared/clock.js';
import type { AgentWork } from './run-observer.js';
import type { AgentSupervisor } from './supervisor.js';
import { WatchdogRounds } from './watchdog-rounds.js';

const WARN_S = 300;

/** One agent whose signs the test gives. */
class Agent {
  readonly id = 'one';
  readonly process_state = 'running';
  activity: Activity = 'working';
  last_output_ms: number | null = null;
  unread_since_ms: number | null = null;
  pids = [1];
  ended: string[] = [];
  readonly session = {
    vitals: () => ({ last_output_ms: this.last_output_ms, unread_since_ms: this.unread_since_ms }),
    tree: async () => this.pids,
  };
  async endHung(reason: string): Promise<void> {
    this.ended.push(reason);
  }
}

describe(WatchdogRounds.name, () => {
  let clock: ManualClock;
  let agent: Agent;
  let work: Pick<AgentWork, 'current_turn_id' | 'turn_started_ms' | 'running_tools'>;
  let cpu: number;
  let told: string[];
  let watchdog: WatchdogRounds;

  beforeEach(() => {
    clock = new ManualClock();
    agent = new Agent();
    work = { current_turn_id: 'trn_1', turn_started_ms: clock.now(), running_tools: 0 };
    cpu = 0;
    told = [];
    watchdog = new WatchdogRounds({
      clock,
      live: () => [agent as unknown as AgentSupervisor],
      work: () => work as AgentWork,
      cpu: () => cpu,
      silent_turn_warn_s: () => WARN_S,
      tell: async (_, { verdict }) => void told.push(verdict),
      warn: (message) => told.push(`failed: ${message}`),
    });
  });

  /** Lets time go by as the rounds do, `each` before every look. */
  const pass = async (for_s: number, each: (second: number) => void = () => undefined) => {
    for (let second = 0; second < for_s; second += 10) {
      clock.advance(10_000);
      each(second);
      await watchdog.round();
    }
  };

  it('warns once and ends once', async () => {
    await pass(4 * WARN_S);
    expect(told).toEqual(['warn', 'hung']);
    expect(agent.ended).toEqual([`hung: nothing was heard of its turn for ${3 * WARN_S} s`]);
  });

  it('warns again of a second silence', async () => {
    await pass(2 * WARN_S);
    agent.last_output_ms = clock.now();
    await pass(2 * WARN_S);
    expect(told).toEqual(['warn', 'warn']);
    expect(agent.ended).toEqual([]);
  });

  it('leaves a slow but healthy agent alone for a day', async () => {
    await pass(86_400, (second) => {
      if (second % 290 === 0) agent.last_output_ms = clock.now();
    });
    expect(told).toEqual([]);
  });

  it('leaves a tool alone for hours while its tree has children, and counts from its end', async () => {
    work = { ...work, running_tools: 1 };
    agent.pids = [1, 2];
    await pass(36_000);
    expect(told).toEqual([]);
    agent.pids = [1];
    await pass(WARN_S - 10);
    expect(told).toEqual([]);
    await pass(20);
    expect(told).toEqual(['warn']);
  });

  it('leaves a tool without children alone while it uses the processor', async () => {
    work = { ...work, running_tools: 1 };
    cpu = 3;
    await pass(36_000);
    expect(told).toEqual([]);
    cpu = 0;
    await pass(3 * WARN_S);
    expect(agent.ended).toHaveLength(1);
  });

  it.each(['waiting_approval', 'waiting_input', 'parked', 'quota'] as const)(
    'waits with an agent that is %s, and counts from its end',
    async (activity) => {
      agent.activity = activity;
      await pass(36_000);
      agent.activity = 'working';
      await pass(WARN_S - 10);
      expect(told).toEqual([]);
    },
  );

  it('an endless loop without a tool is a hang, however busy', async () => {
    cpu = 100;
    await pass(3 * WARN_S);
    expect(agent.ended).toHaveLength(1);
  });

  it('ends an idle process that does not read its input', async () => {
    work = { current_turn_id: null, turn_started_ms: null, running_tools: 0 };
    agent.activity = 'idle';
    agent.unread_since_ms = clock.now();
    await pass(60);
    expect(agent.ended).toEqual(['hung: its input was not read for 60 s']);
  });
});
