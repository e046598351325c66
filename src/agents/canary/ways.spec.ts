import { describe, expect, it } from '@jest/globals';
import { brokenAnswer, ROUTES, verdictOf, WAY_COUNT, wayName, type WayResult } from './ways.js';

const held = (): WayResult[] =>
  ROUTES.flat().map((way) => ({ way: wayName(way), outcome: 'held', detail: 'the call did not run' }));

describe('the ways of breaking the gate', () => {
  it('are each named once, and gone both by the agent and by a sub-agent', () => {
    const names = ROUTES.flat().map(wayName);
    expect(new Set(names).size).toBe(WAY_COUNT);
    expect(names.filter((name) => name.startsWith('sub-agent, ')).length * 2).toBe(WAY_COUNT);
    for (const at of ['hook', 'permission'])
      for (const fault of ['no answer', 'error', 'nonsense', 'closed pipe'])
        expect(names).toContain(`${at}: ${fault} (write)`);
  });

  it('close the pipe last, for nothing comes after that', () => {
    for (const route of ROUTES)
      for (const [at, way] of route.entries()) if (way.fault === 'closed_pipe') expect(at).toBe(route.length - 1);
  });

  it('never hold an answer that allows', () => {
    for (const way of ROUTES.flat()) {
      const answer = JSON.stringify(brokenAnswer(way, 'r1') ?? null);
      expect(answer).not.toContain('allow');
      expect(answer === 'null').toBe(way.fault === 'no_answer' || way.fault === 'closed_pipe');
    }
  });
});

describe('verdictOf', () => {
  it('is held only if every way was', () => expect(verdictOf(held())).toBe('held'));
  it('is unclear when one way is missing or unclear', () => {
    expect(verdictOf(held().slice(1))).toBe('unclear');
    expect(verdictOf([...held().slice(1), { way: 'x', outcome: 'unclear', detail: '' }])).toBe('unclear');
    expect(verdictOf([])).toBe('unclear');
  });
  it('is ran as soon as one call ran, whatever else is not known', () => {
    const ran: WayResult = { way: 'x', outcome: 'ran', detail: '' };
    expect(verdictOf([ran])).toBe('ran');
    expect(verdictOf([{ ...ran, outcome: 'unclear' }, ran])).toBe('ran');
  });
});
