import type { Agent } from '@contracts/agent.js';
import type { Approval } from '@contracts/approval.js';
import { RiskLevel } from '@contracts/approval.js';
import { Button } from 'primereact/button';
import { Link } from 'react-router';
import { DecisionButtons } from '../../../components/decision.js';
import { ExactText } from '../../../components/exact-text.js';
import { Icon } from '../../../components/icon.js';
import { RiskBar } from '../../../components/risk-bar.js';
import { StatusBadge } from '../../../components/status-badge.js';
import { Countdown, RelativeTime } from '../../../components/time.js';
import { useAgentAction } from '../../../lib/queries.js';
import { oneLine, warningsOf } from '../../../lib/request-input.js';
import { useCan } from '../../../lib/session.js';

const SHOWN = 6;
const LEVELS = RiskLevel.options;

/** The riskiest first, then the oldest. */
const byRisk = (a: Approval, b: Approval): number =>
  LEVELS.indexOf(b.risk_level) - LEVELS.indexOf(a.risk_level) || a.requested_at.localeCompare(b.requested_at);

interface AttentionProps {
  readonly approvals: readonly Approval[];
  readonly agents: readonly Agent[];
}

/** What needs a person now, each with its action in place. Nothing when nothing does. */
export function Attention({ approvals, agents }: AttentionProps) {
  const broken = agents.filter((agent) => agent.status === 'failed' || agent.status === 'crashed');
  const names = new Map(agents.map((agent) => [agent.id, agent.name]));
  const sorted = approvals.toSorted(byRisk);
  if (sorted.length + broken.length === 0) return null;
  return (
    <section className="attention" aria-label="Needs you">
      {sorted.slice(0, SHOWN).map((approval) => (
        <ApprovalCard
          key={approval.id}
          approval={approval}
          agentName={names.get(approval.agent_id) ?? approval.agent_id}
        />
      ))}
      {broken.map((agent) => (
        <BrokenCard key={agent.id} agent={agent} />
      ))}
      {sorted.length > SHOWN && (
        <Link to="/approvals" className="attention-more">
          {sorted.length - SHOWN} more wait for a decision
        </Link>
      )}
    </section>
  );
}

function ApprovalCard({ approval, agentName }: { readonly approval: Approval; readonly agentName: string }) {
  const line = oneLine(approval.tool_name, approval.input);
  const warned = warningsOf(approval.input).length > 0;
  return (
    <article className="attention-card card" aria-label={`${approval.tool_name} by ${agentName} waits for a decision`}>
      <div className="row">
        <RiskBar level={approval.risk_level} />
        <span className="grow" />
        <span className="muted">
          <RelativeTime at={approval.requested_at} />
        </span>
      </div>
      <p className="truncate">
        <Link to={`/agents/${approval.agent_id}`} className="plain-link">
          {agentName}
        </Link>{' '}
        <span className="muted">asks to use</span> {approval.tool_name}
      </p>
      <Link to={`/approvals/${approval.id}`} className="attention-bytes" aria-label="Look closer">
        <code>
          <ExactText text={line} />
        </code>
      </Link>
      <p className="muted attention-why">
        {warned ? 'Contains characters that mislead the eye. ' : ''}
        {approval.reasons.join(' · ')}
      </p>
      <div className="row-wrap attention-foot">
        <DecisionButtons approval={approval} subject={`${approval.tool_name} by ${agentName}`} />
        <span className="grow" />
        <span className="muted">
          <Countdown until={approval.expires_at} />
        </span>
      </div>
    </article>
  );
}

function BrokenCard({ agent }: { readonly agent: Agent }) {
  const action = useAgentAction(agent);
  const mayOperate = useCan('operator');
  return (
    <article className="attention-card card" aria-label={`${agent.name} has failed`}>
      <div className="row">
        <StatusBadge agent={agent} />
      </div>
      <p className="truncate">
        <Link to={`/agents/${agent.id}`} className="plain-link">
          {agent.name}
        </Link>
      </p>
      <p className="muted attention-reason">{agent.reason ?? 'It gave no reason; its log may.'}</p>
      <div className="row-wrap attention-foot">
        <Button
          type="button"
          size="small"
          outlined
          icon={<Icon name="play" />}
          label={agent.status === 'failed' ? 'Start' : 'Start now'}
          aria-label={`Start ${agent.name}`}
          disabled={!mayOperate || action.isPending}
          onClick={() => action.mutate({ action: 'start' })}
        />
        <Link to={`/agents/${agent.id}/logs`}>Logs</Link>
      </div>
    </article>
  );
}
