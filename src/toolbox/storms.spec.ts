import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { judgeStorm, type StormLimits, type Use } from './storms.js';

const LIMITS: StormLimits = { window_s: 60, max_messages: 5, max_exchanges: 4, max_same_calls: 3, max_spawns: 2 };
const use = (at_ms: number, agent_id: string, fields: Partial<Use> = {}): Use => ({
  at_ms,
  agent_id,
  tool: 'send_message',
  words: String(at_ms),
  to: [],
  ...fields,
});

describe(judgeStorm, () => {
  it('sees two agents that answer each other without end', () => {
    const talk = Array.from({ length: 6 }, (_, n) => use(n, n % 2 ? 'b' : 'a', { to: [n % 2 ? 'a' : 'b'] }));
    expect(judgeStorm(talk.slice(0, 5), LIMITS)).toBeUndefined();
    expect(judgeStorm(talk, LIMITS)).toMatchObject({
      storm: 'ping_pong',
      reason: 'it and a answered each other 5 times within 60 s',
    });
  });

  it('does not take a report in many parts for a conversation', () => {
    const parts = Array.from({ length: 5 }, (_, n) => use(n, 'a', { to: ['b'] }));
    expect(judgeStorm([...parts, use(9, 'b', { to: ['a'] })], LIMITS)).toBeUndefined();
  });

  it('sees a flood, a spawn storm and the same call again and again', () => {
    const flood = [use(1, 'a', { to: ['b', 'c', 'd'] }), use(2, 'a', { to: ['b', 'c', 'd'] })];
    expect(judgeStorm(flood, LIMITS)?.storm).toBe('message_flood');
    const spawns = [1, 2, 3].map((at) => use(at, 'a', { tool: 'spawn_agent' }));
    expect(judgeStorm(spawns, LIMITS)?.storm).toBe('spawn_storm');
    const same = [1, 2, 3, 4].map((at) => use(at, 'a', { tool: 'recall', words: 'x' }));
    expect(judgeStorm(same, LIMITS)?.storm).toBe('repeated_call');
  });

  it('never blames an agent for what others do, nor for what is long ago', () => {
    const some = fc.record({
      at_ms: fc.nat(200_000),
      agent_id: fc.constantFrom('b', 'c'),
      tool: fc.constantFrom('send_message', 'recall', 'spawn_agent'),
      words: fc.constantFrom('x', 'y'),
      to: fc.constant<string[]>([]),
    });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 60 }), (others) => {
        const before = others.sort((x, y) => x.at_ms - y.at_ms);
        const now = (before.at(-1)?.at_ms ?? 0) + 1;
        expect(judgeStorm([...before, use(now, 'a', { tool: 'recall' })], LIMITS)).toBeUndefined();
        const old = before.map((each) => ({ ...each, agent_id: 'a' }));
        expect(judgeStorm([...old, use(now + 60_000, 'a', { tool: 'recall' })], LIMITS)).toBeUndefined();
      }),
    );
  });

  it('lets everything pass whose limit is 0', () => {
    const off: StormLimits = { window_s: 60, max_messages: 0, max_exchanges: 0, max_same_calls: 0, max_spawns: 0 };
    const calls = Array.from({ length: 100 }, (_, n) => use(n, 'a', { words: 'x', to: ['b'] }));
    expect(judgeStorm(calls, off)).toBeUndefined();
  });
});
