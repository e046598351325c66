import { describe, expect, it } from '@jest/globals';
import { UsageHistory } from './usage-history.js';

const HOUR_MS = 3_600_000;
const point = (at_ms: number, cpu_percent = 1, memory_bytes = 1) => ({
  at_ms,
  memory_bytes,
  cpu_percent,
  processes: 1,
});

/** A history of samples every `step_ms` up to this time. */
function filled(until_ms: number, step_ms = 5000): UsageHistory {
  const history = new UsageHistory();
  for (let at_ms = 0; at_ms <= until_ms; at_ms += step_ms) history.add(point(at_ms, at_ms % 10_000 === 0 ? 0 : 10));
  return history;
}

describe('UsageHistory', () => {
  it('has each sample of the last hour and one per minute before that', () => {
    const found = filled(3 * HOUR_MS).read(0, 5000);
    expect(found.filter(({ at_ms }) => at_ms > 2 * HOUR_MS)).toHaveLength(720);
    const old = found.filter(({ at_ms }) => at_ms <= 2 * HOUR_MS);
    expect(old).toHaveLength(121);
    expect(old[5]).toEqual(point(5 * 60_000 + 55_000, 5));
    expect(found.map(({ at_ms }) => at_ms)).toEqual(found.map(({ at_ms }) => at_ms).toSorted((a, b) => a - b));
  });

  it('holds no more than a day, however long it goes on and however often it is fed', () => {
    expect(filled(50 * HOUR_MS, 20_000).read(0, 5000).length).toBeLessThanOrEqual(180 + 1440);
    expect(filled(2 * HOUR_MS, 250).read(0, 50_000).length).toBeLessThanOrEqual(3600 + 121);
  });

  it('forgets what is older than a day when an agent comes back after a pause', () => {
    const history = filled(2 * HOUR_MS);
    history.add(point(40 * HOUR_MS));
    expect(history.read(0, 5000).filter(({ at_ms }) => at_ms < 16 * HOUR_MS - 60_000)).toHaveLength(0);
  });

  it('tells what came after a time, put together when that is too much', () => {
    const history = filled(HOUR_MS / 2);
    expect(history.read(HOUR_MS / 2 - 10_000, 100).map(({ at_ms }) => at_ms)).toEqual([
      HOUR_MS / 2 - 5000,
      HOUR_MS / 2,
    ]);
    const few = history.read(-1, 10);
    expect(few).toHaveLength(10);
    expect(few.at(-1)?.at_ms).toBe(HOUR_MS / 2);
    expect(few[0]?.cpu_percent).toBeCloseTo(5, 0);
  });

  it('keeps the peak of memory when samples are put together', () => {
    const history = new UsageHistory();
    for (const mb of [1, 9, 2]) history.add(point(mb, 0, mb));
    expect(history.read(0, 1)[0]?.memory_bytes).toBe(9);
  });
});
