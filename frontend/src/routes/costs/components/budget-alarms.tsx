import type { Agent } from '@contracts/agent.js';
import type { RouteReply } from '@contracts/routes.js';
import { Link } from 'react-router';
import { Banner } from '../../../components/states.js';
import { limitsOf } from '../../../lib/budget.js';
import { NOTHING } from '../sums.js';

/** Whose budget is used up, or nearly so, today. */
export function BudgetAlarms({
  usage,
  agents,
}: {
  readonly usage: RouteReply<'usage'>;
  readonly agents: readonly Agent[];
}) {
  const spent = new Map(usage.agents.map((each) => [each.agent_id, each]));
  const all = agents.flatMap(({ id, name, budget }) =>
    limitsOf(spent.get(id) ?? NOTHING, budget ?? {}).map((limit) => ({ ...limit, id, agent: name })),
  );
  const fleet = limitsOf(usage.today, usage.budget).find(({ level }) => level === 'full');
  const of = (wanted: 'near' | 'full') => [
    ...new Map(all.filter(({ level }) => level === wanted).map((limit) => [limit.id, limit])).values(),
  ];
  const [full, near] = [of('full'), of('near')];
  const links = (list: typeof all) =>
    list.map(({ id, agent }, i) => (
      <span key={id}>
        {i > 0 && ', '}
        <Link to={`/agents/${id}/resources`}>{agent}</Link>
      </span>
    ));
  return (
    <>
      {fleet !== undefined && (
        <Banner tone="violet" icon="warning">
          The budget of all agents together is used up ({fleet.words(fleet.value)} of {fleet.words(fleet.limit)}): turns
          wait until midnight. It stands in <code>system-config.toml</code> under <code>budget</code>.
        </Banner>
      )}
      {full.length > 0 && (
        <Banner tone="violet" icon="warning">
          Used up, waits until midnight: {links(full)}.
        </Banner>
      )}
      {near.length > 0 && (
        <Banner tone="amber" icon="warning">
          More than four fifths used: {links(near)}.
        </Banner>
      )}
    </>
  );
}
