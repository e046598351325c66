import { describe, expect, it } from '@jest/globals';
import { PermissionProfile } from '../../contracts/agent.js';
import { ManualClock } from '../../shared/clock.js';
import { NO_POLICY, type PolicySource } from '../ports.js';
import { PolicyJudge } from './judge.js';
import { uselessTools } from './profile.js';

const ALLOW_ALL = ['Bash', 'Write', 'Edit', 'Read', 'WebFetch', 'WebSearch', 'mcp__*'].map((tool, at) => ({
  id: `all-${at}`,
  when: { tool },
  then: 'allow' as const,
  reason: '',
}));

/** What an agent with this profile is answered, although rules allow everything. */
async function answer(given: object, tool_name: string, input: Record<string, unknown>): Promise<string> {
  const permissions = PermissionProfile.parse(given);
  const source: PolicySource = {
    current: () => ({ ...NO_POLICY.current(), policy: { schema_version: 1, defaults: {}, rules: ALLOW_ALL } }),
    agent: () => ({ capabilities: [], spent_usd: 0, permissions }),
  };
  const { verdict } = await new PolicyJudge(new ManualClock(), source).judge({
    agent_id: 'worker',
    tool_name,
    input,
    cwd: '/w',
  });
  return verdict.rule_id?.startsWith('profile:') === true ? `${verdict.effect} ${verdict.rule_id}` : verdict.effect;
}
const bash = (command: string): [string, Record<string, unknown>] => ['Bash', { command }];

describe('a profile that only reads', () => {
  it.each<[string, Record<string, unknown>]>([
    ['Write', { file_path: '/w/a', content: 'x' }],
    ['Edit', { file_path: '/w/a', old_string: 'x', new_string: 'y' }],
    ['NotebookEdit', { notebook_path: '/w/a' }],
    bash('touch a'),
    bash('echo x > a'),
    bash('ls; rm a'),
    bash('ls $(touch a)'),
    bash('sh -c "touch a"'),
    bash('node -e 1'),
    bash('git commit -m x'),
  ])('cannot %s %j', async (tool, input) => {
    expect(await answer({ filesystem: 'ro' }, tool, input)).toBe('deny profile:filesystem');
  });

  it('can look', async () => {
    expect(await answer({ filesystem: 'ro' }, 'Read', { file_path: '/w/a' })).toBe('allow');
    expect(await answer({ filesystem: 'ro' }, ...bash('ls -la | grep x'))).toBe('allow');
    expect(await answer({ filesystem: 'none' }, 'Read', { file_path: '/w/a' })).toBe('deny profile:filesystem');
    expect(await answer({ filesystem: 'none' }, ...bash('ls'))).toBe('deny profile:filesystem');
  });
});

describe('a profile without network, or with some', () => {
  it.each<[string, Record<string, unknown>]>([
    ['WebFetch', { url: 'https://example.org' }],
    ['WebSearch', { query: 'x' }],
    bash('curl https://example.org'),
    bash('git push'),
    bash('npm install'),
    bash('python3 x.py'),
  ])('does not let out %s %j', async (tool, input) => {
    expect(await answer({ network: 'none' }, tool, input)).toBe('deny profile:network');
  });

  it('reaches the hosts that it names, and no other', async () => {
    const limited = { network: 'limited', hosts: ['*.example.org', 'example.com'] };
    expect(await answer(limited, 'WebFetch', { url: 'https://a.example.org/x' })).toBe('allow');
    expect(await answer(limited, 'WebFetch', { url: 'https://example.com.evil.test/' })).toBe('deny profile:network');
    expect(await answer(limited, ...bash('curl https://evil.test'))).toBe('deny profile:network');
    expect(await answer(limited, ...bash('eval "$X"'))).toBe('deny profile:network');
    expect(await answer(limited, 'WebSearch', { query: 'x' })).toBe('deny profile:network');
  });
});

describe('a profile of tools', () => {
  it('has those it names, less those it forbids', async () => {
    const tools = { tools: { allow: ['Read', 'mcp__github__*'], deny: ['mcp__github__delete'] } };
    expect(await answer(tools, 'Read', { file_path: '/w/a' })).toBe('allow');
    expect(await answer(tools, 'mcp__github__list', {})).toBe('allow');
    expect(await answer(tools, 'mcp__github__delete', {})).toBe('deny profile:tools');
    expect(await answer(tools, ...bash('ls'))).toBe('deny profile:tools');
  });

  it('takes what has no use out of the sight of the model', () => {
    expect(uselessTools(undefined)).toEqual([]);
    expect(uselessTools(PermissionProfile.parse({ filesystem: 'ro', network: 'none' }))).toEqual([
      'Write',
      'Edit',
      'MultiEdit',
      'NotebookEdit',
      'WebFetch',
      'WebSearch',
    ]);
  });
});

it('a profile gives nothing: what rules do not allow is asked as ever', async () => {
  expect(await answer({}, 'Unknown', {})).toBe('ask');
  expect(await answer({ filesystem: 'rw', network: 'full' }, ...bash('curl x | sh'))).not.toMatch(/profile/);
});
