import { describe, expect, it } from '@jest/globals';
import { afterQuiet, longestWait_s, quietEnd } from './quiet-hours.js';

const HOUR_MS = 3_600_000;
const at = (text: string): number => new Date(`2026-03-03T${text}:00`).getTime();
const words = (ms: number): string => {
  const date = new Date(ms);
  return `${date.getDate()} ${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
};
const night = { from: '22:00', to: '07:00' };
const noon = { from: '12:00', to: '14:30' };
const empty = { from: '08:00', to: '08:00' };

describe('quiet hours', () => {
  it.each([
    ['21:59', '3 21:59'],
    ['22:00', '4 07:00'],
    ['03:30', '3 07:00'],
    ['06:59', '3 07:00'],
    ['07:00', '3 07:00'],
  ])('put off what comes at %s in the night until %s', (time, end) => {
    expect(words(quietEnd(at(time), night))).toBe(end);
  });

  it('may be of the day, and none', () => {
    expect(words(quietEnd(at('13:00'), noon))).toBe('3 14:30');
    expect(words(quietEnd(at('15:00'), noon))).toBe('3 15:00');
    expect(quietEnd(at('13:00'), undefined)).toBe(at('13:00'));
    expect(quietEnd(at('13:00'), empty)).toBe(at('13:00'));
  });

  it.each([
    ['20:00', 1, '3 21:00'],
    ['21:00', 1, '3 22:00'],
    ['21:30', 1, '4 07:30'],
    ['22:00', 1, '4 08:00'],
    ['02:00', 1, '3 08:00'],
    ['21:30', 16, '5 07:30'],
    ['09:00', 48, '6 12:00'],
  ])('are not counted: what begins at %s and lasts %d h ends on %s', (time, hours, end) => {
    expect(words(afterQuiet(at(time), hours * HOUR_MS, night))).toBe(end);
  });

  it('count nothing out where there are none, and little of a day may be left', () => {
    expect(afterQuiet(at('13:00'), HOUR_MS, undefined)).toBe(at('14:00'));
    expect(afterQuiet(at('13:00'), HOUR_MS, empty)).toBe(at('14:00'));
    expect(words(afterQuiet(at('11:59'), HOUR_MS / 30, { from: '12:00', to: '11:59' }))).toBe('4 12:00');
  });

  it('never make a wait longer than they say', () => {
    for (const quiet of [night, noon, empty, undefined])
      for (let minute = 0; minute < 48 * 60; minute += 17)
        for (const hours of [1, 9, 30, 100]) {
          const begin = at('00:00') + minute * 60_000;
          const took_s = (afterQuiet(begin, hours * HOUR_MS, quiet) - begin) / 1000;
          expect(took_s).toBeGreaterThanOrEqual(hours * 3600);
          expect(took_s).toBeLessThanOrEqual(longestWait_s(hours * 3600, quiet));
        }
  });
});
