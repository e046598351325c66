import { describe, expect, it } from '@jest/globals';
import type { ProcessRow } from './process-table.js';
import { membersOf, ownsGroup, withAncestors, withDescendants, type RunMark } from './process-tree.js';

const row = (pid: number, ppid: number, more: Partial<ProcessRow> = {}): ProcessRow => ({
  pid,
  ppid,
  pgid: pid,
  sid: pid,
  state: 'S',
  start_ticks: pid * 10,
  ...more,
});
const mark = (known: [number, number][] = [[100, 1000]]): RunMark => ({
  run_id: 'run_1',
  pid: 100,
  start_ticks: 1000,
  known: new Map(known),
});
const nobody: ReadonlySet<number> = new Set();
const pidsOf = (rows: readonly ProcessRow[]): number[] => rows.map((r) => r.pid);

// 1 ─ 50 (Nox) ─ 100 (run) ─ 101 ─ 102, and a stranger 200 below 1.
const ROWS = [row(1, 0), row(50, 1), row(102, 101), row(101, 100), row(100, 50), row(200, 1)];

describe('process tree', () => {
  it('walks down and up, also through a circle', () => {
    expect(withDescendants(ROWS, [100])).toEqual(new Set([100, 101, 102]));
    expect([...withAncestors(ROWS, 101)]).toEqual([101, 100, 50, 1]);
    expect([...withAncestors([row(7, 8), row(8, 7)], 7)]).toEqual([7, 8]);
  });

  it('finds members by descent, first one first', () => {
    expect(pidsOf(membersOf(ROWS, mark(), nobody, nobody))).toEqual([100, 102, 101]);
  });

  it('finds the orphan that was known, carries the cookie, or stays in the group or the session', () => {
    const stays = [row(303, 1, { pgid: 100 }), row(304, 1, { sid: 100 })];
    const orphans = [row(1, 0), row(301, 1), row(302, 1), ...stays, row(305, 1)];
    expect(pidsOf(membersOf(orphans, mark([[301, 3010]]), new Set([302]), nobody))).toEqual([301, 302, 303, 304]);
  });

  it('knows nobody by pid alone', () => {
    const reused = [row(100, 1, { start_ticks: 5000 }), row(101, 100, { pgid: 100 })];
    expect(membersOf(reused, mark(), nobody, nobody)).toEqual([]);
    expect(ownsGroup(reused, mark(), nobody)).toBe(false);
  });

  it('leaves out the dead, pid 1, and who is spared with all that stands below it', () => {
    const zombie = [row(100, 50, { state: 'Z' }), row(101, 100)];
    expect(pidsOf(membersOf(zombie, mark(), nobody, nobody))).toEqual([101]);
    expect(membersOf(ROWS, { ...mark([[1, 10]]), pid: 1, start_ticks: 10 }, nobody, new Set([1, 50]))).toEqual([]);
    const forged: RunMark = { run_id: 'x', pid: 50, start_ticks: 500, known: new Map([[50, 500]]) };
    expect(membersOf([...ROWS, row(60, 1, { pgid: 50 })], forged, nobody, new Set([1, 50]))).toEqual([]);
  });
});
