import { describe, expect, it } from '@jest/globals';
import { LogBudget } from './log-budget.js';

describe(LogBudget.name, () => {
  it('lets so many lines pass in a window, and tells in the next one how many it left out', () => {
    const budget = new LogBudget(2, 1000);
    expect([0, 1, 2, 999].map((now) => budget.take(now).pass)).toEqual([true, true, false, false]);
    expect(budget.take(1000)).toEqual({ pass: true, left_out: 2 });
    expect(budget.take(1001)).toEqual({ pass: true, left_out: 0 });
  });

  it('tells at the end what it has not told yet', () => {
    const budget = new LogBudget(0, 1000);
    budget.take(0);
    expect(budget.drain()).toBe(1);
    expect(budget.drain()).toBe(0);
  });
});
