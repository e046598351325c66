import type { Budget } from '../contracts/agent.js';

/** What was used since midnight. */
export interface Spent {
  readonly usd: number;
  readonly tokens: number;
  readonly turns: number;
}

export const NOTHING: Spent = { usd: 0, tokens: 0, turns: 0 };

export type BudgetName = 'usd_per_day' | 'tokens_per_day' | 'turns_per_day';
export const BUDGET_NAMES: readonly BudgetName[] = ['usd_per_day', 'tokens_per_day', 'turns_per_day'];

/** Part of a budget from which on a person is warned. */
export const WARN_SHARE = 0.8;

export type BudgetVerdict =
  | { readonly over: false }
  | {
      readonly over: true;
      readonly which: BudgetName;
      readonly limit: number;
      readonly spent: number;
      readonly resets_ms: number;
    };

/** May another turn begin? Days end at local midnight. Pure but for the time zone. */
export function checkBudget(spent: Spent, budget: Budget, now_ms: number): BudgetVerdict {
  for (const which of BUDGET_NAMES) {
    const limit = budget[which];
    const used = spentOf(spent, which);
    if (limit !== undefined && used >= limit) {
      return { over: true, which, limit, spent: used, resets_ms: nextMidnightMs(now_ms) };
    }
  }
  return { over: false };
}

/** Budgets that went past a share of their limit between two sums. */
export function crossed(before: Spent, after: Spent, budget: Budget, share: number): BudgetName[] {
  return BUDGET_NAMES.filter((which) => {
    const limit = budget[which];
    if (limit === undefined) return false;
    return spentOf(before, which) < limit * share && spentOf(after, which) >= limit * share;
  });
}

export const addSpent = (a: Spent, b: Spent): Spent => ({
  usd: a.usd + b.usd,
  tokens: a.tokens + b.tokens,
  turns: a.turns + b.turns,
});

const SUM_OF = { usd_per_day: 'usd', tokens_per_day: 'tokens', turns_per_day: 'turns' } as const;

/** The sum that a budget limits. */
export const spentOf = (spent: Spent, which: BudgetName): number => spent[SUM_OF[which]];

/** `5.03 of 5 USD`. */
export function budgetWords(which: BudgetName, spent: number, limit: number): string {
  if (which === 'usd_per_day') return `${dollars(spent)} of ${limit} USD`;
  return `${spent} of ${limit} ${which === 'tokens_per_day' ? 'tokens' : 'turns'}`;
}

/** Two digits, or enough to tell a small sum from nothing. */
const dollars = (usd: number): string => (usd >= 0.1 || usd === 0 ? usd.toFixed(2) : usd.toPrecision(2));

/** Start of the local day that holds this time. */
export function midnightMs(at_ms: number): number {
  return new Date(at_ms).setHours(0, 0, 0, 0);
}

/** Start of the next local day; days of 23 and 25 hours too. */
export function nextMidnightMs(at_ms: number): number {
  return new Date(at_ms).setHours(24, 0, 0, 0);
}

/** `2026-11-21`, the local day. */
export function dayOf(at_ms: number): string {
  const date = new Date(at_ms);
  return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())}`;
}

const twoDigits = (n: number): string => String(n).padStart(2, '0');
