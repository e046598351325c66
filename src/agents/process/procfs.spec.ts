import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseStat, parseUse } from './procfs.js';
import { parsePsLine } from './ps-table.js';

const TAIL = '4194304 100 0 0 0 1 2 3 4 20 0 1 0 77001 1000 200';

describe('parseStat', () => {
  it('reads the start time whatever the command is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (comm) => {
        expect(parseStat(`4242 (${comm}) S 7 8 9 0 -1 ${TAIL}`)).toEqual({
          pid: 4242,
          ppid: 7,
          pgid: 8,
          sid: 9,
          state: 'S',
          start_ticks: 77001,
        });
      }),
    );
  });

  it.each(['', '4242', '4242 (sh', '4242 (sh) S 7', '4242 (a) S 1 1) Z', 'x (sh) S 7 8 9 0 -1 ' + TAIL])(
    'answers null for %j',
    (text) => {
      expect(parseStat(text)).toBeNull();
    },
  );
});

describe('parsePsLine', () => {
  it('reads a line of ps', () => {
    expect(parsePsLine('  812   1   812 Ss   Mon Nov  2 10:00:07 2026')).toEqual({
      pid: 812,
      ppid: 1,
      pgid: 812,
      sid: 812,
      state: 'S',
      start_ticks: Date.parse('Nov 2 2026 10:00:07') / 1000,
    });
  });

  it.each(['', '812 1 812 S', 'PID PPID PGID STAT STARTED'])('answers null for %j', (line) => {
    expect(parsePsLine(line)).toBeNull();
  });
});

describe('parseUse', () => {
  it('reads times in seconds and memory in pages, whatever the command is called', () => {
    const use = { start_ticks: 77001, rss_pages: 200, own_cpu_s: 0.03, children_cpu_s: 0.07 };
    expect(parseUse(`4242 (a) b) S 7 8 9 0 -1 ${TAIL}`)).toEqual(use);
  });

  it.each(['', '4242 (sh) S 7', `4242 (sh) Z 7 8 9 0 -1 ${TAIL}`])('answers null for %j', (text) => {
    expect(parseUse(text)).toBeNull();
  });
});
