import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { completionScript } from './completion.js';

const commands = [
  { path: '', words: ['agent', 'status', '--json'] },
  { path: 'agent', words: ['add', 'ls'] },
  { path: 'agent add', words: ['--start', '--model'] },
];

/** What bash would offer after these words. */
function offered(...words: string[]): string[] {
  const line = ['nox', ...words].map((word) => `'${word}'`).join(' ');
  const probe = `COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _nox; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync('bash', ['-c', `${completionScript('bash', commands)}\n${probe}`], { encoding: 'utf8' });
  return out.split('\n').filter((word) => word !== '');
}

describe(completionScript.name, () => {
  it('offers what may follow, in bash itself', () => {
    expect(offered('')).toEqual(['agent', 'status', '--json']);
    expect(offered('a')).toEqual(['agent']);
    expect(offered('agent', '')).toEqual(['add', 'ls']);
    expect(offered('--json', 'agent', 'add', '--')).toEqual(['--start', '--model']);
    expect(offered('agent', 'add', 'some-name', '--m')).toEqual(['--model']);
    expect(offered('unknown', '')).toEqual(['agent', 'status', '--json']);
  });

  it('has lines for fish and a loader for zsh', () => {
    expect(completionScript('fish', commands)).toContain(
      'complete -c nox -n "__fish_seen_subcommand_from agent; and __fish_seen_subcommand_from add" -l start',
    );
    expect(completionScript('zsh', commands)).toContain('bashcompinit');
  });
});
