import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { chunksOf, type Directive, MAX_DIRECTIVES, parseScript } from './script.js';

const only = (text: string): Directive | undefined => parseScript(text).directives[0];
type Slow = Extract<Directive, { kind: 'slow' }>;

describe('parseScript', () => {
  it('reads every directive', () => {
    const script = parseScript(
      [
        'say hello\\nthere',
        'slow 3 a b',
        'slow 2@5',
        'think hm',
        'tool Bash {"command":"ls"}',
        'tool Read',
        'error 529 x2 busy',
        'error 400',
        'history',
        'system',
        'tokens 10 20',
      ].join('\n'),
    );
    expect(script.problems).toEqual([]);
    expect(script.directives).toEqual([
      { kind: 'say', text: 'hello\nthere' },
      { kind: 'slow', chunks: 3, delay_ms: 150, text: 'a b' },
      { kind: 'slow', chunks: 2, delay_ms: 5, text: '' },
      { kind: 'think', text: 'hm' },
      { kind: 'tools', calls: [{ name: 'Bash', input: { command: 'ls' } }] },
      { kind: 'tools', calls: [{ name: 'Read', input: {} }] },
      { kind: 'error', status: 529, times: 2, message: 'busy' },
      { kind: 'error', status: 400, times: null, message: 'scripted error 400' },
      { kind: 'history' },
      { kind: 'system' },
      { kind: 'tokens', input: 10, output: 20 },
    ]);
  });

  it('reads a batch of tool calls, and goes on after it', () => {
    expect(parseScript('tools\n- Bash {"command":"a"}\n  - Read {"file_path":"b"}\nsay c').directives).toEqual([
      {
        kind: 'tools',
        calls: [
          { name: 'Bash', input: { command: 'a' } },
          { name: 'Read', input: { file_path: 'b' } },
        ],
      },
      { kind: 'say', text: 'c' },
    ]);
  });

  it('repeats a directive, on the same line or the next', () => {
    expect(parseScript('repeat 3 say a\nrepeat 2\nsay b').directives.map((d) => d.kind === 'say' && d.text)).toEqual([
      'a',
      'a',
      'a',
      'b',
      'b',
    ]);
    expect(parseScript('repeat 99999999 say a').directives).toHaveLength(MAX_DIRECTIVES);
  });

  it('finds directives between prose', () => {
    expect(parseScript('From the lead agent:\n\n  say hi  \nThank you.').directives).toEqual([
      { kind: 'say', text: 'hi' },
    ]);
  });

  it.each([
    'Tell me a story',
    'tool support is great',
    'history of Rome',
    'error in line 5',
    'think about it',
    'slow down',
    '',
  ])('takes "%s" for an ordinary prompt', (text) =>
    expect(parseScript(text)).toEqual({ directives: [], problems: [] }),
  );

  it('names the line of what is wrong', () => {
    const script = parseScript('say a\ntool Bash {bad}\ntools\n- Read {worse\nerror 200 x\nslow 0 x');
    expect(script.problems.map((p) => p.line)).toEqual([2, 4, 5, 6]);
    expect(script.problems[0]?.message).toContain('Bash is not JSON');
  });

  it('never throws, and keeps to its limit', () => {
    const word = fc.constantFrom(
      'say',
      'slow',
      'slow 3@1',
      'tool',
      'tool Bash',
      'tools',
      '-',
      'error 529 x2',
      'repeat 9',
      'tokens 1',
      'think',
      'history',
      '{"a":',
      '{}',
    );
    const line = fc.array(fc.oneof(word, fc.string()), { maxLength: 4 }).map((words) => words.join(' '));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const { directives } = parseScript(lines.join('\n'));
        expect(directives.length).toBeLessThanOrEqual(MAX_DIRECTIVES);
      }),
    );
  });
});

describe('chunksOf', () => {
  it('says few words again, shares many out, counts without any', () => {
    expect(chunksOf(only('slow 5 tick tock') as Slow)).toEqual(['tick ', 'tock ', 'tick ', 'tock ', 'tick']);
    expect(chunksOf(only('slow 2 a b c d e') as Slow).join('')).toBe('a b c d e');
    expect(chunksOf(only('slow 3') as Slow).join('')).toBe('1 2 3');
  });

  it('always makes as many chunks as asked', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.string(), (chunks, text) => {
        expect(chunksOf({ kind: 'slow', chunks, delay_ms: 0, text })).toHaveLength(chunks);
      }),
    );
  });
});
