import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { cut, oneLine, plain, visible, visibleJson, widthOf } from './text.js';

const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) });

describe(plain.name, () => {
  it('takes the teeth out of escape sequences', () => {
    expect(plain('\u001b]52;c;cm0gLXJm\u0007\u009b2J\u001b[31mred\u007f')).toBe('␛]52;c;cm0gLXJm␇<U+009B>2J␛[31mred␡');
    expect(plain('rm \u202egnp.exe')).toBe('rm <U+202E>gnp.exe');
    expect(plain('a\r\nb\tc')).toBe('a\nb\tc');
  });

  it('leaves no control character, whatever comes, in whatever pieces', () => {
    fc.assert(
      fc.property(anyText, fc.nat(), (text, at) => {
        const place = at % (text.length + 1);
        const out = plain(text.slice(0, place)) + plain(text.slice(place));
        // oxlint-disable-next-line no-control-regex -- what this test is about
        expect(out).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });

  it('keeps ordinary text of all scripts', () => {
    for (const text of ['héllo wörld', '漢字 かな', 'שלום', '👩‍💻 done', 'a\n\tb']) expect(plain(text)).toBe(text);
  });
});

describe(visible.name, () => {
  it('gives everything without ink a sign', () => {
    expect(visible('ls\u200b -l\u00a0x\r\n\u001b[2K\u{e0041}\u3164')).toBe(
      'ls<U+200B> -l<U+00A0>x␍␊\n␛[2K<U+E0041><U+3164>',
    );
  });

  it('never shows two different texts alike, unless they write the signs themselves', () => {
    const inkless = fc.string({
      unit: fc.constantFrom('a', ' ', '\n', '\r', '\t', '\u200b', '\u00ad', '\u202e', '\u009b'),
    });
    fc.assert(fc.property(inkless, inkless, (a, b) => expect(visible(a) === visible(b)).toBe(a === b)));
  });

  it('shows JSON with its own line breaks only', () => {
    expect(visibleJson({ command: 'a\nb\u202e' })).toBe('{\n  "command": "a\\nb<U+202E>"\n}');
  });
});

describe(oneLine.name, () => {
  it('folds white space', () => expect(oneLine('  a\n\n b\t c ')).toBe('a b c'));
});

describe(cut.name, () => {
  it('never makes a text wider than asked, and leaves what fits alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 40 }), (text, width) => {
        const out = cut(text, width);
        expect(widthOf(out)).toBeLessThanOrEqual(width);
        if (widthOf(text) <= width) expect(out).toBe(text);
      }),
    );
  });

  it('counts wide characters as two and marks as none', () => {
    expect(widthOf('漢字')).toBe(4);
    expect(widthOf('e\u0301')).toBe(1);
    expect(cut('漢字漢字', 5)).toBe('漢字…');
  });
});
