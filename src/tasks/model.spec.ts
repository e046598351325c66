import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { TaskStatus } from '../contracts/task.js';
import { EMPTY } from './ingest.js';
import {
  afterFailure,
  blockChanges,
  blockedBy,
  byUrgency,
  findCycle,
  isRunning,
  type KeptTask,
  startable,
} from './model.js';

const NOW = Date.UTC(2026, 10, 21);
const task = (given: Partial<KeptTask> & { id: string }): KeptTask => ({
  ...EMPTY,
  agent_id: 'worker',
  title: given.id,
  requested_by: 'admin',
  created_at: new Date(NOW).toISOString(),
  updated_at: new Date(NOW).toISOString(),
  ...given,
});
const book = (...tasks: KeptTask[]) => new Map(tasks.map((each) => [each.id, each]));

const statuses = fc.constantFrom<TaskStatus>('todo', 'in_progress', 'blocked', 'done', 'failed', 'cancelled');
const anyBook = fc
  .array(
    fc.record({
      status: statuses,
      priority: fc.constantFrom('critical', 'high', 'medium', 'low'),
      deadline: fc.option(fc.constantFrom('2026-11-20T00:00:00.000Z', '2026-12-01T00:00:00.000Z')),
      dependencies: fc.array(
        fc.nat(9).map((n) => `t-${n}${n}`),
        { maxLength: 3 },
      ),
      held: fc.boolean(),
      turn_id: fc.option(fc.constant('trn_x')),
    }),
    { maxLength: 10 },
  )
  .map((given) => book(...given.map((each, n) => task({ ...each, id: `t-${n}${n}` }))));

describe('the model of tasks', () => {
  it('finds a circle exactly when there is one', () => {
    fc.assert(
      fc.property(anyBook, (tasks) => {
        const of = (id: string) => tasks.get(id)?.dependencies ?? [];
        const reaches = (from: string, to: string, left = 12): boolean =>
          left > 0 && of(from).some((id) => id === to || reaches(id, to, left - 1));
        for (const id of tasks.keys()) {
          const cycle = findCycle(id, of);
          expect(cycle !== undefined).toBe(reaches(id, id));
          if (cycle === undefined) continue;
          expect([cycle[0], cycle.at(-1)]).toEqual([id, id]);
          cycle.slice(1).forEach((next, n) => expect(of(cycle[n] ?? '')).toContain(next));
        }
      }),
    );
  });

  it('finds the way through 5000 dependencies', () => {
    const of = (id: string) => (id === 't-5000' ? ['t-0'] : [`t-${Number(id.slice(2)) + 1}`]);
    expect(findCycle('t-0', of)).toHaveLength(5002);
  });

  it('starts no more than there is room for, and nothing that must wait', () => {
    fc.assert(
      fc.property(anyBook, fc.integer({ min: 1, max: 4 }), (tasks, limit) => {
        const chosen = startable('worker', tasks, limit, NOW);
        const running = [...tasks.values()].filter(isRunning).length;
        expect(chosen.length).toBeLessThanOrEqual(Math.max(0, limit - running));
        for (const each of chosen) {
          expect(each.held).toBe(false);
          expect(['todo', 'in_progress']).toContain(each.status);
          expect(blockedBy(each, tasks)).toEqual([]);
        }
      }),
    );
  });

  it('settles: what is blocked or freed once stays so until something is done', () => {
    fc.assert(
      fc.property(anyBook, (tasks) => {
        const after = new Map(tasks);
        for (const { id, status } of blockChanges(tasks)) after.set(id, { ...(after.get(id) as KeptTask), status });
        expect(blockChanges(after)).toEqual([]);
      }),
    );
  });

  it('frees a chain one by one', () => {
    let tasks = book(
      task({ id: 't-aa' }),
      task({ id: 't-bb', dependencies: ['t-aa'] }),
      task({ id: 't-cc', dependencies: ['t-bb'] }),
    );
    const settle = () => {
      for (const { id, status } of blockChanges(tasks)) tasks.set(id, { ...(tasks.get(id) as KeptTask), status });
    };
    settle();
    const order: string[] = [];
    for (let next = startable('worker', tasks, 1, NOW)[0]; next; next = startable('worker', tasks, 1, NOW)[0]) {
      order.push(next.id);
      tasks = new Map(tasks).set(next.id, { ...next, status: 'done' });
      settle();
    }
    expect(order).toEqual(['t-aa', 't-bb', 't-cc']);
  });

  it('orders by priority, then deadline, and a task that a critical one needs comes with it', () => {
    const tasks = book(
      task({ id: 't-later', priority: 'high', deadline: '2026-12-02T00:00:00.000Z' }),
      task({ id: 't-low', priority: 'low' }),
      task({ id: 't-none', priority: 'high' }),
      task({ id: 't-soon', priority: 'high', deadline: '2026-12-01T00:00:00.000Z' }),
      task({ id: 't-needed', priority: 'low' }),
      task({ id: 't-top', priority: 'critical', status: 'blocked', dependencies: ['t-needed'] }),
    );
    const order = startable('worker', tasks, 9, NOW).map(({ id }) => id);
    expect(order).toEqual(['t-needed', 't-soon', 't-later', 't-none', 't-low']);
    fc.assert(
      fc.property(anyBook, (any) => {
        const sorted = [...any.values()].sort(byUrgency(any));
        expect(sorted.toReversed().sort(byUrgency(any))).toEqual(sorted);
      }),
    );
  });

  it('tries again with growing waits, then says that it failed', () => {
    const policy = { max_attempts: 3, initial_ms: 1000, max_ms: 1500 };
    const tried = (attempts: number) =>
      afterFailure(task({ id: 't-aa', status: 'in_progress', attempts, turn_id: 'trn_x' }), 'crashed', policy, NOW);
    expect(tried(1)).toMatchObject({ status: 'todo', turn_id: null, next_try_at: new Date(NOW + 1000).toISOString() });
    expect(tried(2)).toMatchObject({ status: 'todo', next_try_at: new Date(NOW + 1500).toISOString() });
    expect(tried(3)).toMatchObject({ status: 'failed', next_try_at: null, reason: 'crashed (3 attempts)' });
    expect(startable('worker', book(tried(1)), 1, NOW + 999)).toEqual([]);
    expect(startable('worker', book(tried(1)), 1, NOW + 1000)).toHaveLength(1);
  });
});
