import type { DayUsage } from '@contracts/usage.js';
import { useMemo } from 'react';
import { Link, useSearchParams } from 'react-router';
import { BarChart } from '../../components/bar-chart.js';
import { BudgetMeters } from '../../components/budget-meters.js';
import { CommandHint } from '../../components/command-hint.js';
import { PageHead } from '../../components/page-head.js';
import { EmptyState, ErrorState, SkeletonRows } from '../../components/states.js';
import { compact, dollars, number, plural } from '../../lib/format.js';
import { useAgents, useFleetUsage } from '../../lib/queries.js';
import { BudgetAlarms } from './components/budget-alarms.js';
import { SumTable } from './components/sum-table.js';
import { useFleetDays } from './queries.js';
import { byModel, sumOf } from './sums.js';
import './costs.css';

const SPANS = [7, 30, 90] as const;
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const dayWords = (day: string): string => DAY.format(new Date(`${day}T12:00:00`));

/** What the fleet costs: by day, agent and model, and what it may. */
export function CostsPage() {
  const [params, setParams] = useSearchParams();
  const asked = Number(params.get('days'));
  const span = SPANS.find((each) => each === asked) ?? 30;
  const { data, error, refetch } = useFleetDays(span);
  const today = useFleetUsage().data;
  const agents = useAgents().data;
  const names = useMemo(() => new Map(agents?.map((agent) => [agent.id, agent.name])), [agents]);
  const total = data && sumOf(data.days);
  return (
    <div className="page">
      <PageHead
        title="Costs"
        summary={
          today &&
          `${dollars(today.today.cost_usd)} today in ${plural(today.today.turns, 'turn')}${total === undefined ? '' : `, ${dollars(total.cost_usd)} in ${span} days`}`
        }
      >
        <CommandHint commands={['nox usage', `nox usage --days ${span}`, 'nox usage AGENT --days 30']} />
        <select
          className="select"
          aria-label="Time"
          value={span}
          onChange={(event) => setParams({ days: event.target.value }, { replace: true })}
        >
          {SPANS.map((days) => (
            <option key={days} value={days}>
              last {days} days
            </option>
          ))}
        </select>
      </PageHead>
      {today !== undefined && <BudgetAlarms usage={today} agents={agents ?? []} />}
      {data === undefined && error === null && <SkeletonRows rows={8} height="24px" />}
      {data === undefined && error !== null && (
        <ErrorState title="The costs could not be loaded" error={error} retry={() => void refetch()} />
      )}
      {total?.turns === 0 && (
        <EmptyState icon="costs" title="Nothing was used yet" command='nox agent prompt lead "Hello"'>
          Turns, tokens and money of every agent are counted here, from its first turn on.
        </EmptyState>
      )}
      {data !== undefined && total !== undefined && total.turns > 0 && (
        <>
          {today !== undefined && Object.keys(today.budget).length > 0 && (
            <section className="card" aria-labelledby="fleet-budget-title">
              <div className="card-head">
                <h2 id="fleet-budget-title">Budget of all agents together</h2>
              </div>
              <div className="card-body">
                <BudgetMeters used={today.today} budget={today.budget} />
              </div>
            </section>
          )}
          <section className="card" aria-labelledby="days-title">
            <div className="card-head">
              <h2 id="days-title">By day</h2>
              <span className="muted num costs-total">{dollars(total.cost_usd)}</span>
            </div>
            <div className="card-body stack">
              <BarChart
                label={`Cost of each of the last ${span} days, ${dollars(total.cost_usd)} together; the table below says the same`}
                bars={data.days.toReversed().map((day) => ({
                  key: day.day,
                  value: day.cost_usd,
                  label: dayWords(day.day),
                  words: wordsOf(day),
                }))}
                words={dollars}
              />
              <details>
                <summary className="muted costs-table">As a table</summary>
                <SumTable
                  head="Day"
                  rows={data.days
                    .filter(({ turns }) => turns > 0)
                    .map((day) => ({ key: day.day, name: dayWords(day.day), ...day }))}
                />
              </details>
            </div>
          </section>
          <div className="costs-columns">
            <section className="card" aria-labelledby="agents-title">
              <div className="card-head">
                <h2 id="agents-title">By agent</h2>
              </div>
              <SumTable
                head="Agent"
                rows={data.agents.map((each) => ({
                  ...each,
                  key: each.agent_id,
                  name: names.has(each.agent_id) ? (
                    <Link to={`/agents/${each.agent_id}/resources`}>{names.get(each.agent_id)}</Link>
                  ) : (
                    <span title="It was deleted">{each.agent_id}</span>
                  ),
                }))}
              />
            </section>
            <section className="card" aria-labelledby="models-title">
              <div className="card-head">
                <h2 id="models-title">By model</h2>
                <span className="muted costs-total">as agents have it now</span>
              </div>
              <SumTable
                head="Model"
                rows={byModel(data.agents, agents ?? []).map((each) => ({
                  ...each,
                  key: each.model,
                  name: each.model,
                }))}
              />
            </section>
          </div>
        </>
      )}
    </div>
  );
}

const wordsOf = ({ day, turns, input_tokens, output_tokens, cost_usd }: DayUsage): string =>
  `${dayWords(day)}: ${dollars(cost_usd)}, ${plural(turns, 'turn')}, ${compact(input_tokens)} tokens in, ${number(output_tokens)} out`;
