import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseLine } from './parse-line.js';

const KNOWN_TYPES = [
  'assistant',
  'user',
  'stream_event',
  'result',
  'command_lifecycle',
  'control_request',
  'control_response',
  'control_cancel_request',
  'system',
];
const parse = (value: unknown) => parseLine(JSON.stringify(value));

describe(parseLine.name, () => {
  it('never throws, whatever the line holds', () => {
    const kinds = new Set(['frame', 'ignored', 'malformed']);
    const value = fc.jsonValue({ maxDepth: 5 });
    const frame = fc.record(
      {
        type: fc.constantFrom(...KNOWN_TYPES),
        subtype: fc.oneof(fc.constantFrom('init', 'api_retry', '__proto__', 'constructor'), value),
        message: fc.oneof(value, fc.record({ content: fc.oneof(value, fc.array(value)) })),
        event: value,
        request: value,
        request_id: value,
        response: value,
        is_error: fc.oneof(fc.boolean(), value),
        model_usage_since_last_result: value,
      },
      { requiredKeys: ['type'] },
    );
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      frame.map((object) => JSON.stringify(object)),
    );
    fc.assert(fc.property(line, (text) => expect(kinds).toContain(parseLine(text).kind)));
  });

  it.each([
    ['{"type":', 'not JSON'],
    ['null', 'not an object with a type'],
    ['{"type":7}', 'not an object with a type'],
    ['{"type":"result","result":"no is_error"}', 'result: is_error'],
    ['{"type":"assistant","message":7}', 'assistant: message'],
    ['{"type":"system","subtype":"init"}', 'system/init: session_id'],
  ])('says why %s is malformed', (line, reason) => {
    expect(parseLine(line)).toEqual({ kind: 'malformed', reason: expect.stringContaining(reason) });
  });

  it('refuses nesting that would overflow the stack of code behind it', () => {
    const deep = `{"type":"user","message":{"content":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`;
    expect(parseLine(deep)).toEqual({ kind: 'malformed', reason: 'nested deeper than 200' });
    const brackets_in_text = JSON.stringify({ type: 'future', text: `\\"${'['.repeat(1000)}` });
    expect(parseLine(brackets_in_text)).toEqual({ kind: 'ignored' });
  });

  it.each(['future', '__proto__', 'constructor', 'toString'])('ignores the unknown type %s', (type) => {
    expect(parse({ type })).toEqual({ kind: 'ignored' });
    expect(parse({ type: 'system', subtype: type })).toEqual({ kind: 'ignored' });
  });

  it('keeps unknown blocks of a message out, and the known ones in order', () => {
    const content = [{ type: 'thinking', thinking: 'hm' }, { type: 'text', text: 'a' }, { type: 'text' }];
    expect(parse({ type: 'assistant', message: { id: 'm', content } })).toMatchObject({
      kind: 'frame',
      frame: { body: { message: { content: [{ type: 'other' }, { type: 'text', text: 'a' }, { type: 'other' }] } } },
    });
  });

  it('does without figures that make no sense', () => {
    const parsed = parse({ type: 'result', is_error: false, total_cost_usd: 'much', usage: 7 });
    expect(parsed).toMatchObject({ kind: 'frame', frame: { body: { total_cost_usd: 0, usage: null } } });
  });
});
