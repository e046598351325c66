import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { lineDiff, patchLines } from './line-diff.js';

const long = (word: string): string => Array.from({ length: 3000 }, (_, i) => `${word} ${i}`).join('\n');

describe('line diff', () => {
  it('shows what went before what came', () => {
    expect(lineDiff('a\nb\nc\n', 'a\nx\nc\n').map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      'same a',
      'removed b',
      'added x',
      'same c',
    ]);
  });

  it('holds both texts, in order', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const diff = lineDiff(`${before.join('\n')}\n`, `${after.join('\n')}\n`);
        const side = (kind: string) => diff.filter((l) => l.kind === 'same' || l.kind === kind).map((l) => l.text);
        expect(side('removed')).toEqual(before);
        expect(side('added')).toEqual(after);
      }),
    );
  });

  it('gives up comparing what is too large, and still shows all of it', () => {
    const diff = lineDiff(long('a'), long('b'));
    expect(diff.filter((line) => line.kind === 'removed')).toHaveLength(3000);
    expect(diff.filter((line) => line.kind === 'added')).toHaveLength(3000);
  });

  it('reads a unified diff', () => {
    const patch = 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n same\n-old\n+new\n';
    expect(patchLines(patch).map((line) => line.kind)).toEqual([
      'file',
      'file',
      'file',
      'hunk',
      'same',
      'removed',
      'added',
    ]);
  });
});
