import type { Agent } from '@contracts/agent.js';
import { describe, expect, it } from '@jest/globals';
import { createRequest, draftOf, EMPTY_DRAFT, idFrom, updateRequest } from './agent-form.js';

const agent = {
  id: 'lead',
  name: 'Lead',
  system_prompt: 'Plan.',
  runtime: 'claude',
  capabilities: ['planning'],
  priority: 'high',
  resource_limits: { max_memory_mb: 512, max_depth: 2 },
  env: { GH_TOKEN: 'env:GH_TOKEN' },
} as unknown as Agent;

describe('agent form', () => {
  it('asks for what was typed, and for nothing else', () => {
    expect(createRequest({ ...EMPTY_DRAFT, name: 'Lead', capabilities: 'a, b', start: false }).body).toEqual({
      name: 'Lead',
      system_prompt: '',
      runtime: 'claude',
      capabilities: ['a', 'b'],
      priority: 'medium',
      start: false,
    });
  });

  it('names every wrong field at once, in words', () => {
    const { problems } = createRequest({ ...EMPTY_DRAFT, max_memory_mb: 'much', id: 'A B', env: 'TOKEN=secret' });
    expect(problems).toMatchObject({
      name: 'must not be empty',
      'resource_limits.max_memory_mb': 'must be a number',
      'env.TOKEN': expect.stringContaining('reference'),
    });
    expect(problems).toHaveProperty('id');
  });

  it('changes only what differs and keeps what the form does not show', () => {
    const draft = draftOf(agent);
    expect(updateRequest(draft, agent).body).toEqual({});
    expect(updateRequest({ ...draft, max_memory_mb: '1024' }, agent).body).toEqual({
      resource_limits: { max_memory_mb: 1024, max_depth: 2 },
    });
    expect(updateRequest({ ...draft, max_memory_mb: '' }, agent).body).toEqual({
      resource_limits: { max_memory_mb: null, max_depth: 2 },
    });
    expect(updateRequest({ ...draft, model: '' }, { ...agent, model: 'sonnet' }).body).toEqual({ model: null });
    expect(updateRequest({ ...draft, env: '' }, agent).body).toEqual({ env: {} });
  });

  it('makes a profile of what is taken away, and none when nothing is', () => {
    const limited = { ...EMPTY_DRAFT, name: 'Scout', files: 'ro', network: 'limited', hosts: 'a.example.org, *.b.org' };
    expect(createRequest(limited).body?.permissions).toEqual({
      filesystem: 'ro',
      network: 'limited',
      hosts: ['a.example.org', '*.b.org'],
    });
    expect(createRequest({ ...limited, network: 'none', allow_tools: 'Read Grep' }).body?.permissions).toEqual({
      filesystem: 'ro',
      network: 'none',
      hosts: [],
      tools: { allow: ['Read', 'Grep'] },
    });
    expect(createRequest({ ...limited, hosts: 'fine.org not_a_host' }).problems).toHaveProperty([
      'permissions.hosts.1',
    ]);
    const permissions = { filesystem: 'ro', network: 'full', hosts: [], tools: { allow: [], deny: ['Bash'] } } as const;
    const scout = { ...agent, permissions } as unknown as Agent;
    expect(updateRequest(draftOf(scout), scout).body).toEqual({});
    // The profile is sent whole, so that what was emptied is gone.
    expect(updateRequest({ ...draftOf(scout), deny_tools: '' }, scout).body).toEqual({
      permissions: { filesystem: 'ro', network: 'full', hosts: [], tools: { allow: [] } },
    });
    const reader = { ...agent, permissions: { filesystem: 'ro', network: 'full', hosts: [] } } as unknown as Agent;
    expect(updateRequest({ ...draftOf(reader), files: 'rw' }, reader).body).toEqual({ permissions: null });
  });

  it('makes an id of a name', () => {
    expect(idFrom('Über Lead, No. 1!')).toBe('uber-lead-no-1');
  });
});
