import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { Policy } from '../../../src/contracts/policy.js';
import { PolicyJudge } from '../../../src/approvals/policy/judge.js';
import { ManualClock } from '../../../src/shared/clock.js';

const read = (name: string): string[] =>
  JSON.parse(readFileSync(new URL(`../../fixtures/${name}.json`, import.meta.url), 'utf8')) as string[];
const tricks = read('shell-tricks');
const ordinary = read('shell-ordinary');

/** Rules that a person may well have: they must not let through more than they say. */
const TYPICAL = Policy.parse({
  rules: [
    rule('tests', { program: ['npm', 'npx', 'pnpm'], args_start: ['test'] }),
    rule('scripts', { program: 'npm', args_start: ['run'] }, 'ask', 'script-shell'),
    ...['build', 'lint', 'test'].map((name) => rule(`run-${name}`, { program: 'npm', args_start: ['run', name] })),
    rule('tsc', { program: 'npx', args_start: ['tsc'] }),
    rule('jest', { program: 'npx', args_start: ['jest'] }),
    rule('eslint', { program: 'npx', args_start: ['eslint'] }),
    rule('prettier', { program: 'npx', args_start: ['prettier'] }),
    rule('compilers', { program: ['tsc', 'jest', 'pytest'] }),
    rule('cargo', { program: 'cargo', args_start: ['build'] }),
    rule('cargo-test', { program: 'cargo', args_start: ['test'] }),
    rule('cargo-check', { program: 'cargo', args_start: ['check'] }),
    rule('go-build', { program: 'go', args_start: ['build'] }),
    rule('go-test', { program: 'go', args_start: ['test'] }),
    rule('git-add', { program: 'git', args_start: ['add'] }),
    rule('git-commit', { program: 'git', args_start: ['commit', '-m'] }),
    {
      id: 'folders',
      when: { tool: 'Bash', command: { program: ['mkdir', 'touch'] }, path_inside: 'workspace' },
      then: 'allow',
    },
  ],
});

function rule(id: string, command: object, then = 'allow', contain?: string): object {
  const more = contain === undefined ? {} : { args_contain: [`--${contain}`] };
  return { id, when: { tool: 'Bash', command: { ...command, ...more } }, then, reason: id };
}

describe('shell commands', () => {
  const judge = new PolicyJudge(new ManualClock());
  const cwd = '/work-nowhere/shop';
  const effectOf = async (command: string, policy?: Policy): Promise<string> => {
    const { verdict } = await judge.judge({ agent_id: 'worker', tool_name: 'Bash', input: { command }, cwd }, policy);
    return verdict.effect;
  };
  const allowed = async (commands: readonly string[], policy?: Policy): Promise<string[]> => {
    const found: string[] = [];
    for (const command of commands) if ((await effectOf(command, policy)) === 'allow') found.push(command);
    return found;
  };

  it(`never lets one of ${tricks.length} tricks run by itself`, async () => {
    expect(tricks.length).toBeGreaterThanOrEqual(300);
    expect(await allowed(tricks)).toEqual([]);
  });

  it('nor with rules that a person may have', async () => {
    expect(await allowed(tricks, TYPICAL)).toEqual([]);
  });

  it('asks for few ordinary commands', async () => {
    const bare = await allowed(ordinary);
    const ruled = await allowed(ordinary, TYPICAL);
    const rate = (let_run: readonly string[]): string =>
      `${ordinary.length - let_run.length} of ${ordinary.length} ordinary commands ask (${Math.round((100 * (ordinary.length - let_run.length)) / ordinary.length)} %)`;
    process.stderr.write(
      `A3: ${tricks.length} tricks, 0 let run; ${rate(bare)} without rules, ${rate(ruled)} with a typical policy\n`,
    );
    if (process.env['SHOW_ASKED'] !== undefined)
      process.stderr.write(`${ordinary.filter((command) => !ruled.includes(command)).join('\n')}\n`);
    // Of these about a third change or fetch something, and should ask.
    expect(bare.length).toBeGreaterThan(55);
    expect(ruled.length).toBeGreaterThan(80);
  });
});
