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

  it('makes an id of a name', () => {
    expect(idFrom('Über Lead, No. 1!')).toBe('u-ber-lead-no-1');
  });
});
