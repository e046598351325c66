import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decideWatch, HUNG_AFTER_WARNINGS, UNREAD_LIMIT_MS, type WatchFacts } from './watchdog.js';

const T = 1_000_000;
const WARN_S = 300;
const WARN_MS = WARN_S * 1000;
const at = (facts: Partial<WatchFacts>, now_ms: number) =>
  decideWatch(
    {
      turn_started_ms: T,
      last_output_ms: null,
      unread_since_ms: null,
      waits_for_others: false,
      tool_is_alive: false,
      last_excused_ms: null,
      ...facts,
    },
    WARN_S,
    now_ms,
  ).verdict;

describe(decideWatch.name, () => {
  it('warns and then gives up on a turn of which nothing is heard', () => {
    expect(at({}, T + WARN_MS - 1)).toBe('ok');
    expect(at({}, T + WARN_MS)).toBe('warn');
    expect(at({}, T + HUNG_AFTER_WARNINGS * WARN_MS - 1)).toBe('warn');
    expect(at({}, T + HUNG_AFTER_WARNINGS * WARN_MS)).toBe('hung');
  });

  it('counts from the last line, whatever it was', () => {
    expect(at({ last_output_ms: T + WARN_MS }, T + 2 * WARN_MS - 1)).toBe('ok');
    expect(at({ last_output_ms: T + WARN_MS }, T + 4 * WARN_MS)).toBe('hung');
  });

  it('suspects nobody without an open turn', () => {
    expect(at({ turn_started_ms: null, last_output_ms: 0 }, T * 1000)).toBe('ok');
  });

  it('waits for a person or a quota for ever, and counts anew from its end', () => {
    expect(at({ waits_for_others: true }, T + 1000 * WARN_MS)).toBe('ok');
    const end = T + 1000 * WARN_MS;
    expect(at({ last_excused_ms: end }, end + WARN_MS - 1)).toBe('ok');
    expect(at({ last_excused_ms: end }, end + WARN_MS)).toBe('warn');
  });

  it('lets a long tool run while its tree lives', () => {
    expect(at({ tool_is_alive: true }, T + 1000 * WARN_MS)).toBe('ok');
  });

  it('finds a process that does not read its input, with or without a turn', () => {
    const facts = { turn_started_ms: null, unread_since_ms: T };
    expect(at(facts, T + UNREAD_LIMIT_MS - 1)).toBe('ok');
    expect(at(facts, T + UNREAD_LIMIT_MS)).toBe('hung');
  });

  it('never suspects an agent that says a word within the limit, over any history', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: WARN_MS - 1 }), { minLength: 1, maxLength: 50 }), (pauses) => {
        let now_ms = T;
        let last_output_ms = T;
        for (const pause of pauses) {
          now_ms += pause;
          expect(at({ last_output_ms }, now_ms)).toBe('ok');
          last_output_ms = now_ms;
        }
      }),
    );
  });
});
