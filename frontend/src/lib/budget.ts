import type { Budget, UsageTotals } from '@contracts/agent.js';
import { compact, dollars, number } from './format.js';

type Used = Pick<UsageTotals, 'turns' | 'input_tokens' | 'output_tokens' | 'cost_usd'>;

export interface Limit {
  readonly which: keyof Budget;
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  /** `near`: four fifths are used, as Nox warns of; `full`: turns wait until midnight. */
  readonly level: 'ok' | 'near' | 'full';
  readonly words: (value: number) => string;
}

/** What is limited, and how much of it is used today. */
export function limitsOf(used: Used, budget: Budget): Limit[] {
  const rows = [
    { which: 'usd_per_day', name: 'Money', value: used.cost_usd, words: dollars },
    { which: 'tokens_per_day', name: 'Tokens', value: used.input_tokens + used.output_tokens, words: compact },
    { which: 'turns_per_day', name: 'Turns', value: used.turns, words: number },
  ] as const;
  return rows.flatMap((row) => {
    const limit = budget[row.which];
    if (limit === undefined) return [];
    const level = row.value >= limit ? 'full' : row.value >= 0.8 * limit ? 'near' : 'ok';
    return [{ ...row, limit, level }];
  });
}

/** The same budget with half more of everything that is nearly or wholly used, and never less than what is used. */
export function raised(used: Used, budget: Budget): Budget {
  const more = limitsOf(used, budget)
    .filter(({ level }) => level !== 'ok')
    .map(({ which, value, limit }) => {
      const next = Math.max(limit, value) * 1.5;
      return [which, which === 'usd_per_day' ? Math.ceil(next * 100) / 100 : Math.ceil(next)] as const;
    });
  return { ...budget, ...Object.fromEntries(more) };
}
