/** One line with the bytes that end it, so that joined lines are the text again. */
export interface Line {
  readonly text: string;
  readonly eol: '\n' | '\r\n' | '';
}

const BOM = '\ufeff';

/** A text as lines; `joinLines` is its exact inverse. */
export function splitLines(text: string): { bom: string; lines: Line[] } {
  const bom = text.startsWith(BOM) ? BOM : '';
  const lines: Line[] = [];
  for (let at = bom.length; at < text.length;) {
    const end = text.indexOf('\n', at);
    if (end < 0) {
      lines.push({ text: text.slice(at), eol: '' });
      break;
    }
    const crlf = end > at && text[end - 1] === '\r';
    lines.push({ text: text.slice(at, crlf ? end - 1 : end), eol: crlf ? '\r\n' : '\n' });
    at = end + 1;
  }
  return { bom, lines };
}

export const joinLines = (bom: string, lines: readonly Line[]): string =>
  bom + lines.map(({ text, eol }) => text + eol).join('');

/** The line end that most of a text has; a new line gets it too. */
export function eolOf(lines: readonly Line[]): '\n' | '\r\n' {
  const crlf = lines.filter(({ eol }) => eol === '\r\n').length;
  return crlf * 2 > lines.length ? '\r\n' : '\n';
}

/** Width of the white space at its beginning; a tab goes to the next multiple of four. */
export function indentOf(text: string): number {
  let width = 0;
  for (const char of text) {
    if (char === ' ') width += 1;
    else if (char === '\t') width += 4 - (width % 4);
    else break;
  }
  return width;
}

export const isBlank = (text: string): boolean => text.trim() === '';
