import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { bindingHash } from './binding-hash.js';
import { canonicalJson } from './canonical.js';

const call = {
  agent_id: 'worker',
  session_id: null,
  tool_use_id: 'toolu_1',
  tool_name: 'Bash',
  input: { command: 'ls' } as unknown,
  cwd: '/w',
};

describe(canonicalJson, () => {
  it('sorts keys at every depth and keeps the order of lists', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 'x' }, 2], a: null })).toBe('{"a":null,"b":[{"c":"x","d":1},2]}');
  });

  it('keeps a key named __proto__, and characters as they are', () => {
    expect(canonicalJson(JSON.parse('{"__proto__":1,"é":"e\\u0301"}'))).toBe('{"__proto__":1,"é":"e\u0301"}');
  });

  it.each([
    Number.NaN,
    Infinity,
    undefined,
    1n,
    () => 1,
    Symbol('x'),
    new Date(),
    new Map(),
    { a: undefined },
    [undefined],
    Array(1),
  ])('refuses %p, which is not JSON', (value) => expect(() => canonicalJson(value)).toThrow(TypeError));

  it('is JSON of the same value, whatever order its keys came in', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });

  it('differs for different values', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const same = canonicalJson(a) === canonicalJson(b);
        expect(canonicalJson([a]) === canonicalJson([b])).toBe(same);
        expect(same).toBe(canonicalJson(JSON.parse(canonicalJson(a))) === canonicalJson(JSON.parse(canonicalJson(b))));
      }),
    );
  });
});

describe(bindingHash, () => {
  it('is a sha256 that does not depend on the order of keys', () => {
    const input = { a: 1, b: 2 };
    expect(bindingHash({ ...call, input })).toMatch(/^[0-9a-f]{64}$/);
    expect(bindingHash({ ...call, input: { b: 2, a: 1 } })).toBe(bindingHash({ ...call, input }));
  });

  it.each(Object.keys(call))('changes with %s', (key) => {
    expect(bindingHash({ ...call, [key]: key === 'input' ? { command: 'ls ' } : 'other' })).not.toBe(bindingHash(call));
  });

  it('does not confuse one field with its neighbour', () => {
    expect(bindingHash({ ...call, tool_use_id: 'ab', tool_name: 'c' })).not.toBe(
      bindingHash({ ...call, tool_use_id: 'a', tool_name: 'bc' }),
    );
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, field]) => [key, reversed(field)]),
  );
}
