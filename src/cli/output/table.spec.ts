import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { painted, riskCell, stateCell, styleOf, wantsColour } from './style.js';
import { pairs, table } from './table.js';
import { widthOf } from './text.js';

const bare = styleOf(false);

describe(table.name, () => {
  it('aligns columns and dashes what is missing', () => {
    const columns = [{ head: 'ID' }, { head: 'STATUS' }, { head: 'TURNS', align: 'right' as const }];
    const rows = [
      ['lead', stateCell('busy', bare), 7],
      ['worker-2', stateCell('hibernated', bare), null],
    ];
    expect(table(columns, rows)).toBe(
      'ID        STATUS        TURNS\nlead      ● busy            7\nworker-2  ☾ hibernated      -\n',
    );
  });

  it('colours without moving anything', () => {
    const columns = [{ head: 'S' }, { head: 'T' }];
    const colourful = styleOf(true);
    const inColour = table(columns, [[stateCell('failed', colourful), 'x']], { head: colourful.bold });
    // oxlint-disable-next-line no-control-regex -- colour codes
    expect(inColour.replaceAll(/\u001b\[\d+m/g, '')).toBe(table(columns, [[stateCell('failed', bare), 'x']]));
    expect(inColour).toContain('\u001b[31m✕ failed\u001b[39m');
  });

  it('keeps hostile cells on their line, and within the terminal', () => {
    const columns = [{ head: 'ID' }, { head: 'TEXT', shrinks: true }];
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), fc.integer({ min: 20, max: 60 }), (texts, width) => {
        const lines = table(
          columns,
          texts.map((text) => ['id', text]),
          { width },
        ).split('\n');
        expect(lines).toHaveLength(texts.length + 2);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe(pairs.name, () => {
  it('aligns values', () => {
    expect(
      pairs([
        ['id', 'lead'],
        ['process', undefined],
      ]),
    ).toBe('id       lead\nprocess  -\n');
  });
});

describe(wantsColour.name, () => {
  it.each([
    [{ flag: true, env: {}, is_tty: true }, true],
    [{ flag: true, env: {}, is_tty: false }, false],
    [{ flag: false, env: {}, is_tty: true }, false],
    [{ flag: true, env: { NO_COLOR: '1' }, is_tty: true }, false],
    [{ flag: true, env: { NO_COLOR: '' }, is_tty: true }, true],
    [{ flag: true, env: { TERM: 'dumb' }, is_tty: true }, false],
    [{ flag: true, env: { FORCE_COLOR: '1' }, is_tty: false }, true],
    [{ flag: true, env: { FORCE_COLOR: '1', NO_COLOR: '1' }, is_tty: true }, false],
  ])('%j → %s', (question, answer) => expect(wantsColour(question)).toBe(answer));
});

describe('state signs', () => {
  it('shows words that it does not know bare', () => {
    expect(painted(stateCell('toString', styleOf(true)))).toBe('toString');
    expect(painted(riskCell('high', bare))).toBe('▰▰▰▱ high');
  });
});
