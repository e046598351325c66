import { describe, expect, it } from '@jest/globals';
import { bytes, clockTime, compact, countdown, dollars, duration, relativeTime, withClockTimes } from './format.js';

const NOW = Date.parse('2026-11-21T12:00:00Z');

const at = (ago_s: number): string => relativeTime(new Date(NOW - ago_s * 1000).toISOString(), NOW);

describe('format', () => {
  it('tells times from now', () => {
    expect([3, 40, 90, 7200, 3 * 86_400, -120].map(at)).toEqual([
      'just now',
      '40 s ago',
      '1 min ago',
      '2 h ago',
      '3 d ago',
      'in 2 min',
    ]);
    expect(at(40 * 86_400)).toMatch(/12/);
  });

  it('tells spans in two units at most', () => {
    expect([900, 59_000, 3_600_000, 4_800_000, 90_000_000].map(duration)).toEqual([
      '0 s',
      '59 s',
      '1 h',
      '1 h 20 min',
      '1 d 1 h',
    ]);
  });

  it('counts down to nothing and not below', () => {
    expect([61_000, 3_601_000, 0, -5].map(countdown)).toEqual(['01:01', '1:00:01', '00:00', '00:00']);
  });

  it('shortens figures', () => {
    expect([dollars(0.0537), dollars(0), dollars(12.3)]).toEqual(['$0.0537', '$0.00', '$12.30']);
    expect([compact(999), compact(1234), compact(21_044), compact(2_100_000)]).toEqual(['999', '1.2k', '21k', '2.1M']);
    expect([bytes(10), bytes(142e6), bytes(3e9)]).toEqual(['10 B', '135 MB', '2.8 GB']);
  });
});

it('tells the times in a reason as the time of day', () => {
  const time = '2026-11-21T03:16:58.945Z';
  expect(withClockTimes(`overloaded (529); try 2 of 8 at ${time}`)).toBe(
    `overloaded (529); try 2 of 8 at ${clockTime(time)}`,
  );
  expect(withClockTimes('2026-11-21 is a day')).toBe('2026-11-21 is a day');
});
