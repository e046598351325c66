import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { readSse, type SseFrame, SseParser } from './sse.js';

const parse = (...chunks: string[]): SseFrame[] => {
  const parser = new SseParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
};

/** Cuts a text at the given places. */
const cut = (text: string, places: number[]): string[] => {
  const at = [0, ...places.map((p) => p % (text.length + 1)), text.length].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => text.slice(at[i], end));
};

const oneLine = fc.string({ unit: 'grapheme' }).map((s) => s.replaceAll(/[\r\n]/g, ''));
const lineEnd = fc.constantFrom('\n', '\r', '\r\n');

describe(SseParser.name, () => {
  it('joins data lines, names events and remembers the last id', () => {
    expect(parse('id: 7\nevent: content\ndata: a\ndata:b\n\ndata: c\n\n')).toEqual([
      { event: 'content', data: 'a\nb', last_id: '7' },
      { event: 'message', data: 'c', last_id: '7' },
    ]);
  });

  it('passes over comments, unknown fields, empty events and an unfinished end', () => {
    expect(parse(': heartbeat\n\nevent: lost\n\nretry: 10\nfoo: bar\ndata\n\ndata: unfinished\n')).toEqual([
      { event: 'message', data: '', last_id: undefined },
    ]);
  });

  it('drops one leading byte order mark and keeps all but one leading space', () => {
    expect(parse('\u{feff}data:  x\n\n')).toEqual([{ event: 'message', data: ' x', last_id: undefined }]);
    expect(parse('id: a\0b\ndata: y\n\n')).toEqual([{ event: 'message', data: 'y', last_id: undefined }]);
  });

  it('gives back what was written, for any text, line end and cut', () => {
    const frame = fc.record({ event: oneLine, data: fc.array(oneLine, { minLength: 1, maxLength: 4 }) });
    fc.assert(
      fc.property(fc.array(frame), lineEnd, fc.array(fc.nat()), (frames, end, places) => {
        const text = frames
          .map((f) => [`event: ${f.event}`, ...f.data.map((d) => `data: ${d}`), '', ''].join(end))
          .join('');
        const expected = frames.map((f) => ({
          event: f.event === '' ? 'message' : f.event,
          data: f.data.join('\n'),
          last_id: undefined,
        }));
        expect(parse(...cut(text, places))).toEqual(expected);
      }),
    );
  });

  it('reads hostile text the same whole or cut, and never throws', () => {
    const soup = fc.string({
      unit: fc.constantFrom('\r', '\n', ':', ' ', 'data', 'id', 'event', '\0', '\u{feff}', 'x'),
    });
    fc.assert(
      fc.property(soup, fc.array(fc.nat()), (text, places) => {
        expect(parse(...cut(text, places))).toEqual(parse(text));
      }),
    );
  });
});

const bodyOf = (bytes: Uint8Array, places: number[], onCancel = () => {}): ReadableStream<Uint8Array> => {
  const at = [0, ...places.map((p) => p % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: onCancel,
  });
};

describe(readSse.name, () => {
  it('decodes characters that chunks cut in two', async () => {
    await fc.assert(
      fc.asyncProperty(oneLine, fc.array(fc.nat()), async (text, places) => {
        const seen: string[] = [];
        const bytes = new TextEncoder().encode(`data: ${text}\n\n`);
        for await (const frame of readSse(bodyOf(bytes, places))) seen.push(frame.data);
        expect(seen).toEqual([text]);
      }),
    );
  });

  it('cancels the body when the reader leaves early', async () => {
    let cancelled = false;
    const bytes = new TextEncoder().encode('data: 1\n\ndata: 2\n\n');
    for await (const frame of readSse(bodyOf(bytes, [9], () => (cancelled = true)))) {
      expect(frame.data).toBe('1');
      break;
    }
    expect(cancelled).toBe(true);
  });

  it('gives up on a stream that falls silent', async () => {
    const silent = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
    await expect(readSse(silent, { silence_ms: 5 }).next()).rejects.toThrow('silent');
  });
});
