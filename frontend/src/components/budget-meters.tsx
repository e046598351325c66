import type { Budget, UsageTotals } from '@contracts/agent.js';
import { compact, dollars, number } from '../lib/format.js';

/** How much of a day's budget is used, by what is limited. Nothing without a limit. */
export function BudgetMeters({
  used,
  budget,
}: {
  readonly used: Pick<UsageTotals, 'turns' | 'input_tokens' | 'output_tokens' | 'cost_usd'>;
  readonly budget: Budget;
}) {
  const tokens = used.input_tokens + used.output_tokens;
  const rows = [
    { name: 'Money', value: used.cost_usd, limit: budget.usd_per_day, words: dollars },
    { name: 'Tokens', value: tokens, limit: budget.tokens_per_day, words: compact },
    { name: 'Turns', value: used.turns, limit: budget.turns_per_day, words: number },
  ].flatMap(({ limit, ...row }) => (limit === undefined ? [] : [{ ...row, limit }]));
  if (rows.length === 0) return null;
  return (
    <dl className="budget num">
      {rows.map(({ name, value, limit, words }) => (
        <div key={name} className="budget-row">
          <dt>{name} today</dt>
          <dd>
            <meter
              className={`usage-bar${value >= limit ? ' usage-full' : value >= 0.8 * limit ? ' usage-near' : ''}`}
              max={limit}
              value={Math.min(value, limit)}
              aria-label={`${name} today`}
            />
            <span>
              {words(value)} of {words(limit)}
              {value >= limit ? ', used up' : value >= 0.8 * limit ? ', nearly used up' : ''}
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
