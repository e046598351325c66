import type { Agent } from '@contracts/agent.js';
import { Button } from 'primereact/button';
import { memo } from 'react';
import { Link } from 'react-router';
import { Icon } from '../../../components/icon.js';
import { StatusBadge } from '../../../components/status-badge.js';
import { Elapsed } from '../../../components/time.js';
import { controlsOf, nowWords } from '../../../lib/agent-state.js';
import { bytes, dollars } from '../../../lib/format.js';
import { currentSteps } from '../../../lib/live-cache.js';
import { useAgentAction } from '../../../lib/queries.js';
import { useCan } from '../../../lib/session.js';
import { useStore } from '../../../lib/store.js';

/** One row per agent; on a phone one small card each. */
export function AgentTable({ agents }: { readonly agents: readonly Agent[] }) {
  const steps = useStore(currentSteps);
  const mayOperate = useCan('operator');
  return (
    <div className="card">
      <table className="table agent-table">
        <thead>
          <tr>
            <th>Agent</th>
            <th>State</th>
            <th>Now</th>
            <th className="right">Memory</th>
            <th className="right">CPU</th>
            <th className="right">Up</th>
            <th className="right">Cost</th>
            <th>
              <span className="visually-hidden">Controls</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {agents.map((agent) => (
            <AgentRow key={agent.id} agent={agent} step={steps.get(agent.id)} mayOperate={mayOperate} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  readonly agent: Agent;
  readonly step: string | undefined;
  readonly mayOperate: boolean;
}

const AgentRow = memo(function AgentRow({ agent, step, mayOperate }: RowProps) {
  const action = useAgentAction(agent);
  const starts = controlsOf(agent).start && agent.process_state !== 'backoff';
  const label = `${starts ? 'Start' : 'Stop'} ${agent.name}`;
  return (
    <tr>
      <td className="agent-name">
        <Link to={`/agents/${agent.id}`}>{agent.name}</Link>
        <span className="muted mono truncate">{agent.id}</span>
      </td>
      <td className="agent-state">
        <StatusBadge agent={agent} />
      </td>
      <td className="agent-now">
        <span className="muted now-words">{nowWords(agent, step)}</span>
      </td>
      <td className="right num agent-figure">{agent.memory_usage === null ? '' : bytes(agent.memory_usage)}</td>
      <td className="right num agent-figure">{agent.cpu_usage === null ? '' : `${Math.round(agent.cpu_usage)} %`}</td>
      <td className="right num agent-figure">{agent.started_at !== null && <Elapsed since={agent.started_at} />}</td>
      <td className="right num agent-figure">{agent.usage.cost_usd > 0 && dollars(agent.usage.cost_usd)}</td>
      <td className="right agent-controls">
        <Button
          type="button"
          text
          size="small"
          icon={<Icon name={starts ? 'play' : 'stop'} />}
          aria-label={label}
          title={mayOperate ? label : 'Your role does not allow this'}
          disabled={!mayOperate || action.isPending || agent.process_state === 'stopping'}
          onClick={() => action.mutate({ action: starts ? 'start' : 'stop' })}
        />
      </td>
    </tr>
  );
});
