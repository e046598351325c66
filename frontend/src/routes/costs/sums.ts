import type { Agent, UsageTotals } from '@contracts/agent.js';

type AgentSum = UsageTotals & { readonly agent_id: string };

export const NOTHING: UsageTotals = { turns: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };

export const plus = (a: UsageTotals, b: UsageTotals): UsageTotals => ({
  turns: a.turns + b.turns,
  input_tokens: a.input_tokens + b.input_tokens,
  output_tokens: a.output_tokens + b.output_tokens,
  cost_usd: a.cost_usd + b.cost_usd,
});

export const sumOf = (list: readonly UsageTotals[]): UsageTotals => list.reduce(plus, NOTHING);

/** Sums by the model that each agent has now, the most expensive first; deleted agents have none. */
export function byModel(sums: readonly AgentSum[], agents: readonly Agent[]): (UsageTotals & { model: string })[] {
  const models = new Map(agents.map((agent) => [agent.id, modelOf(agent)]));
  const groups = Map.groupBy(sums, ({ agent_id }) => models.get(agent_id) ?? 'agents that are gone');
  return [...groups]
    .map(([model, own]) => ({ model, ...sumOf(own) }))
    .sort((a, b) => b.cost_usd - a.cost_usd || b.turns - a.turns);
}

const modelOf = ({ model, runtime }: Agent): string =>
  model ?? (runtime === 'claude' ? 'the model that Claude chooses' : 'programs');
