import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DefaultRestartConfig } from '../contracts/agent.js';
import { backoffDelay, decideRestart, type ExitClass, type RestartQuestion } from './restart-policy.js';

const config = DefaultRestartConfig.parse({});
const ask = (over: Partial<RestartQuestion>) =>
  decideRestart({ config, history: [], exit: 'crash', ran_ms: 1000, now_ms: 1_000_000, random: 0.5, ...over });

describe(decideRestart, () => {
  it('doubles the delay from one second to one minute', () => {
    const delays = Array.from({ length: 8 }, (_, i) => backoffDelay(config, i + 1, 0.5));
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('spreads the delay by the jitter to both sides', () => {
    expect(backoffDelay(config, 1, 0)).toBe(750);
    expect(backoffDelay(config, 1, 1)).toBe(1250);
  });

  it('gives up at the sixth exit within five minutes', () => {
    const now_ms = 1_000_000;
    const five = [1, 2, 3, 4, 5].map((s) => now_ms - s * 1000);
    expect(ask({ history: five.slice(1), now_ms }).action).toBe('restart');
    expect(ask({ history: five, now_ms }).action).toBe('give_up');
  });

  it('forgets exits before a healthy run', () => {
    const decision = ask({ history: [999_000, 999_100, 999_200, 999_300, 999_400], ran_ms: 600_000 });
    expect(decision).toMatchObject({ action: 'restart', delay_ms: 1000, history: [1_000_000] });
  });

  it.each<ExitClass>(['not_logged_in', 'configuration'])('never retries %s', (exit) => {
    expect(ask({ exit }).action).toBe('give_up');
  });

  it('lets a clean end rest, unless the policy is always', () => {
    expect(ask({ exit: 'clean' }).action).toBe('rest');
    expect(ask({ exit: 'clean', config: { ...config, policy: 'always' } }).action).toBe('restart');
  });

  it('never allows more than intensity restarts in any window, whatever the exits', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            gap_ms: fc.nat(400_000),
            ran_ms: fc.nat(900_000),
            random: fc.double({ min: 0, max: 0.999, noNaN: true }),
          }),
          { maxLength: 60 },
        ),
        (exits) => {
          let history: readonly number[] = [];
          let now_ms = 0;
          const restarts: number[] = [];
          for (const { gap_ms, ran_ms, random } of exits) {
            const up_ms = Math.min(ran_ms, gap_ms);
            now_ms += gap_ms;
            const decision = decideRestart({ config, history, exit: 'crash', ran_ms: up_ms, now_ms, random });
            history = decision.history;
            if (decision.action !== 'restart') return;
            expect(decision.delay_ms).toBeLessThanOrEqual(config.backoff_ms.max * 1.25);
            restarts.push(now_ms);
            const window = restarts.filter((at) => at > now_ms - config.period_s * 1000);
            expect(window.length).toBeLessThanOrEqual(config.intensity);
          }
        },
      ),
    );
  });
});
