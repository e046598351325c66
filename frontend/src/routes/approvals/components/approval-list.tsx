import type { Approval } from '@contracts/approval.js';
import { memo, useEffect, useRef } from 'react';
import { Link } from 'react-router';
import { ExactText } from '../../../components/exact-text.js';
import { RiskBar } from '../../../components/risk-bar.js';
import { ApprovalBadge } from '../../../components/status-badge.js';
import { RelativeTime } from '../../../components/time.js';
import { useAgents } from '../../../lib/queries.js';
import { oneLine } from '../../../lib/request-input.js';

interface ApprovalListProps {
  readonly approvals: readonly Approval[];
  readonly selected_id: string | undefined;
  readonly inHistory: boolean;
}

export function ApprovalList({ approvals, selected_id, inHistory }: ApprovalListProps) {
  const agents = useAgents().data;
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
  }, [selected_id]);
  return (
    <ul ref={list} className="request-list" aria-label={inHistory ? 'Decided requests' : 'Waiting requests'}>
      {approvals.map((approval) => (
        <Row
          key={approval.id}
          approval={approval}
          agentName={agents?.find((agent) => agent.id === approval.agent_id)?.name ?? approval.agent_id}
          selected={approval.id === selected_id}
          inHistory={inHistory}
          same={
            inHistory || approval.group_key === undefined
              ? 1
              : approvals.filter((one) => one.group_key === approval.group_key).length
          }
        />
      ))}
    </ul>
  );
}

interface RowProps {
  readonly approval: Approval;
  readonly agentName: string;
  readonly selected: boolean;
  readonly inHistory: boolean;
  /** How many ask for the very same. */
  readonly same: number;
}

const Row = memo(function Row({ approval, agentName, selected, inHistory, same }: RowProps) {
  return (
    <li>
      <Link
        to={`/approvals/${approval.id}${inHistory ? '?history' : ''}`}
        className="request-row"
        aria-current={selected ? 'true' : undefined}
      >
        <span className="row">
          <strong className="truncate">{agentName}</strong>
          <span className="muted truncate grow">{approval.tool_name}</span>
          {same > 1 && (
            <span className="chip" title={`${same} calls ask for the very same`}>
              ×{same}
            </span>
          )}
          {approval.approvals_needed !== undefined && !inHistory && (
            <span className="chip" title="people who have approved it">
              {approval.votes?.length ?? 0} of {approval.approvals_needed}
            </span>
          )}
          {inHistory || approval.status === 'parked' ? (
            <ApprovalBadge status={approval.status} />
          ) : (
            <RiskBar level={approval.risk_level} />
          )}
        </span>
        <span className="row">
          <code className="truncate grow muted">
            <ExactText text={oneLine(approval.tool_name, approval.input)} />
          </code>
          <span className="muted request-age">
            <RelativeTime at={approval.decided_at ?? approval.requested_at} />
          </span>
        </span>
      </Link>
    </li>
  );
});
