import { describe, expect, it } from '@jest/globals';
import { classifyExit, quotaResumeMs, type ExitReason } from './classify-exit.js';

const code = (exit_code: number | null, signal: string | null = null) => ({ exit_code, signal, forced: false });

describe(classifyExit.name, () => {
  it.each<[string, ExitReason]>([
    ['No conversation found with session ID: 820c4e3e-7a9f-49e0-aca7-67080b007ab7\n', 'unknown_session'],
    ['Error: Session ID 61d0b3a3-d2f0-4af0-b10a-93339cca6892 is already in use.\n', 'session_in_use'],
    ['Error: Invalid session ID. Must be a valid UUID.\n', 'configuration'],
    ['Error: Settings file not found: /tmp/{bad\n', 'configuration'],
    ["warning\nerror: unknown option '--nonsense'\n", 'configuration'],
    ['--dangerously-skip-permissions cannot be used with root/sudo privileges', 'configuration'],
    ['Not logged in · Please run /login', 'authentication'],
    ['Claude AI usage limit reached|1766000000\n', 'quota'],
    ["You've hit your weekly limit", 'quota'],
    ['TypeError: undefined is not a function', 'crash'],
    ['', 'crash'],
  ])('reads %j after exit 1 as %s', (stderr, reason) => {
    expect(classifyExit(code(1), stderr)).toBe(reason);
  });

  it('takes exit 0 for clean, and a signal for a crash, whatever stderr says', () => {
    expect(classifyExit(code(0), 'Not logged in')).toBe('clean');
    expect(classifyExit(code(null, 'SIGKILL'), 'Not logged in')).toBe('crash');
    expect(classifyExit({ ...code(1), forced: true }, 'Not logged in')).toBe('crash');
    expect(classifyExit(code(143), '')).toBe('crash');
  });
});

describe(quotaResumeMs.name, () => {
  it('reads the time that the CLI tells, and makes up none', () => {
    expect(quotaResumeMs('Claude AI usage limit reached|1766000000\n')).toBe(1_766_000_000_000);
    expect(quotaResumeMs("You've hit your weekly limit")).toBeUndefined();
  });
});
