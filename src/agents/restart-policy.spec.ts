import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DefaultRestartConfig, type RestartConfig } from '../contracts/agent.js';
import { CLOSED, halfOpen } from './breaker.js';
import {
  backoffDelay,
  CLEAN_SLATE,
  decideRestart,
  type ExitClass,
  type RestartMemory,
  type RestartQuestion,
} from './restart-policy.js';

const config = DefaultRestartConfig.parse({});
const ask = (over: Partial<RestartQuestion>) =>
  decideRestart({ config, ...CLEAN_SLATE, exit: 'crash', ran_ms: 1000, now_ms: 1_000_000, random: 0.5, ...over });
const PROBING = { state: 'half_open', reason: 'too often', trips: 2 } as const;

/** 100,000 histories: NOX_RUNS=100000; the same ones again: NOX_SEED, as a failure prints it. */
const runs = Number(process.env['NOX_RUNS'] ?? 5000);
const seed = Number(process.env['NOX_SEED'] ?? Date.now() % 2 ** 31);

describe(decideRestart, () => {
  it('doubles the delay from one second to one minute', () => {
    const delays = Array.from({ length: 8 }, (_, i) => backoffDelay(config, i + 1, 0.5));
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('spreads the delay by the jitter to both sides', () => {
    expect(backoffDelay(config, 1, 0)).toBe(750);
    expect(backoffDelay(config, 1, 1)).toBe(1250);
  });

  it('gives up at the sixth exit within five minutes, and says when it tries again', () => {
    const now_ms = 1_000_000;
    const five = [1, 2, 3, 4, 5].map((s) => now_ms - s * 1000);
    expect(ask({ history: five.slice(1), now_ms }).action).toBe('restart');
    expect(ask({ history: five, now_ms })).toMatchObject({
      action: 'give_up',
      breaker: { state: 'open', open_until_ms: now_ms + 60_000 },
    });
  });

  it('forgets exits and openings before a healthy run', () => {
    const history = [999_000, 999_100, 999_200, 999_300, 999_400];
    expect(ask({ history, breaker: PROBING, ran_ms: 600_000 })).toMatchObject({
      action: 'restart',
      delay_ms: 1000,
      history: [1_000_000],
      breaker: CLOSED,
    });
  });

  it.each<ExitClass>(['authentication', 'configuration'])('never retries %s', (exit) => {
    expect(ask({ exit })).toMatchObject({ action: 'give_up', breaker: { state: 'open', open_until_ms: null } });
  });

  it('never comes back by itself when its policy is "no"', () => {
    expect(ask({ config: { ...config, policy: 'no' } })).toMatchObject({
      action: 'give_up',
      breaker: { open_until_ms: null },
    });
  });

  it('lets a clean end rest, unless the policy is always', () => {
    expect(ask({ exit: 'clean' }).action).toBe('rest');
    expect(ask({ exit: 'clean', config: { ...config, policy: 'always' } }).action).toBe('restart');
  });

  it('counts an end for want of memory, and names it', () => {
    expect(ask({ exit: 'out_of_memory' })).toMatchObject({ action: 'restart', reason: 'out of memory, restart 1' });
  });

  it('rests without counting until there is quota again', () => {
    const resume_at_ms = 1_000_000 + 7_200_000;
    const told = ask({ exit: 'quota', resume_at_ms, history: [999_000] });
    expect(told).toMatchObject({ action: 'restart', delay_ms: 7_200_000, history: [999_000] });
    expect(ask({ exit: 'quota' })).toMatchObject({ delay_ms: 60_000, history: [] });
    expect(ask({ exit: 'quota', resume_at_ms: 5 })).toMatchObject({ delay_ms: 1000 });
  });

  it('never counts a run that the journal refused', () => {
    const told = ask({ exit: 'storage', history: [999_000], breaker: PROBING });
    expect(told).toMatchObject({ action: 'restart', delay_ms: 2000, history: [999_000], breaker: PROBING });
  });

  it('leaves what was ended on purpose to whoever ended it', () => {
    expect(ask({ exit: 'operator', history: [1], breaker: PROBING })).toEqual({
      action: 'none',
      reason: 'ended on purpose',
      history: [1],
      breaker: PROBING,
    });
  });

  it('allows a probe one failure only', () => {
    expect(ask({ breaker: PROBING })).toMatchObject({
      action: 'give_up',
      breaker: { state: 'open', trips: 3, open_until_ms: 1_000_000 + 240_000 },
    });
  });

  it(`agrees with the reference on ${runs} histories`, () => {
    fc.assert(
      fc.property(someConfig, fc.array(someExit, { maxLength: 60 }), (settings, exits) => {
        expect(run(settings, exits)).toEqual(reference(settings, exits));
      }),
      { numRuns: runs, seed },
    );
  }, 600_000);
});

interface Exit {
  readonly exit: ExitClass;
  readonly up_ms: number;
  readonly random: number;
  /** From the exit to the time at which there is quota again. */
  readonly resume_ms: number | undefined;
}

const someExit: fc.Arbitrary<Exit> = fc.record({
  exit: fc.oneof(
    { weight: 12, arbitrary: fc.constant<ExitClass>('crash') },
    {
      weight: 6,
      arbitrary: fc.constantFrom<ExitClass>(
        'out_of_memory',
        'clean',
        'quota',
        'storage',
        'unknown_session',
        'session_in_use',
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom<ExitClass>('operator', 'authentication', 'configuration') },
  ),
  up_ms: fc.oneof(fc.nat(5000), fc.nat(90_000)),
  random: fc.double({ min: 0, max: 0.999, noNaN: true }),
  resume_ms: fc.option(fc.integer({ min: -1000, max: 500_000 }), { nil: undefined }),
});
const someConfig: fc.Arbitrary<RestartConfig> = fc.record({
  policy: fc.constantFrom('no', 'on-failure', 'on-failure', 'on-failure', 'always'),
  intensity: fc.nat(8),
  period_s: fc.integer({ min: 1, max: 300 }),
  reset_after_s: fc.integer({ min: 1, max: 80 }),
  backoff_ms: fc.record({
    initial: fc.integer({ min: 10, max: 2000 }),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    max: fc.integer({ min: 10, max: 60_000 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
});

/** What an agent does next, exit by exit: when it starts again, or how it stands still. A person helps only those who need it. */
function run(settings: RestartConfig, exits: readonly Exit[]): string[] {
  let memory: RestartMemory = CLEAN_SLATE;
  let now_ms = 0;
  return exits.map(({ exit, up_ms, random, resume_ms }) => {
    now_ms += up_ms;
    const resume_at_ms = resume_ms === undefined ? undefined : now_ms + resume_ms;
    const question = { config: settings, ...memory, exit, ran_ms: up_ms, now_ms, random, resume_at_ms };
    const decision = decideRestart(question);
    memory = decision;
    if (decision.action === 'restart') now_ms += decision.delay_ms;
    if (decision.action !== 'give_up') return `${decision.action} ${now_ms}`;
    const until_ms = decision.breaker.state === 'open' ? decision.breaker.open_until_ms : -1;
    now_ms = until_ms ?? now_ms;
    memory = until_ms === null ? CLEAN_SLATE : { ...memory, breaker: halfOpen(decision.breaker, now_ms) };
    return `${until_ms === null ? 'for a person' : 'probe'} ${now_ms}`;
  });
}

/** The same rules told once more, as a simulation with counters of its own. */
function reference(c: RestartConfig, exits: readonly Exit[]): string[] {
  const out: string[] = [];
  let strikes: number[] = [];
  let doublings: number | null = null;
  let t = 0;
  for (const { exit, up_ms, random, resume_ms } of exits) {
    t += up_ms;
    const said = (what: string) => out.push(`${what} ${t}`);
    if (exit === 'operator') said('none');
    else {
      if (up_ms >= c.reset_after_s * 1000) [strikes, doublings] = [[], null];
      const fatal = exit === 'authentication' || exit === 'configuration';
      if (exit === 'quota' && c.policy !== 'no') {
        t += Math.max(c.backoff_ms.initial, resume_ms ?? c.backoff_ms.max);
        said('restart');
      } else if (exit === 'storage' && c.policy !== 'no') {
        const twice = Math.min(c.backoff_ms.initial * c.backoff_ms.factor, c.backoff_ms.max);
        t += Math.round(twice - c.backoff_ms.jitter * twice + 2 * random * c.backoff_ms.jitter * twice);
        said('restart');
      } else if (exit === 'quota' || exit === 'storage' || (exit === 'clean' && c.policy !== 'always')) {
        if (exit === 'clean') strikes = [];
        said('rest');
      } else if (fatal || c.policy === 'no') {
        [strikes, doublings] = [[], null];
        said('for a person');
      } else {
        strikes.push(t);
        let inWindow = 0;
        for (const s of strikes) if (t - s < c.period_s * 1000) inWindow++;
        if (doublings !== null || inWindow > c.intensity) {
          doublings = doublings === null ? 0 : doublings + 1;
          let wait = 60;
          for (let i = 0; i < doublings && wait < 3600; i++) wait *= 2;
          t += Math.min(wait, 3600) * 1000;
          said('probe');
        } else {
          let delay = c.backoff_ms.initial;
          for (let i = 1; i < strikes.length && delay < c.backoff_ms.max; i++) delay *= c.backoff_ms.factor;
          delay = Math.min(delay, c.backoff_ms.max);
          t += Math.round(delay - c.backoff_ms.jitter * delay + 2 * random * c.backoff_ms.jitter * delay);
          said('restart');
        }
      }
    }
  }
  return out;
}
