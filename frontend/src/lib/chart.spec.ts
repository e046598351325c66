import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { nearestTo, pathsOf, stretchesOf, ticksOf } from './chart.js';

const FRAME = { left: 50, right: 450, top: 10, bottom: 110 };

describe('a chart', () => {
  it.each([
    [0, [0, 1]],
    [Number.NaN, [0, 1]],
    [1, [0, 0.5, 1]],
    [50, [0, 20, 40, 60]],
    [87, [0, 50, 100]],
  ])('of values up to %d has ticks %j', (highest, ticks) => {
    expect(ticksOf(highest)).toEqual(ticks);
  });

  it('has two to five ticks that reach the highest value, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-3, max: 1e12, noNaN: true }),
        fc.constantFrom(10 as const, 2 as const),
        (highest, base) => {
          const ticks = ticksOf(highest, base);
          expect(ticks.length).toBeGreaterThanOrEqual(2);
          expect(ticks.length).toBeLessThanOrEqual(6);
          expect(ticks.at(-1)).toBeGreaterThanOrEqual(highest * (1 - 1e-6));
        },
      ),
    );
  });

  it('does not draw a line through a time in which nothing was measured', () => {
    const at = (...times: number[]) => times.map((at_ms) => ({ at_ms, value: 1 }));
    expect(stretchesOf(at(0, 10, 20, 500, 510), 60).map((part) => part.length)).toEqual([3, 2]);
    expect(stretchesOf([], 60)).toEqual([]);
  });

  it('stays within its frame', () => {
    const points = [
      { at_ms: 0, value: 0 },
      { at_ms: 50, value: 200 },
      { at_ms: 100, value: 50 },
    ];
    expect(pathsOf(points, [0, 100], 100, FRAME)).toEqual({
      line: 'M50 110L250 10L450 60',
      area: 'M50 110L50 110L250 10L450 60L450 110Z',
    });
    expect(pathsOf([], [0, 100], 100, FRAME).line).toBe('');
    expect(pathsOf(points.slice(0, 1), [0, 0], 100, FRAME).line).toBe('M50 110h1.5');
  });

  it('finds the measurement under the pointer', () => {
    const points = [0, 10, 20, 90].map((at_ms) => ({ at_ms, value: 1 }));
    expect([-5, 4, 6, 54, 56, 500].map((at_ms) => nearestTo(points, at_ms))).toEqual([0, 0, 1, 2, 3, 3]);
  });
});
