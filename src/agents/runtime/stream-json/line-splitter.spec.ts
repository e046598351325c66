import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { LineSplitter } from './line-splitter.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const texts = (splitter: LineSplitter, ...chunks: Uint8Array[]): string[] =>
  [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()].map((line) =>
    line.kind === 'line' ? line.text : `too long: ${line.bytes}`,
  );

describe(LineSplitter.name, () => {
  it('gives the same lines however the bytes are cut', () => {
    const line = fc.string({ unit: 'binary' }).map((text) => text.replaceAll(/[\r\n]/g, ''));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), (lines, cuts) => {
        const all = bytes(lines.map((text) => `${text}\n`).join(''));
        const at = [...new Set(cuts.map((cut) => cut % (all.length + 1)))].sort((a, b) => a - b);
        const chunks = [0, ...at].map((from, n) => all.subarray(from, at[n] ?? all.length));
        expect(texts(new LineSplitter(), ...chunks)).toEqual(
          lines
            .filter((text) => text !== '')
            .map((text) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes(text))),
        );
      }),
    );
  });

  it('drops the CR of CRLF and empty lines, and gives a last line without newline', () => {
    expect(texts(new LineSplitter(), bytes('a\r'), bytes('\n\r\n\n\nb'))).toEqual(['a', 'b']);
  });

  it('does not keep the buffer of the stream', () => {
    const splitter = new LineSplitter();
    const chunk = bytes('held');
    splitter.push(chunk);
    chunk.fill(0x78);
    expect(texts(splitter, bytes('\n'))).toEqual(['held']);
  });

  it('skips the rest of a line over the cap, keeps its head, and reads on', () => {
    const splitter = new LineSplitter(1000);
    const out = [...splitter.push(bytes('x'.repeat(900))), ...splitter.push(bytes(`${'y'.repeat(5000)}\nnext\n`))];
    expect(out).toEqual([
      { kind: 'too_long', bytes: 5900, head: 'x'.repeat(200) },
      { kind: 'line', text: 'next' },
    ]);
  });

  it('takes a line of exactly the cap', () => {
    expect(texts(new LineSplitter(4), bytes('abcd\nabcde\n'))).toEqual(['abcd', 'too long: 5']);
  });
});
