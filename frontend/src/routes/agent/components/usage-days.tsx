import { ErrorState, SkeletonRows } from '../../../components/states.js';
import { BudgetMeters } from '../../../components/budget-meters.js';
import { compact, dollars, number } from '../../../lib/format.js';
import { useUsageDays } from '../queries.js';

const DAYS = 7;
const DAY = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short' });

/** What the agent has used on each of the last days, the newest first. */
export function UsageDays({ agent_id }: { readonly agent_id: string }) {
  const { data, error, refetch } = useUsageDays(agent_id, DAYS);
  const days = data?.days ?? [];
  const highest_usd = Math.max(...days.map((day) => day.cost_usd));
  const limit_usd = data?.budget.usd_per_day;
  const full_usd = limit_usd === undefined ? highest_usd : Math.max(limit_usd, highest_usd);
  return (
    <section className="card" aria-labelledby="usage-title">
      <div className="card-head">
        <h2 id="usage-title">Usage per day</h2>
        {limit_usd !== undefined && <span className="muted num usage-budget">budget {dollars(limit_usd)} a day</span>}
      </div>
      {data === undefined ? (
        <div className="card-body">
          {error === null ? (
            <SkeletonRows rows={4} />
          ) : (
            <ErrorState title="The usage could not be loaded" error={error} retry={() => void refetch()} />
          )}
        </div>
      ) : (
        <>
          {data.days[0] !== undefined && (
            <div className="usage-today">
              <BudgetMeters used={data.days[0]} budget={data.budget} />
            </div>
          )}
          <table className="table usage-table num">
            <thead>
              <tr>
                <th>Day</th>
                <th className="right">Turns</th>
                <th className="right">Tokens</th>
                <th className="right">Cost</th>
                <th className="usage-bar-cell" aria-hidden="true" />
              </tr>
            </thead>
            <tbody>
              {days.map((day) => (
                <tr key={day.day}>
                  <td>
                    <time dateTime={day.day}>{DAY.format(new Date(`${day.day}T12:00:00`))}</time>
                  </td>
                  <td className="right">{number(day.turns)}</td>
                  <td className="right" title={`${number(day.input_tokens)} in, ${number(day.output_tokens)} out`}>
                    {compact(day.input_tokens + day.output_tokens)}
                  </td>
                  <td className="right">{dollars(day.cost_usd)}</td>
                  <td className="usage-bar-cell" aria-hidden="true">
                    <meter className="usage-bar" max={full_usd > 0 ? full_usd : 1} value={day.cost_usd} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </section>
  );
}
