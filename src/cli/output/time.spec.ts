import { describe, expect, it } from '@jest/globals';
import { duration, parseTime, relative } from './time.js';

const NOW = Date.parse('2026-11-21T12:00:00.000Z');
const S = 1000;
const M = 60 * S;
const H = 60 * M;

describe(duration.name, () => {
  it.each([
    [0, '0s'],
    [12 * S, '12s'],
    [59.6 * S, '1m'],
    [5 * M + 30 * S, '5m'],
    [3 * H + 20 * M, '3h 20m'],
    [3 * H + 20 * S, '3h'],
    [24 * H, '1d'],
    [52 * H + 59 * M, '2d 4h'],
  ])('%d ms is %s', (ms, text) => expect(duration(ms)).toBe(text));
});

describe(relative.name, () => {
  it.each([
    ['2026-11-21T11:55:00.000Z', '5m ago'],
    ['2026-11-21T12:00:20.000Z', 'in 20s'],
    ['2026-11-21T11:59:59.500Z', 'now'],
    [null, '-'],
    ['nonsense', '-'],
  ])('%s is %s', (timestamp, text) => expect(relative(timestamp, NOW)).toBe(text));
});

describe(parseTime.name, () => {
  it.each([
    ['2h ago', '2026-11-21T10:00:00.000Z'],
    ['1.5h', '2026-11-21T10:30:00.000Z'],
    ['3d', '2026-11-18T12:00:00.000Z'],
    ['2026-11-20T08:00:00+02:00', '2026-11-20T06:00:00.000Z'],
    ['yesterday-ish', undefined],
    ['99999999999d', undefined],
  ])('%s is %s', (text, time) => expect(parseTime(text, NOW)).toBe(time));
});
