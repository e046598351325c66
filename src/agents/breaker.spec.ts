import { describe, expect, it } from '@jest/globals';
import { type Breaker, CLOSED, coolDownMs, halfOpen, openBreaker } from './breaker.js';

const NOW = 1_000_000;

describe('the circuit breaker', () => {
  it('cools down for a minute, doubled with each opening in a row, at most an hour', () => {
    expect([1, 2, 3, 6, 7, 50].map(coolDownMs)).toEqual([60_000, 120_000, 240_000, 1_920_000, 3_600_000, 3_600_000]);
  });

  it('lets one probe start when the cool-down is over, not before', () => {
    const open = openBreaker(CLOSED, 'too often', { now_ms: NOW });
    expect(open).toEqual({ state: 'open', reason: 'too often', trips: 1, open_until_ms: NOW + 60_000 });
    expect(halfOpen(open, NOW + 59_999)).toBe(open);
    const probing = halfOpen(open, NOW + 60_000);
    expect(probing).toEqual({ state: 'half_open', reason: 'too often', trips: 1 });
    expect(halfOpen(probing, NOW + 99_999_999)).toBe(probing);
  });

  it('opens for longer when the probe fails', () => {
    const probing: Breaker = { state: 'half_open', reason: 'too often', trips: 1 };
    expect(openBreaker(probing, 'again', { now_ms: NOW })).toMatchObject({ trips: 2, open_until_ms: NOW + 120_000 });
  });

  it('never probes what a person has to mend', () => {
    const open = openBreaker(CLOSED, 'not logged in', null);
    expect(open).toMatchObject({ state: 'open', open_until_ms: null });
    expect(halfOpen(open, Number.MAX_SAFE_INTEGER)).toBe(open);
  });
});
