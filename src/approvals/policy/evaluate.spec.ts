import { describe, expect, it } from '@jest/globals';
import { Policy } from '../../contracts/policy.js';
import { ManualClock } from '../../shared/clock.js';
import { PolicySource } from '../ports.js';
import { evaluate, type PolicyFacts } from './evaluate.js';
import { PolicyJudge } from './judge.js';

const policyOf = (...rules: object[]): Policy =>
  Policy.parse({ rules: rules.map((rule, at) => ({ id: `rule-${at}`, ...rule })) });

class Source extends PolicySource {
  constructor(private readonly policy: Policy) {
    super();
  }
  current() {
    return { policy: this.policy, text: '', version: 'v1' };
  }
  agent() {
    return { capabilities: ['tests'], spent_usd: 2 };
  }
}

const judged = async (policy: Policy, tool_name: string, input: Record<string, unknown>) =>
  (
    await new PolicyJudge(new ManualClock(), new Source(policy)).judge({
      agent_id: 'worker',
      tool_name,
      input,
      cwd: '/w-none',
    })
  ).verdict;
const bash = (policy: Policy, command: string) => judged(policy, 'Bash', { command });

const NPM_TEST = {
  when: { tool: 'Bash', command: { program: 'npm', args: ['test'] } },
  then: 'allow',
  reason: 'tests',
};

describe(evaluate, () => {
  it('takes the first rule that matches', async () => {
    const policy = policyOf(NPM_TEST, { ...NPM_TEST, then: 'deny' });
    expect(await bash(policy, 'npm test')).toEqual({ effect: 'allow', rule_id: 'rule-0', reason: 'tests' });
    expect(await bash(policy, 'npm ci')).toMatchObject({ effect: 'ask', rule_id: null });
  });

  it.each([
    ['npm test && git status', 'allow'],
    ['npm test | tail -3', 'allow'],
    ['npm test > /dev/null 2>&1', 'allow'],
    ['npm test -- --reporter=x', 'ask'],
    ['npm test && rm -rf build', 'ask'],
    ['npm test > out.txt', 'ask'],
    ['npm test $(id)', 'ask'],
    ['X=1 npm test', 'ask'],
    ['./npm test', 'ask'],
  ])('judges each command of %j', async (command, effect) => {
    expect((await bash(policyOf(NPM_TEST), command)).effect).toBe(effect);
  });

  const FORCE = {
    when: { tool: 'Bash', command: { program: 'git', args_contain: ['push', '--force'] } },
    then: 'deny',
  };
  it.each([
    'git push --force',
    'git push origin main --force',
    'sudo git push --force',
    'ls && git push --force',
    'sh -c "git push --force"',
    'x=$(git push --force)',
    '/usr/bin/git push --force=yes',
  ])('forbids what hides in %j', async (command) => {
    expect(await bash(policyOf(FORCE), command)).toMatchObject({ effect: 'deny', rule_id: 'rule-0' });
  });

  it('never allows what is critical', async () => {
    const all = policyOf({ when: { tool: ['Bash', 'Write'] }, then: 'allow' });
    expect(await bash(all, 'nox approval approve x')).toMatchObject({ effect: 'ask', rule_id: 'rule-0' });
    expect(await judged(all, 'Write', { file_path: '/w-none/.git/hooks/x', content: '' })).toMatchObject({
      effect: 'ask',
    });
    expect(await judged(all, 'Write', { file_path: '/w-none/x', content: '' })).toMatchObject({ effect: 'allow' });
  });

  it('treats a redirection as the tool that does the same', async () => {
    const policy = policyOf({ when: { tool: 'Write', path_inside: 'workspace' }, then: 'allow' }, NPM_TEST);
    expect((await bash(policy, 'npm test > out.txt')).effect).toBe('allow');
    expect((await bash(policy, 'npm test > ../out.txt')).effect).toBe('ask');
  });

  it('forbids also what Nox itself would let run', async () => {
    expect(
      (await bash(policyOf({ when: { tool: 'Bash', command: { program: 'ls' } }, then: 'deny' }), 'ls')).effect,
    ).toBe('deny');
  });

  it('wants every host of an allowed call, any host of a forbidden one', async () => {
    const allow = policyOf({ when: { tool: 'WebFetch', host: ['docs.example', '*.rs.example'] }, then: 'allow' });
    const fetch = (policy: Policy, url: string) => judged(policy, 'WebFetch', { url, prompt: 'x' });
    expect((await fetch(allow, 'https://docs.example/a')).effect).toBe('allow');
    expect((await fetch(allow, 'https://a.rs.example/a')).effect).toBe('allow');
    expect((await fetch(allow, 'https://docs.example@evil.example/')).effect).toBe('ask');
    expect((await fetch(allow, 'https://evil.example/?u=https://docs.example/')).effect).toBe('ask');
    const deny = policyOf({ when: { host: 'evil.example' }, then: 'deny' });
    expect((await fetch(deny, 'https://EVIL.example./x')).effect).toBe('deny');
  });

  const facts: PolicyFacts = {
    agent_id: 'worker',
    capabilities: ['tests'],
    tool_name: 'mcp__db__read',
    risk_level: 'high',
    risk_reasons: [],
    paths: [],
    hosts: [],
    workspace: '/w',
    minute: 23 * 60,
    spent_usd: 2,
  };
  it.each([
    [{ agent: 'worker' }, true],
    [{ agent: ['other-one'] }, false],
    [{ capability: 'tests' }, true],
    [{ capability: 'deploy' }, false],
    [{ tool: 'mcp__db__*' }, true],
    [{ tool: 'mcp__*', risk: ['low', 'medium'] }, false],
    [{ time: { from: '22:00', to: '06:00' } }, true],
    [{ time: { from: '06:00', to: '22:00' } }, false],
    [{ spent_below_usd: 2 }, false],
    [{ spent_below_usd: 2.01 }, true],
    [{ path_inside: 'workspace' }, false],
  ])('holds %j to be %s', (when, fits) => {
    expect(evaluate(policyOf({ when, then: 'allow' }), facts).effect).toBe(fits ? 'allow' : 'ask');
  });

  it('refuses a condition that it does not know, rather than ignore it', () => {
    const read = Policy.safeParse({ rules: [{ id: 'x', when: { tool: 'Bash', comand: {} }, then: 'allow' }] });
    expect(read.error?.issues[0]).toMatchObject({ path: ['rules', 0, 'when'], code: 'unrecognized_keys' });
  });
});
