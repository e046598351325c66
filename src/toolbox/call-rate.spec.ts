import { describe, expect, it } from '@jest/globals';
import { CallRate } from './call-rate.js';

describe(CallRate, () => {
  it('lets so many calls of one caller through in any minute', () => {
    const rate = new CallRate();
    expect([0, 1, 2].map((at) => rate.take('a', 2, at))).toEqual([true, true, false]);
    expect(rate.take('b', 2, 3)).toBe(true);
    expect(rate.take('a', 2, 60_000)).toBe(true);
    expect(rate.take('a', 2, 60_000)).toBe(false);
    expect(rate.take('a', 2, 60_001)).toBe(true);
  });
});
