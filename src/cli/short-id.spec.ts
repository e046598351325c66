import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { pickShort } from './short-id.js';

const ids = ['apr_01AAA1', 'apr_01AAB2', 'apr_01BBB2X'];

describe(pickShort.name, () => {
  it.each([
    ['apr_01AAA1', 'apr_01AAA1'],
    ['a1', 'apr_01AAA1'],
    ['01b', 'apr_01BBB2X'],
    ['APR_01B', 'apr_01BBB2X'],
    ['2x', 'apr_01BBB2X'],
    ['zzz', undefined],
    ['apr_', undefined],
    ['', undefined],
  ])('%j means %j', (short, id) => expect(pickShort(short, ids, 'apr_')).toBe(id));

  it('names the candidates when there are several', () => {
    expect(() => pickShort('01A', ids, 'apr_')).toThrow('01A could be apr_01AAA1, apr_01AAB2.');
  });

  it('never picks one of several', () => {
    const id = fc.string({ unit: fc.constantFrom('A', 'B', '1'), minLength: 3, maxLength: 5 });
    fc.assert(
      fc.property(
        fc.uniqueArray(id),
        fc.string({ unit: fc.constantFrom('a', 'B', '1'), minLength: 1 }),
        (all, short) => {
          const typed = short.toUpperCase();
          const fits = all.filter((one) => one.startsWith(typed) || one.endsWith(typed));
          if (fits.length > 1) expect(() => pickShort(short, all)).toThrow('could be');
          else expect(pickShort(short, all)).toBe(fits[0]);
        },
      ),
    );
  });
});
