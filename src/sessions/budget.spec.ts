import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { addSpent, budgetWords, checkBudget, crossed, dayOf, midnightMs, nextMidnightMs, NOTHING } from './budget.js';

const sum = fc.record({
  usd: fc.double({ min: 0, max: 1000, noNaN: true }),
  tokens: fc.nat(10_000_000),
  turns: fc.nat(10_000),
});
const limits = fc.record(
  {
    usd_per_day: fc.double({ min: 0.000_001, max: 1000, noNaN: true }),
    tokens_per_day: fc.integer({ min: 1, max: 10_000_000 }),
    turns_per_day: fc.integer({ min: 1, max: 10_000 }),
  },
  { requiredKeys: [] },
);
const moment = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) });

describe(checkBudget, () => {
  const NOW = new Date(2026, 10, 21, 15, 30).getTime();

  it('is over at the limit, and says which and until when', () => {
    expect(checkBudget({ usd: 5.03, tokens: 10, turns: 2 }, { usd_per_day: 5, turns_per_day: 2 }, NOW)).toEqual({
      over: true,
      which: 'usd_per_day',
      limit: 5,
      spent: 5.03,
      resets_ms: new Date(2026, 10, 22).getTime(),
    });
    expect(checkBudget({ usd: 4.99, tokens: 10, turns: 1 }, { usd_per_day: 5, turns_per_day: 2 }, NOW).over).toBe(
      false,
    );
  });

  it('without limits lets everything through', () => {
    fc.assert(fc.property(sum, moment, (spent, now) => !checkBudget(spent, {}, now).over));
  });

  it('once over stays over, whatever is spent beside it; a higher limit ends it', () => {
    fc.assert(
      fc.property(sum, sum, limits, moment, (spent, more, budget, now) => {
        const verdict = checkBudget(spent, budget, now);
        if (!verdict.over) return;
        expect(checkBudget(addSpent(spent, more), budget, now).over).toBe(true);
        const raised = { usd_per_day: spent.usd + 1, tokens_per_day: spent.tokens + 1, turns_per_day: spent.turns + 1 };
        expect(checkBudget(spent, raised, now).over).toBe(false);
      }),
    );
  });

  it('goes on at the next midnight, at most 25 hours away, on a day of its own', () => {
    fc.assert(
      fc.property(moment, (now) => {
        const next = nextMidnightMs(now);
        expect(next).toBeGreaterThan(now);
        expect(next - now).toBeLessThanOrEqual(25 * 3_600_000);
        expect(midnightMs(next)).toBe(next);
        expect(dayOf(next)).not.toBe(dayOf(now));
        expect(dayOf(next - 1)).toBe(dayOf(now));
      }),
    );
  });
});

describe(crossed, () => {
  it('says once that a share of a limit was passed', () => {
    fc.assert(
      fc.property(fc.array(sum, { maxLength: 20 }), limits, (steps, budget) => {
        const times = new Map<string, number>();
        let total = NOTHING;
        for (const step of steps) {
          const after = addSpent(total, step);
          for (const which of crossed(total, after, budget, 0.8)) times.set(which, (times.get(which) ?? 0) + 1);
          total = after;
        }
        for (const count of times.values()) expect(count).toBe(1);
        if (total.usd >= (budget.usd_per_day ?? Infinity)) expect(times.get('usd_per_day')).toBe(1);
      }),
    );
  });
});

describe(budgetWords, () => {
  it.each([
    ['usd_per_day', 5.0312, 5, '5.03 of 5 USD'],
    ['usd_per_day', 0.000_512, 0.000_001, '0.00051 of 0.000001 USD'],
    ['tokens_per_day', 12, 10, '12 of 10 tokens'],
    ['turns_per_day', 3, 3, '3 of 3 turns'],
  ] as const)('%s %s %s', (which, spent, limit, words) => {
    expect(budgetWords(which, spent, limit)).toBe(words);
  });
});
