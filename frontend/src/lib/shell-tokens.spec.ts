import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { programsOf, shellTokens } from './shell-tokens.js';

const kinds = (command: string): string[] =>
  shellTokens(command)
    .filter((token) => token.kind !== 'space')
    .map((token) => `${token.kind}:${token.text}`);

const SHELLISH = [
  'a',
  'b',
  '-',
  "'",
  '"',
  '`',
  '\\',
  '$',
  '(',
  ')',
  '{',
  '}',
  '|',
  '&',
  ';',
  '<',
  '>',
  ' ',
  '\n',
  '#',
  '=',
];

describe('shell tokens', () => {
  it('tells programs, flags, strings, variables, operators and comments apart', () => {
    expect(kinds(`A=1 git push --force "$B" | tee 'x y' > $HOME/log # done`)).toEqual([
      'variable:A=1',
      'program:git',
      'word:push',
      'flag:--force',
      'string:"$B"',
      'operator:|',
      'program:tee',
      "string:'x y'",
      'operator:>',
      'variable:$HOME',
      'word:/log',
      'comment:# done',
    ]);
  });

  it('finds the program behind sudo, after && and inside $( )', () => {
    expect(programsOf('sudo rm -rf x && npm test; echo $(whoami)\ncurl y')).toEqual([
      'sudo',
      'rm',
      'npm',
      'echo',
      'whoami',
      'curl',
    ]);
  });

  it('ends with what is left of an open quote', () => {
    expect(kinds(`echo "open`)).toEqual(['program:echo', 'string:"open']);
  });

  it('loses no byte and always ends', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (command) => {
        expect(
          shellTokens(command)
            .map((token) => token.text)
            .join(''),
        ).toBe(command);
      }),
    );
    const shellish = fc.array(fc.constantFrom(...SHELLISH), { maxLength: 60 });
    fc.assert(
      fc.property(shellish, (chars) => {
        expect(
          shellTokens(chars.join(''))
            .map((token) => token.text)
            .join(''),
        ).toBe(chars.join(''));
      }),
    );
  });
});
