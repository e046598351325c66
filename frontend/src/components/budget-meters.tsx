import type { Budget, UsageTotals } from '@contracts/agent.js';
import { limitsOf } from '../lib/budget.js';

const WORDS = { ok: '', near: ', nearly used up', full: ', used up' } as const;
const LOOKS = { ok: 'usage-bar', near: 'usage-bar usage-near', full: 'usage-bar usage-full' } as const;

/** How much of a day's budget is used, by what is limited. Nothing without a limit. */
export function BudgetMeters({
  used,
  budget,
}: {
  readonly used: Pick<UsageTotals, 'turns' | 'input_tokens' | 'output_tokens' | 'cost_usd'>;
  readonly budget: Budget;
}) {
  const limits = limitsOf(used, budget);
  if (limits.length === 0) return null;
  return (
    <dl className="budget num">
      {limits.map(({ which, name, value, limit, level, words }) => (
        <div key={which} className="budget-row">
          <dt>{name} today</dt>
          <dd>
            <meter className={LOOKS[level]} max={limit} value={Math.min(value, limit)} aria-label={`${name} today`} />
            <span>
              {words(value)} of {words(limit)}
              {WORDS[level]}
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
