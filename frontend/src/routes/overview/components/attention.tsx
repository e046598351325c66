import type { Agent } from '@contracts/agent.js';
import { type Approval, RiskLevel } from '@contracts/approval.js';
import { Button } from 'primereact/button';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { DecisionButtons } from '../../../components/decision.js';
import { ExactText } from '../../../components/exact-text.js';
import { Icon } from '../../../components/icon.js';
import { RiskBar } from '../../../components/risk-bar.js';
import { StatusBadge } from '../../../components/status-badge.js';
import { Countdown, RelativeTime } from '../../../components/time.js';
import { useAgentAction } from '../../../lib/queries.js';
import { oneLine, partsOf, warningsOf } from '../../../lib/request-input.js';
import { useCan } from '../../../lib/session.js';

const SHOWN = 12;
const LEVELS = RiskLevel.options;
/** Longer bytes than this do not show whole on a card. */
const WHOLE = 90;

/** The riskiest first, then the oldest. */
const byRisk = (a: Approval, b: Approval): number =>
  LEVELS.indexOf(b.risk_level) - LEVELS.indexOf(a.risk_level) || a.requested_at.localeCompare(b.requested_at);

interface AttentionProps {
  /** Alarms of other kinds, the most urgent first. */
  readonly alarms: readonly ReactNode[];
  readonly approvals: readonly Approval[];
  readonly agents: readonly Agent[];
}

/** What needs a person now, each with its action in place. Nothing when nothing does. */
export function Attention({ approvals, agents, alarms }: AttentionProps) {
  const names = new Map(agents.map((agent) => [agent.id, agent.name]));
  const sorted = approvals.toSorted(byRisk);
  const urgent = sorted.filter(({ risk_level }) => risk_level === 'critical' || risk_level === 'high');
  const calm = sorted.slice(urgent.length);
  const card = (approval: Approval) => (
    <ApprovalCard key={approval.id} approval={approval} agentName={names.get(approval.agent_id) ?? approval.agent_id} />
  );
  const broken = (status: Agent['status']) =>
    agents.filter((agent) => agent.status === status).map((agent) => <BrokenCard key={agent.id} agent={agent} />);
  // Nobody but a person can help them: they say what is to be mended, and have no time at which they go on.
  const held = agents
    .filter(({ activity, resume_at }) => activity === 'quota' && resume_at === undefined)
    .map((agent) => <BrokenCard key={agent.id} agent={agent} />);
  const cards = [...urgent.map(card), ...broken('failed'), ...held, ...alarms, ...calm.map(card), ...broken('crashed')];
  if (cards.length === 0) return null;
  return (
    <section className="attention" aria-label="Needs you">
      {cards.slice(0, SHOWN)}
      {cards.length > SHOWN && (
        <Link to="/approvals" className="attention-more">
          {cards.length - SHOWN} more
        </Link>
      )}
    </section>
  );
}

function ApprovalCard({ approval, agentName }: { readonly approval: Approval; readonly agentName: string }) {
  const line = oneLine(approval.tool_name, approval.input);
  const warned = warningsOf(approval.input).length > 0;
  const { diffs, rest } = partsOf(approval.tool_name, approval.input);
  // Nothing is approved unseen: what does not show whole here is looked at on its own page.
  const whole = !warned && line.length <= WHOLE && diffs.length === 0 && rest.length <= 1;
  return (
    <article className="attention-card card" aria-label={`${approval.tool_name} by ${agentName} waits for a decision`}>
      <div className="row">
        <RiskBar level={approval.risk_level} />
        <span className="grow" />
        <span className="muted">
          <RelativeTime at={approval.requested_at} />
        </span>
      </div>
      <p className="row attention-who">
        <Link to={`/agents/${approval.agent_id}`} className="plain-link truncate">
          {agentName}
        </Link>
        <span>
          <span className="muted">asks to use</span> {approval.tool_name}
        </span>
      </p>
      <Link to={`/approvals/${approval.id}`} className="attention-bytes" aria-label={`Look closer: ${line}`}>
        <code>
          <ExactText text={line} />
        </code>
      </Link>
      <p className="muted attention-why">
        {warned ? 'Contains characters that mislead the eye. ' : ''}
        {approval.reasons.join(' · ')}
      </p>
      <div className="row-wrap attention-foot">
        <DecisionButtons
          approval={approval}
          subject={`${approval.tool_name} by ${agentName}`}
          {...(!whole && { reviewAt: `/approvals/${approval.id}` })}
        />
        <span className="grow" />
        <span className="muted" title="Time until it is denied by itself">
          <Countdown until={approval.expires_at} over="expired" />
        </span>
      </div>
    </article>
  );
}

function BrokenCard({ agent }: { readonly agent: Agent }) {
  const action = useAgentAction(agent);
  const mayOperate = useCan('operator');
  return (
    <article
      className="attention-card card"
      aria-label={`${agent.name} ${agent.status === 'parked' ? 'waits for you' : 'has failed'}`}
    >
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
        {agent.status !== 'parked' && (
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
        )}
        <Link to={`/agents/${agent.id}/logs`}>Logs</Link>
      </div>
    </article>
  );
}
