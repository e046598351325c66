import type { Approval } from '@contracts/approval.js';
import { Link } from 'react-router';
import { DecisionButtons } from '../../../components/decision.js';
import { RequestInput } from '../../../components/request-input.js';
import { RiskBar } from '../../../components/risk-bar.js';
import { ApprovalBadge } from '../../../components/status-badge.js';
import { Countdown } from '../../../components/time.js';

/** A call that waits, in its place in the conversation, with the decision beside it. */
export function InlineApproval({ approval }: { readonly approval: Approval }) {
  return (
    <section className="inline-approval" aria-label={`${approval.tool_name} waits for a decision`}>
      <div className="row-wrap">
        <strong>{approval.tool_name}</strong>
        <ApprovalBadge status={approval.status} />
        <RiskBar level={approval.risk_level} />
        <span className="muted">{approval.reasons.join(' · ')}</span>
      </div>
      <RequestInput tool_name={approval.tool_name} input={approval.input} compact />
      <p className="muted">
        in <span className="mono">{approval.cwd}</span>, expires in <Countdown until={approval.expires_at} />
      </p>
      <div className="row-wrap">
        <DecisionButtons approval={approval} subject={approval.tool_name} />
        <Link to={`/approvals/${approval.id}`}>Look closer</Link>
      </div>
    </section>
  );
}
