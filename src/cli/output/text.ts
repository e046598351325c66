/** C0 controls but tab and newline, DEL, and C1: what a terminal would obey. */
// oxlint-disable-next-line no-control-regex -- they are what it is about
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
/** Marks that turn the direction of writing, so that a text reads other than it is. */
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** Half characters. */
const LONE_SURROGATES = /\p{Cs}/gu;
/** Whatever has no ink: controls, formats, spaces but the plain one, fillers, private and unassigned characters. */
// oxlint-disable no-misleading-character-class -- each of them alone is meant
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu;
// oxlint-enable no-misleading-character-class

const codeOf = (char: string): string =>
  `<U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`;

/** The picture of a C0 control or DEL (`␛`), the number of any other character (`<U+009B>`). */
function sign(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? '␡' : codeOf(char);
}

/**
 * Text of an agent as it may go to a terminal: nothing in it can move the cursor, change the screen, title or
 * clipboard, or turn the reading direction. Newlines and tabs stay; carriage returns go.
 */
export function plain(text: string): string {
  return text
    .replaceAll('\r', '')
    .replaceAll(CONTROLS, sign)
    .replaceAll(DIRECTION, codeOf)
    .replaceAll(LONE_SURROGATES, '\u{fffd}');
}

/** The same on one line, for tables. */
export const oneLine = (text: string): string => plain(text).replaceAll(/\s+/g, ' ').trim();

/** Exactly what is in the text: everything without ink gets a sign, a newline its sign and the line break. */
export const visible = (text: string): string =>
  text.replaceAll(INVISIBLE, (char) => (char === '\n' ? '␊\n' : sign(char)));

/** JSON for people, with everything without ink made visible; line breaks between the fields only. */
export function visibleJson(value: unknown): string {
  const lines = (JSON.stringify(value, null, 2) ?? 'undefined').split('\n');
  return lines.map((line) => visible(line)).join('\n');
}

/** `1 turn`, `2 turns`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Columns that the text takes in a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text) {
    if (NO_WIDTH.test(char)) continue;
    width += WIDE.test(char) ? 2 : 1;
  }
  return width;
}

/** Cut to at most `width` columns, the last being `…` if something was cut. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let used = 0;
  let kept = '';
  for (const char of text) {
    used += widthOf(char);
    if (used > width - 1) break;
    kept += char;
  }
  return width < 1 ? '' : `${kept}…`;
}
