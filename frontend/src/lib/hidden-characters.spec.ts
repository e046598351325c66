import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { countHidden, mixedScriptWords, pieces, revealed } from './hidden-characters.js';

describe('hidden characters', () => {
  it('leaves ordinary text alone, whatever its script', () => {
    expect(pieces('echo "grüße, мир, 你好"\n\tdone')).toEqual([
      { hidden: false, text: 'echo "grüße, мир, 你好"\n\tdone' },
    ]);
  });

  it.each([
    ['\u202e', 'U+202E', 'right-to-left override'],
    ['\u200b', 'U+200B', 'zero-width space'],
    ['\u00a0', 'U+00A0', 'no-break space'],
    ['\u001b', 'U+001B', 'escape'],
    ['\r', 'U+000D', 'carriage return'],
    ['\u{e0041}', 'U+E0041', 'tag character'],
    ['\u3164', 'U+3164', 'invisible character'],
    ['\ud800', 'U+D800', 'half a character'],
    ['\u2003', 'U+2003', 'unusual space'],
  ])('names %j', (char, code, name) => {
    expect(pieces(`a${char}b`)).toEqual([
      { hidden: false, text: 'a' },
      { hidden: true, text: char, code, name },
      { hidden: false, text: 'b' },
    ]);
  });

  it('loses no byte', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(
          pieces(text)
            .map((piece) => piece.text)
            .join(''),
        ).toBe(text);
      }),
    );
  });

  it('counts', () => {
    expect(countHidden('a\u200bb\u200bc')).toBe(2);
    expect(countHidden('plain')).toBe(0);
  });

  it('finds letters that look Latin and are not, and names them', () => {
    expect(mixedScriptWords('curl p\u0430ypal.com мир hello')).toEqual(['p\u0430ypal.com (\u0430 U+0430)']);
  });
});

describe('prose', () => {
  it('shows what would turn or hide words, and leaves what scripts and emoji are made of', () => {
    expect(revealed('a\u202egnp.exe \u200bb \u{e0041}')).toBe('a⟨U+202E⟩gnp.exe ⟨U+200B⟩b ⟨U+E0041⟩');
    const fine = 'line\n\ttab \u00a0 \u{1f469}\u200d\u{1f4bb} \u2764\ufe0f نص';
    expect(revealed(fine)).toBe(fine);
    expect(revealed('a\r\nb')).toBe('a\nb');
  });
});
