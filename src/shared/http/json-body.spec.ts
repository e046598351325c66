import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { MAX_JSON_DEPTH, MAX_JSON_KEYS, parseJsonBody } from './json-body.js';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe(parseJsonBody.name, () => {
  it('takes what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        fc.pre(!text.includes('__proto__'));
        expect(parseJsonBody(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('takes an empty body as none', () => expect(parseJsonBody(' \n')).toBeUndefined());

  it('takes the deepest and the widest that is allowed', () => {
    expect(parseJsonBody(nested(MAX_JSON_DEPTH))).toBeDefined();
    expect(parseJsonBody(JSON.stringify(Array(MAX_JSON_KEYS).fill(1)))).toHaveLength(MAX_JSON_KEYS);
  });

  it.each([
    ['half an object', '{"a":'],
    ['two values', '{} {}'],
    ['a level too much', nested(MAX_JSON_DEPTH + 1)],
    ['100 000 levels', nested(100_000)],
    ['a key too much', JSON.stringify(Array(MAX_JSON_KEYS + 1).fill(1))],
    ['a __proto__ key', '{"a":[{"__proto__":{"role":"admin"}}]}'],
  ])('refuses %s', (_, text) => {
    expect(() => parseJsonBody(text)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });
});
