import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ancestors, mayDescend, mayStart } from './spawn-limits.js';

const HOUR_MS = 3_600_000;

describe(mayStart, () => {
  it('refuses the one that is too many, and says when it may come', () => {
    const history = [1000, 5000, 9000];
    expect(mayStart(history, { max_spawn_rate: 4 }, 10_000)).toEqual({ allowed: true });
    expect(mayStart(history, { max_spawn_rate: 3 }, 10_000)).toEqual({
      allowed: false,
      limit: 'max_spawn_rate',
      max: 3,
      frees_at_ms: 1000 + HOUR_MS,
    });
    expect(mayStart(history, { max_spawn_rate: 2 }, 10_000)).toMatchObject({ frees_at_ms: 5000 + HOUR_MS });
  });

  it('never allows any when the rate is zero', () => {
    expect(mayStart([], { max_spawn_rate: 0 }, 10_000)).toMatchObject({ allowed: false, max: 0, frees_at_ms: null });
  });

  it('holds the rate in every hour, and frees exactly when it says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(fc.nat(2_000_000), { maxLength: 60 }), (max, gaps) => {
        const history: number[] = [];
        let now_ms = 0;
        for (const gap of gaps) {
          now_ms += gap;
          const verdict = mayStart(history, { max_spawn_rate: max }, now_ms);
          if (verdict.allowed) history.push(now_ms);
          else {
            const frees_at_ms = verdict.frees_at_ms ?? 0;
            expect(mayStart(history, { max_spawn_rate: max }, frees_at_ms - 1).allowed).toBe(false);
            expect(mayStart(history, { max_spawn_rate: max }, frees_at_ms).allowed).toBe(true);
          }
        }
        for (const [n, at] of history.entries())
          expect(at - (history[n - max] ?? -HOUR_MS)).toBeGreaterThanOrEqual(HOUR_MS);
      }),
    );
  });
});

describe(mayDescend, () => {
  const agents = new Map([
    ['root', {}],
    ['child', { parent_id: 'root' }],
    ['grand', { parent_id: 'child' }],
    ['orphan', { parent_id: 'gone' }],
    ['ring-a', { parent_id: 'ring-b' }],
    ['ring-b', { parent_id: 'ring-a' }],
  ]);

  it('counts from the agent that has no parent', () => {
    expect(ancestors('grand', agents)).toEqual(['child', 'root']);
    expect(ancestors('orphan', agents)).toEqual([]);
    expect(mayDescend('grand', agents, () => 3)).toEqual({ allowed: true });
    expect(mayDescend('grand', agents, () => 2)).toMatchObject({ allowed: false, limit: 'max_depth', max: 2 });
  });

  it('takes the narrowest limit above, so that nobody widens its own', () => {
    expect(mayDescend('grand', agents, (id) => (id === 'root' ? 1 : 20))).toMatchObject({ allowed: false, max: 1 });
  });

  it('ends in a circle made by hand', () => {
    expect(ancestors('ring-a', agents)).toEqual(['ring-b', 'ring-a']);
  });
});
