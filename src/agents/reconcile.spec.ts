import { describe, expect, it } from '@jest/globals';
import { AgentConfig, type ProcessState } from '../contracts/agent.js';
import { planReconcile } from './reconcile.js';

const agent = (over: Partial<AgentConfig> = {}): AgentConfig =>
  AgentConfig.parse({
    name: 'A',
    created_at: '2026-01-01T00:00:00Z',
    last_modified: '2026-01-01T00:00:00Z',
    desired_state: 'active',
    ...over,
  });
const plan = (
  before: Record<string, AgentConfig>,
  after: Record<string, AgentConfig>,
  state: ProcessState = 'running',
) =>
  planReconcile(new Map(Object.entries(before)), new Map(Object.entries(after)), () => state).map(
    (s) => `${s.action} ${s.agent_id}`,
  );

describe(planReconcile, () => {
  it('does nothing when nothing differs', () => {
    expect(plan({ one: agent() }, { one: agent() })).toEqual([]);
  });

  it('stops and forgets an agent that went, before it starts one that came back', () => {
    expect(plan({ old: agent() }, { new: agent() })).toEqual(['remove old', 'create new', 'start new']);
  });

  it('brings back an inactive agent without starting it', () => {
    expect(plan({}, { one: agent({ desired_state: 'inactive' }) })).toEqual(['create one']);
  });

  it.each(['system_prompt', 'model', 'cwd'] as const)('restarts a live agent whose %s changed', (field) => {
    expect(plan({ one: agent() }, { one: agent({ [field]: 'other' }) })).toEqual(['restart one']);
  });

  it('lets a hibernated agent sleep: it wakes with the new settings', () => {
    expect(plan({ one: agent() }, { one: agent({ system_prompt: 'other' }) }, 'hibernated')).toEqual([]);
  });

  it('leaves a running process alone when only a name changed', () => {
    expect(plan({ one: agent() }, { one: agent({ name: 'B' }) })).toEqual(['update one']);
  });

  it('stops what should be inactive and starts what should be active', () => {
    expect(plan({ one: agent() }, { one: agent({ desired_state: 'inactive' }) })).toEqual(['stop one']);
    expect(plan({ one: agent({ desired_state: 'inactive' }) }, { one: agent() }, 'stopped')).toEqual(['start one']);
  });
});
