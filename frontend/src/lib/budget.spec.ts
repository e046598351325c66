import { describe, expect, it } from '@jest/globals';
import { limitsOf, raised } from './budget.js';

const used = { turns: 4, input_tokens: 700, output_tokens: 100, cost_usd: 2.5 };

describe('a budget', () => {
  it('says of each limit how much is used, and when that is a reason to look', () => {
    const limits = limitsOf(used, { usd_per_day: 2, tokens_per_day: 1000, turns_per_day: 10 });
    expect(limits.map(({ which, value, level }) => [which, value, level])).toEqual([
      ['usd_per_day', 2.5, 'full'],
      ['tokens_per_day', 800, 'near'],
      ['turns_per_day', 4, 'ok'],
    ]);
  });

  it('limits nothing that it does not name', () => {
    expect(limitsOf(used, {})).toEqual([]);
  });

  it('is raised so that work goes on, and only where it must', () => {
    expect(raised(used, { usd_per_day: 2, tokens_per_day: 1000, turns_per_day: 10 })).toEqual({
      usd_per_day: 3.75,
      tokens_per_day: 1500,
      turns_per_day: 10,
    });
    expect(raised({ ...used, turns: 1 }, { turns_per_day: 1 })).toEqual({ turns_per_day: 2 });
  });
});
