import type { Agent } from '@contracts/agent.js';
import type { AnyNoxEvent } from '@contracts/event.js';
import { memo, useMemo } from 'react';
import { Link } from 'react-router';
import { EmptyState } from '../../../components/states.js';
import { StatusBadge } from '../../../components/status-badge.js';
import { byUrgency, nowWords } from '../../../lib/agent-state.js';
import { compact, dollars } from '../../../lib/format.js';
import { currentSteps } from '../../../lib/live-cache.js';
import { useStore } from '../../../lib/store.js';
import { Sparkline } from './sparkline.js';

/** One small card per agent: state, what it does, tokens of the last hour. */
export function Fleet({
  agents,
  events,
}: {
  readonly agents: readonly Agent[];
  readonly events: readonly AnyNoxEvent[];
}) {
  const steps = useStore(currentSteps);
  const tokens = useMemo(() => tokensByAgent(events), [events]);
  const sorted = useMemo(() => agents.toSorted(byUrgency), [agents]);
  return (
    <section className="card fleet" aria-labelledby="fleet-title">
      <div className="card-head">
        <h2 id="fleet-title">Fleet</h2>
        <Link to="/agents" className="card-link">
          All agents
        </Link>
      </div>
      {agents.length === 0 ? (
        <EmptyState
          icon="agents"
          title="No agents yet"
          command="nox agent add Lead --start"
          action={<Link to="/agents?create">Create the first agent</Link>}
        >
          Each agent is one supervised Claude CLI process with a conversation of its own.
        </EmptyState>
      ) : (
        <ul className="fleet-grid">
          {sorted.map((agent) => (
            <FleetCard key={agent.id} agent={agent} step={steps.get(agent.id)} tokens={tokens.get(agent.id)} />
          ))}
        </ul>
      )}
    </section>
  );
}

interface FleetCardProps {
  readonly agent: Agent;
  readonly step: string | undefined;
  readonly tokens: readonly number[] | undefined;
}

const FleetCard = memo(function FleetCard({ agent, step, tokens }: FleetCardProps) {
  const words = nowWords(agent, step);
  return (
    <li>
      <Link to={`/agents/${agent.id}`} className="fleet-card">
        <span className="row">
          <strong className="grow truncate">{agent.name}</strong>
          <StatusBadge agent={agent} />
        </span>
        <span className="muted truncate fleet-now" title={words}>
          {words}
        </span>
        <span className="row muted num fleet-figures">
          <span className="grow truncate">
            {agent.usage.turns === 0
              ? ''
              : `${compact(agent.usage.output_tokens)} tokens · ${dollars(agent.usage.cost_usd)}`}
          </span>
          {tokens !== undefined && tokens.length > 1 && (
            <Sparkline values={tokens} label="Tokens of each turn in the last hour" />
          )}
        </span>
      </Link>
    </li>
  );
});

/** Output tokens of each ended turn, oldest first. */
function tokensByAgent(newestFirst: readonly AnyNoxEvent[]): ReadonlyMap<string, number[]> {
  const found = new Map<string, number[]>();
  for (const event of newestFirst) {
    if (event.type !== 'turn.ended' || event.payload.usage === null || event.agent_id === undefined) continue;
    const values = found.get(event.agent_id) ?? [];
    values.unshift(event.payload.usage.output_tokens);
    found.set(event.agent_id, values);
  }
  return found;
}
