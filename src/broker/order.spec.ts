import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type MessagePriority, PRIORITIES } from '../contracts/message.js';
import { chooseNext, type Heads, OLD_AFTER_MS, type PassedOver } from './order.js';

const rule = { now_ms: 100_000, open: PRIORITIES, overdue: true, at_most: 8 };
const OLD = rule.now_ms - OLD_AFTER_MS;
const heads = (...which: MessagePriority[]): Heads => Object.fromEntries(which.map((each) => [each, OLD]));

describe(chooseNext, () => {
  it('takes the highest', () => {
    expect(chooseNext({ low: rule.now_ms, high: rule.now_ms }, {}, rule)?.priority).toBe('high');
    expect(chooseNext({}, {}, rule)).toBeUndefined();
  });

  it('takes only what is open', () => {
    expect(chooseNext(heads('medium', 'low'), {}, { ...rule, open: ['critical', 'high'] })).toBeUndefined();
  });

  it('lets an old one be passed over as often as allowed, and not once more', () => {
    let passed: PassedOver = {};
    const taken: MessagePriority[] = [];
    for (let round = 0; round < 18; round += 1) {
      const choice = chooseNext(heads('high', 'low'), passed, rule);
      taken.push(choice?.priority ?? 'critical');
      passed = choice?.passed ?? {};
    }
    expect(taken.flatMap((each, at) => (each === 'low' ? [at] : []))).toEqual([8, 17]);
  });

  it('does not hold a young one against the higher ones', () => {
    expect(chooseNext({ high: OLD, low: OLD + 1 }, { low: 8 }, rule)?.passed).toEqual({ low: 8 });
    expect(chooseNext({ high: OLD, low: OLD + 1 }, { low: 8 }, rule)?.priority).toBe('high');
  });

  it('gives an overdue one at the end of a turn although it is not open, and never into a running turn', () => {
    const open: MessagePriority[] = ['critical', 'high', 'medium'];
    expect(chooseNext(heads('medium', 'low'), { low: 8 }, { ...rule, open })?.priority).toBe('low');
    expect(chooseNext(heads('medium', 'low'), { low: 8 }, { ...rule, open, overdue: false })?.priority).toBe('medium');
  });

  it('lets no low one wait for more than eight higher ones, however many of those come', () => {
    let passed: PassedOver = {};
    let [since_last, most, low] = [0, 0, 0];
    for (let taken = 0; taken < 101_000 && low < 1000; taken += 1) {
      const choice = chooseNext(heads('high', 'low'), passed, rule);
      passed = choice?.passed ?? {};
      if (choice?.priority === 'low') {
        most = Math.max(most, since_last);
        since_last = 0;
        low += 1;
      } else since_last += 1;
    }
    expect({ low, most }).toEqual({ low: 1000, most: 8 });
  });

  it('holds the bound for every priority in any run, and order within one', () => {
    const step = fc.record({
      come: fc.array(fc.constantFrom(...PRIORITIES), { maxLength: 4 }),
      pass_ms: fc.integer({ min: 0, max: 20_000 }),
      takes: fc.integer({ min: 0, max: 6 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), (steps, at_most) => {
        const queues = Object.fromEntries(PRIORITIES.map((each) => [each, [] as number[]])) as Record<
          MessagePriority,
          number[]
        >;
        // The reference: how many higher ones went since the first of a priority was old.
        const higher: Record<MessagePriority, number> = { critical: 0, high: 0, medium: 0, low: 0 };
        let passed: PassedOver = {};
        let now_ms = 0;
        for (const { come, pass_ms, takes } of steps) {
          for (const each of come) queues[each].push(now_ms);
          now_ms += pass_ms;
          for (let n = 0; n < takes; n += 1) {
            const since: Heads = Object.fromEntries(
              PRIORITIES.flatMap((each) => (queues[each][0] === undefined ? [] : [[each, queues[each][0]]])),
            );
            const choice = chooseNext(since, passed, { ...rule, now_ms, at_most });
            expect(choice === undefined).toBe(PRIORITIES.every((each) => queues[each].length === 0));
            if (choice === undefined) break;
            for (const [level, each] of PRIORITIES.entries()) {
              const head = queues[each][0];
              if (level <= PRIORITIES.indexOf(choice.priority) || head === undefined || now_ms - head < OLD_AFTER_MS)
                continue;
              higher[each] += 1;
              expect(higher[each]).toBeLessThanOrEqual(at_most);
            }
            queues[choice.priority].shift();
            higher[choice.priority] = 0;
            passed = choice.passed;
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
