import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { nextTryMs } from './quota-backoff.js';

const CONFIG = { initial_ms: 15_000, max_ms: 900_000, max_tries: 8 };
const at = (tries: number, random = 0, retry_after_ms: number | null = null) =>
  nextTryMs({ config: CONFIG, tries, retry_after_ms, now_ms: 1000, random });

describe(nextTryMs, () => {
  it('doubles from 15 s to 15 min, then gives up', () => {
    const seconds = [1, 2, 3, 4, 5, 6, 7].map((tries) => ((at(tries) ?? 0) - 1000) / 1000);
    expect(seconds).toEqual([15, 30, 60, 120, 240, 480, 900]);
    expect(at(8)).toBeNull();
  });

  it('never comes before the model asked for it', () => {
    expect(at(1, 1, 7_200_000)).toBe(7_201_000);
    expect(at(3, 0, 1)).toBe(61_000);
  });

  it('stays within its bounds for every history', () => {
    fc.assert(
      fc.property(
        fc.record({
          initial_ms: fc.integer({ min: 1, max: 60_000 }),
          max_ms: fc.integer({ min: 60_000, max: 3_600_000 }),
          max_tries: fc.integer({ min: 1, max: 100 }),
        }),
        fc.integer({ min: 1, max: 120 }),
        fc.option(fc.integer({ min: 0, max: 86_400_000 })),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (config, tries, retry_after_ms, random) => {
          const next = nextTryMs({ config, tries, retry_after_ms, now_ms: 0, random });
          if (tries >= config.max_tries) expect(next).toBeNull();
          else {
            expect(next).toBeGreaterThanOrEqual(Math.max(Math.floor(config.initial_ms * 0.75), retry_after_ms ?? 0));
            expect(next).toBeLessThanOrEqual(Math.max(config.max_ms, retry_after_ms ?? 0));
          }
        },
      ),
    );
  });
});
