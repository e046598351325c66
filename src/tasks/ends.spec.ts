import { describe, expect, it } from '@jest/globals';
import { Ends } from './ends.js';

const HALF = 16 * 1024;

describe(Ends.name, () => {
  it('keeps what is short as it is, and both ends of what is long', () => {
    const short = new Ends();
    short.add(Buffer.from('all \0 of it'));
    expect(short.text({})).toBe('all \ufffd of it');
    const long = new Ends();
    for (const part of ['a'.repeat(HALF), 'left out', 'b'.repeat(HALF)]) long.add(Buffer.from(part));
    expect(long.text({})).toBe(`${'a'.repeat(HALF)}\n… 8 bytes left out …\n${'b'.repeat(HALF)}`);
  });

  it('regression: shows no part of a secret that was cut through', () => {
    const TOKEN = 'opensesame';
    const output = new Ends();
    const head = `${'a'.repeat(HALF - 9)}${TOKEN}`;
    const tail = `${TOKEN}${'b'.repeat(HALF - 9)}`;
    for (const part of [head, 'left out', tail]) output.add(Buffer.from(part));
    expect(output.text({ TOKEN })).toBe(`${'a'.repeat(HALF - 9)}\n… 28 bytes left out …\n${'b'.repeat(HALF - 9)}`);
  });
});
