import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  averageCpu,
  decideLimits,
  forgetOld,
  type LimitSample,
  type LimitVerdict,
  nextShare,
  NO_MARKS,
} from './decide-limits.js';

const MIB = 2 ** 20;
const LIMITS = { max_memory_mb: 1000, max_cpu_percent: 50 };
const WINDOW_MS = 60_000;
const STEP_MS = 5000;

/** What is decided at each of these samples, one every five seconds, as the monitor would. */
function decided(figures: readonly { mb?: number; cpu?: number }[], limits = LIMITS): LimitVerdict['action'][] {
  let marks = NO_MARKS;
  let samples: LimitSample[] = [];
  return figures.map(({ mb = 0, cpu = 0 }, n) => {
    const at_ms = n * STEP_MS;
    samples = [...forgetOld(samples, WINDOW_MS, at_ms), { at_ms, memory_bytes: mb * MIB, cpu_percent: cpu }];
    const decision = decideLimits({ samples, marks, cpu_window_ms: WINDOW_MS }, limits, at_ms);
    marks = decision.marks;
    return decision.verdict.action;
  });
}

const memory = (...mbs: number[]) => decided(mbs.map((mb) => ({ mb })));
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe('memory', () => {
  it('is told once when it crosses nine tenths, and anew after it was well below', () => {
    expect(memory(100, 899, 900, 950, 910, 850, 950, 790, 900)).toEqual([
      'none',
      'none',
      'warn',
      'none',
      'none',
      'none',
      'none',
      'none',
      'warn',
    ]);
  });

  it('ends the run when it is over the limit twice in a row, or far over it', () => {
    expect(memory(1001, 990, 1001, 1002)).toEqual(['warn', 'none', 'none', 'stop']);
    expect(memory(100, 1101)).toEqual(['none', 'stop']);
    expect(memory(1000, 1000)).toEqual(['warn', 'none']);
  });

  it('says what is used and what is allowed', () => {
    const samples = [{ at_ms: 0, memory_bytes: 1200 * MIB, cpu_percent: 0 }];
    expect(decideLimits({ samples, marks: NO_MARKS, cpu_window_ms: WINDOW_MS }, LIMITS, 0).verdict).toEqual({
      action: 'stop',
      used: 1200 * MIB,
      limit: 1000 * MIB,
      reason: 'memory: 1200 MiB in use, 1000 MiB allowed',
    });
  });
});

const at = (at_s: number, cpu_percent: number) => ({ at_ms: at_s * 1000, memory_bytes: 0, cpu_percent });

describe('the processor', () => {
  it('is throttled after a whole window above the limit, and free again when less is wanted', () => {
    const actions = decided([...times(16, { cpu: 100 }), ...times(20, { cpu: 50 }), ...times(10, { cpu: 0 })]);
    expect(actions.indexOf('throttle')).toBe(12);
    expect(actions.filter((action) => action === 'throttle')).toHaveLength(1);
    expect(actions.filter((action) => action === 'unthrottle')).toHaveLength(1);
    expect(actions.indexOf('unthrottle')).toBeGreaterThan(36);
  });

  it('is left alone by what a start, or a story with pauses, needs', () => {
    expect(decided([{ cpu: 190 }, ...times(30, { cpu: 3 })])).not.toContain('throttle');
    const story = Array.from({ length: 100 }, (_, n) => ({ cpu: n % 12 < 3 ? 120 : 2 }));
    expect(decided(story)).not.toContain('throttle');
  });

  it('is averaged by time, whatever the pace of the samples', () => {
    expect(averageCpu([at(0, 0), at(59, 100)], WINDOW_MS, 59_000)).toBeNull();
    expect(averageCpu([at(0, 0), at(30, 100), at(60, 0)], WINDOW_MS, 60_000)).toBe(50);
    expect(averageCpu([at(0, 0), at(600, 70)], WINDOW_MS, 600_000)).toBe(70);
    expect(averageCpu([], WINDOW_MS, 0)).toBeNull();
  });
});

describe('any run', () => {
  const figures = fc.array(fc.record({ mb: fc.nat(1500), cpu: fc.nat(200) }), { maxLength: 60 });

  it('is stopped exactly when its memory says so, whatever its processor does', () => {
    fc.assert(
      fc.property(figures, (run) => {
        const wanted = run.map(({ mb }, n) => mb > 1100 || (mb > 1000 && (run[n - 1]?.mb ?? 0) > 1000));
        expect(decided(run).map((action) => action === 'stop')).toEqual(wanted);
      }),
    );
  });

  it('is throttled and freed in turns, never in its first minute, never while it uses no more than it may', () => {
    fc.assert(
      fc.property(figures, (run) => {
        const actions = decided(run);
        const turns = actions.filter((action) => action === 'throttle' || action === 'unthrottle');
        expect(turns.every((action, n) => (action === 'throttle') === (n % 2 === 0))).toBe(true);
        const first = actions.indexOf('throttle');
        if (first === -1) return;
        expect(first).toBeGreaterThanOrEqual(WINDOW_MS / STEP_MS);
        expect(Math.max(...run.slice(1, first + 1).map(({ cpu }) => cpu))).toBeGreaterThan(50);
      }),
    );
  });

  it('is decided alike when old samples are forgotten', () => {
    fc.assert(
      fc.property(figures, (run) => {
        const samples = run.map(({ mb, cpu }, n) => ({ at_ms: n * STEP_MS, memory_bytes: mb, cpu_percent: cpu }));
        const now_ms = (run.length - 1) * STEP_MS;
        const kept = forgetOld(samples, WINDOW_MS, now_ms);
        expect(averageCpu(kept, WINDOW_MS, now_ms)).toEqual(averageCpu(samples, WINDOW_MS, now_ms));
        expect(kept.length).toBeLessThanOrEqual(WINDOW_MS / STEP_MS + 1);
      }),
    );
  });
});

describe('the share of the time that a throttled tree may run', () => {
  it('comes to where the limit is used, whatever the tree wants', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 800 }), fc.integer({ min: 5, max: 50 }), (demand, limit) => {
        let share = 1;
        for (let n = 0; n < 10; n += 1) share = nextShare(share, demand * share, limit);
        expect(share).toBeCloseTo(Math.max(0.05, limit / demand), 5);
      }),
    );
  });

  it('is never none and never more than all', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.nat(2000),
        fc.integer({ min: 1, max: 800 }),
        (share, used, limit) => {
          const next = nextShare(share, used, limit);
          expect(next).toBeGreaterThanOrEqual(0.05);
          expect(next).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});
