import { describe, expect, it } from '@jest/globals';
import type { Agent } from '@contracts/agent.js';
import { byModel, sumOf } from './sums.js';

const sum = (agent_id: string, cost_usd: number) => ({
  agent_id,
  turns: 1,
  input_tokens: 10,
  output_tokens: 5,
  cost_usd,
});
const agent = (id: string, own: Partial<Agent>): Agent => ({ id, runtime: 'claude', ...own }) as Agent;

describe('what was used', () => {
  it('adds up', () => {
    expect(sumOf([sum('a', 1), sum('b', 2)])).toEqual({ turns: 2, input_tokens: 20, output_tokens: 10, cost_usd: 3 });
    expect(sumOf([])).toMatchObject({ turns: 0, cost_usd: 0 });
  });

  it('is grouped by model, the most expensive first, and forgets no agent', () => {
    const agents = [agent('a', { model: 'big' }), agent('b', {}), agent('c', { runtime: 'command' })];
    const groups = byModel([sum('a', 1), sum('b', 2), sum('c', 0), sum('gone', 3)], agents);
    expect(groups.map(({ model, cost_usd }) => [model, cost_usd])).toEqual([
      ['agents that are gone', 3],
      ['the model that Claude chooses', 2],
      ['big', 1],
      ['programs', 0],
    ]);
  });
});
