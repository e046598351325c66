import { describe, expect, it } from '@jest/globals';
import { oneLine, partsOf, warningsOf } from './request-input.js';

describe('request input', () => {
  it('takes a command apart and leaves nothing out', () => {
    expect(partsOf('Bash', { command: 'ls', description: 'List', timeout: 5 })).toEqual({
      command: 'ls',
      description: 'List',
      diffs: [],
      rest: [['timeout', 5]],
    });
  });

  it('shows an edit as a diff, and says when it is made everywhere', () => {
    const { path, diffs, rest } = partsOf('Edit', {
      file_path: '/x',
      old_string: 'a',
      new_string: 'b',
      replace_all: true,
    });
    expect(path).toBe('/x');
    expect(diffs[0]?.lines.map((line) => line.kind)).toEqual(['hunk', 'removed', 'added']);
    expect(rest).toEqual([['replace_all', true]]);
  });

  it('shows what it does not understand as it is', () => {
    expect(partsOf('Edit', { file_path: 7, old_string: null }).rest).toEqual([
      ['file_path', 7],
      ['old_string', null],
    ]);
    expect(partsOf('Strange', 'text').rest).toEqual([['input', 'text']]);
    expect(partsOf('MultiEdit', { file_path: '/x', edits: [{ old_string: 'a' }] }).rest).toHaveLength(1);
  });

  it('says in one line what matters', () => {
    expect(oneLine('Bash', { command: 'a\n  b' })).toBe('a b');
    expect(oneLine('Read', { file_path: '/x' })).toBe('/x');
    expect(oneLine('Grep', { count: 1, pattern: 'p' })).toBe('p');
    expect(oneLine('Odd', { n: 1 })).toBe('{"n":1}');
  });

  it('warns of what would mislead the eye, also deep inside and in keys', () => {
    expect(warningsOf({ a: [{ 'k\u200b': 'v\u202e' }] })).toEqual([expect.stringContaining('2 characters')]);
    expect(warningsOf({ url: 'p\u0430ypal.com' })).toEqual([expect.stringContaining('U+0430')]);
    expect(warningsOf({ command: 'ls -la' })).toEqual([]);
  });
});
