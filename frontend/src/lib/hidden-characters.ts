/** A stretch of text as it is, or one character that would not show, or show as something else. */
export type Piece =
  | { readonly hidden: false; readonly text: string }
  | { readonly hidden: true; readonly text: string; readonly code: string; readonly name: string };

const NAMES: Record<number, string> = {
  0x00: 'null',
  0x07: 'bell',
  0x08: 'backspace',
  0x0d: 'carriage return',
  0x1b: 'escape',
  0x7f: 'delete',
  0xa0: 'no-break space',
  0xad: 'soft hyphen',
  0x34f: 'grapheme joiner',
  0x61c: 'Arabic letter mark',
  0x180e: 'vowel separator',
  0x200b: 'zero-width space',
  0x200c: 'zero-width non-joiner',
  0x200d: 'zero-width joiner',
  0x200e: 'left-to-right mark',
  0x200f: 'right-to-left mark',
  0x2028: 'line separator',
  0x2029: 'paragraph separator',
  0x202a: 'left-to-right embedding',
  0x202b: 'right-to-left embedding',
  0x202c: 'pop direction',
  0x202d: 'left-to-right override',
  0x202e: 'right-to-left override',
  0x2060: 'word joiner',
  0x2066: 'left-to-right isolate',
  0x2067: 'right-to-left isolate',
  0x2068: 'first strong isolate',
  0x2069: 'pop isolate',
  0x3000: 'ideographic space',
  0xfeff: 'byte order mark',
};

// Controls, format characters, private use, half pairs, fillers, Braille blank; every space but the plain one.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u2800]|(?! )\p{Zs}/gu;

/** Cuts a text so that each invisible, direction-changing or look-alike-space character stands alone, with its name. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let done = 0;
  for (const match of text.matchAll(HIDDEN)) {
    const char = match[0];
    if (char === '\n' || char === '\t') continue;
    if (match.index > done) found.push({ hidden: false, text: text.slice(done, match.index) });
    const point = char.codePointAt(0) ?? 0;
    found.push({ hidden: true, text: char, code: codeOf(point), name: nameOf(point) });
    done = match.index + char.length;
  }
  if (done < text.length) found.push({ hidden: false, text: text.slice(done) });
  return found;
}

// What turns the reading direction, hides words from a person, or steers a terminal; joiners of emoji and scripts stay.
const DECEIVING = /(?![\n\t])\p{Cc}|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/** Prose with each character that deceives a reader shown by its code: `\u27e8U+202E\u27e9`. */
export const revealed = (text: string): string =>
  text.replaceAll('\r\n', '\n').replaceAll(DECEIVING, (char) => `\u27e8${codeOf(char.codePointAt(0) ?? 0)}\u27e9`);

export function countHidden(text: string): number {
  return pieces(text).filter((piece) => piece.hidden).length;
}

/** Words in which Cyrillic or Greek letters stand among Latin ones, with those letters named: `pаypal (а U+0430)`. */
export function mixedScriptWords(text: string): string[] {
  const words = new Set(text.match(/[\p{L}\p{N}_.-]+/gu));
  return [...words].flatMap((word) => {
    const strange = new Set(word.match(/[\p{Script=Cyrillic}\p{Script=Greek}]/gu));
    if (strange.size === 0 || !/\p{Script=Latin}/u.test(word)) return [];
    return [`${word} (${[...strange].map((char) => `${char} ${codeOf(char.codePointAt(0) ?? 0)}`).join(', ')})`];
  });
}

const codeOf = (point: number): string => `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;

function nameOf(point: number): string {
  const known = NAMES[point];
  if (known !== undefined) return known;
  if (point < 0x20 || (point >= 0x80 && point < 0xa0)) return 'control character';
  if (point >= 0xe0000 && point <= 0xe007f) return 'tag character';
  if ((point >= 0xfe00 && point <= 0xfe0f) || point >= 0xe0100) return 'variation selector';
  if (point >= 0xd800 && point <= 0xdfff) return 'half a character';
  if (point >= 0xe000 && point <= 0xf8ff) return 'private character';
  if (/\p{Zs}/u.test(String.fromCodePoint(point))) return 'unusual space';
  return 'invisible character';
}
