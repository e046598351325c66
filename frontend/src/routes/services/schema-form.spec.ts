import { describe, expect, it } from '@jest/globals';
import { fieldsOf, inputFrom, objectFrom } from './schema-form.js';

const SCHEMA = {
  type: 'object',
  properties: {
    text: { type: 'string', description: 'what to say' },
    times: { type: 'integer', default: 2 },
    loud: { type: ['boolean', 'null'] },
    how: { enum: ['fast', 'slow'] },
    more: { type: 'object' },
    mixed: { type: ['string', 'number'] },
  },
  required: ['text', 'how'],
};

describe('the form of a tool', () => {
  it('asks for each input as its schema says', () => {
    expect(fieldsOf(SCHEMA)?.map(({ name, kind, required, initial }) => [name, kind, required, initial])).toEqual([
      ['text', 'text', true, ''],
      ['times', 'number', false, '2'],
      ['loud', 'boolean', false, ''],
      ['how', 'choice', true, ''],
      ['more', 'json', false, ''],
      ['mixed', 'json', false, ''],
    ]);
  });

  it.each([undefined, null, 'x', [], {}, { properties: {} }, { properties: 'x' }, { required: 3 }])(
    'is one box of JSON for %j',
    (schema) => {
      expect(fieldsOf(schema)).toBeUndefined();
    },
  );

  it('sends what was typed in the types of the schema, and leaves out what was not', () => {
    const fields = fieldsOf(SCHEMA) ?? [];
    const values = { text: 'hi', times: '3', loud: 'false', how: 'slow', more: '{"a":[1]}', mixed: '' };
    expect(inputFrom(fields, values)).toEqual({
      input: { text: 'hi', times: 3, loud: false, how: 'slow', more: { a: [1] } },
    });
  });

  it('says what is wrong by field', () => {
    const fields = fieldsOf(SCHEMA) ?? [];
    expect(inputFrom(fields, { text: 'hi', times: 'three', more: '{' }).problems).toEqual({
      times: 'must be a number',
      how: 'is needed',
      more: expect.stringContaining('must be JSON'),
    });
  });

  it('keeps a field that is called like a part of every object', () => {
    const fields = fieldsOf(
      JSON.parse('{"properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}}}'),
    );
    const { input } = inputFrom(fields ?? [], Object.fromEntries([['constructor', 'x']]));
    expect(Object.keys(input ?? {})).toContain('constructor');
  });

  it('takes an object only as a whole input', () => {
    expect(objectFrom('{"a":1}')).toEqual({ a: 1 });
    expect(objectFrom(' ')).toEqual({});
    for (const text of ['[1]', '1', 'null', '{']) expect(objectFrom(text)).toBeUndefined();
  });
});
