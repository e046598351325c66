import { describe, expect, it } from '@jest/globals';
import { directExit, namespaceExit } from './exit-facts.js';

describe('exit facts', () => {
  it.each([
    [0, null, { exit_code: 0, signal: null }],
    [143, null, { exit_code: 143, signal: null }],
    [129, null, { exit_code: 129, signal: null }],
    [137, null, { exit_code: null, signal: 'SIGKILL' }],
    [139, null, { exit_code: null, signal: 'SIGSEGV' }],
    [134, null, { exit_code: null, signal: 'SIGABRT' }],
    [null, 'SIGKILL', { exit_code: null, signal: 'SIGKILL' }],
  ])('of a namespace that ended with %p, %p', (code, signal, facts) => {
    expect(namespaceExit(code, signal, false)).toEqual({ ...facts, forced: false });
  });

  it('tells a code of the program itself as a code', () => {
    expect(directExit(137, null, false)).toEqual({ exit_code: 137, signal: null, forced: false });
  });

  it('says forced only when the kill was what ended it', () => {
    expect(directExit(null, 'SIGKILL', true).forced).toBe(true);
    expect(directExit(0, null, true).forced).toBe(false);
    expect(directExit(null, 'SIGTERM', true).forced).toBe(false);
  });
});
