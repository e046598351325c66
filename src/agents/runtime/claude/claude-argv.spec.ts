import { describe, expect, it } from '@jest/globals';
import type { RunRequest } from '../runtime.js';
import { claudeArgv } from './claude-argv.js';

const REQUEST: RunRequest = {
  run_id: 'run_1',
  agent_id: 'coder',
  session_id: '61d0b3a3-d2f0-4af0-b10a-93339cca6892',
  resume: false,
  cwd: '/work',
  system_prompt: 'SECRET WORDS',
  model: undefined,
  command: undefined,
  env: {},
  disallowed_tools: [],
  tool_timeout_s: 3600,
};

describe(claudeArgv.name, () => {
  it('begins a session, guarded and without the settings of the person', () => {
    expect(claudeArgv('/bin/claude', REQUEST)).toEqual([
      '/bin/claude',
      '-p',
      '--verbose',
      '--input-format=stream-json',
      '--output-format=stream-json',
      '--include-partial-messages',
      '--replay-user-messages',
      '--permission-prompt-tool=stdio',
      '--permission-mode=default',
      '--system-prompt-snapshot=off',
      '--setting-sources=',
      '--strict-mcp-config',
      '--settings={"cleanupPeriodDays":3650}',
      '--session-id=61d0b3a3-d2f0-4af0-b10a-93339cca6892',
    ]);
  });

  it('goes on with a session, with a model and without the tools that are not allowed', () => {
    const argv = claudeArgv('claude', { ...REQUEST, resume: true, model: 'opus', disallowed_tools: ['A', 'B'] });
    expect(argv.slice(-3)).toEqual([
      '--model=opus',
      '--disallowedTools=A,B',
      '--resume=61d0b3a3-d2f0-4af0-b10a-93339cca6892',
    ]);
  });

  it('never shows the system prompt, and never gives a value a word of its own', () => {
    const argv = claudeArgv('claude', { ...REQUEST, model: '--dangerously-skip-permissions', session_id: '--bare' });
    expect(argv.join(' ')).not.toContain('SECRET WORDS');
    expect(argv).not.toContain('--dangerously-skip-permissions');
    expect(argv).not.toContain('--bare');
  });
});
