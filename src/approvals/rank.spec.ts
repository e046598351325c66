import { describe, expect, it } from '@jest/globals';
import { NOTHING } from './group.js';
import { ranked, type Ranked } from './rank.js';

const HOUR_MS = 3_600_000;
const request = (id: string, change: Partial<Ranked> = {}): Ranked => ({
  id,
  risk_level: 'medium',
  requested_ms: 0,
  waits_behind: NOTHING,
  ...change,
});
const order = (...requests: Ranked[]): string[] => ranked(requests, HOUR_MS).map(({ id }) => id);

describe('the order of what waits', () => {
  it('puts first what holds up most', () => {
    const busy = { ...NOTHING, turns: 2 };
    const needed = { ...NOTHING, agents: 1, tasks: 1 };
    expect(
      order(request('idle'), request('busy', { waits_behind: busy }), request('needed', { waits_behind: needed })),
    ).toEqual(['needed', 'busy', 'idle']);
  });

  it('puts the riskier first, and of equal ones the older', () => {
    expect(order(request('b'), request('a'), request('worse', { risk_level: 'critical' }))).toEqual([
      'worse',
      'a',
      'b',
    ]);
  });

  it('lets nothing be passed over for ever', () => {
    const fresh = request('fresh', { requested_ms: HOUR_MS, waits_behind: { ...NOTHING, turns: 3 } });
    expect(order(fresh, request('old'))).toEqual(['old', 'fresh']);
  });
});
