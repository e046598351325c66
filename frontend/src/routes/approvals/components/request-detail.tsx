import type { Approval } from '@contracts/approval.js';
import { Button } from 'primereact/button';
import { Link } from 'react-router';
import { CopyButton } from '../../../components/copy-button.js';
import { DenyForm } from '../../../components/decision.js';
import { ExactText } from '../../../components/exact-text.js';
import { Icon } from '../../../components/icon.js';
import { RequestInput } from '../../../components/request-input.js';
import { RiskBar } from '../../../components/risk-bar.js';
import { Banner } from '../../../components/states.js';
import { ApprovalBadge } from '../../../components/status-badge.js';
import { Countdown, RelativeTime } from '../../../components/time.js';
import { plural } from '../../../lib/format.js';
import { useAgents, usePending } from '../../../lib/queries.js';
import { isWaiting } from '../queries.js';
import { EditForm } from './edit-form.js';

export type DetailMode = 'read' | 'deny' | 'edit';

interface RequestDetailProps {
  readonly approval: Approval;
  readonly mode: DetailMode;
  readonly busy: boolean;
  readonly mayDecide: boolean;
  readonly onMode: (mode: DetailMode) => void;
  readonly onDecide: (decision: 'approve' | 'deny', reason?: string, updated_input?: Record<string, unknown>) => void;
}

/** The exact request: who, why it stopped, the bytes, what waits behind it, and the decision. */
export function RequestDetail({ approval, mode, busy, mayDecide, onMode, onDecide }: RequestDetailProps) {
  const agent = useAgents().data?.find((each) => each.id === approval.agent_id);
  const waiting = isWaiting(approval);
  const back = (): void => onMode('read');
  return (
    <article
      className="card request"
      aria-label={`Request of ${agent?.name ?? approval.agent_id} to use ${approval.tool_name}`}
    >
      <div className="request-scroll" tabIndex={0} role="region" aria-label="Request">
        <header className="request-head">
          <div className="row-wrap">
            <h2>
              <Link to={`/agents/${approval.agent_id}`}>{agent?.name ?? approval.agent_id}</Link>{' '}
              <span className="request-verb">asks to use</span> {approval.tool_name}
            </h2>
            <RiskBar level={approval.risk_level} />
            <ApprovalBadge status={approval.status} />
          </div>
          <p className="muted">
            asked <RelativeTime at={approval.requested_at} />
            {waiting && (
              <>
                {' · denied by itself in '}
                <Countdown until={approval.expires_at} />
              </>
            )}
          </p>
        </header>
        {!waiting && <Outcome approval={approval} />}
        {approval.reasons.length > 0 && (
          <section aria-label="Why it asks">
            <h3 className="field-label">Why it asks</h3>
            <ul className="reasons">
              {approval.reasons.map((reason) => (
                <li key={reason}>
                  <ExactText text={reason} />
                </li>
              ))}
            </ul>
          </section>
        )}
        <section aria-label="What would run">
          <h3 className="field-label">{waiting ? 'What would run' : 'What was asked'}</h3>
          {mode === 'edit' && waiting ? (
            <EditForm
              input={approval.input}
              busy={busy}
              onCancel={back}
              onApprove={(updated_input) => onDecide('approve', undefined, updated_input)}
            />
          ) : (
            <RequestInput tool_name={approval.tool_name} input={approval.input} />
          )}
        </section>
        <Facts approval={approval} />
      </div>
      {waiting && mode !== 'edit' && (
        <footer className="request-actions">
          {mode === 'deny' ? (
            <DenyForm busy={busy} onCancel={back} onDeny={(reason) => onDecide('deny', reason)} />
          ) : (
            <Actions busy={busy} mayDecide={mayDecide} onMode={onMode} onApprove={() => onDecide('approve')} />
          )}
        </footer>
      )}
    </article>
  );
}

interface ActionsProps {
  readonly busy: boolean;
  readonly mayDecide: boolean;
  readonly onMode: (mode: DetailMode) => void;
  readonly onApprove: () => void;
}

function Actions({ busy, mayDecide, onMode, onApprove }: ActionsProps) {
  const disabled = busy || !mayDecide;
  return (
    <>
      <Button
        type="button"
        icon={<Icon name="check" />}
        label="Approve"
        aria-label="Approve"
        disabled={disabled}
        onClick={onApprove}
      >
        <Key name="a" />
      </Button>
      <Button
        type="button"
        outlined
        severity="danger"
        icon={<Icon name="cross" />}
        label="Deny"
        aria-label="Deny"
        disabled={disabled}
        onClick={() => onMode('deny')}
      >
        <Key name="d" />
      </Button>
      <Button
        type="button"
        outlined
        icon={<Icon name="pencil" />}
        label="Edit"
        aria-label="Edit"
        disabled={disabled}
        onClick={() => onMode('edit')}
      >
        <Key name="e" />
      </Button>
      {!mayDecide && <span className="muted">Your role may look, not decide.</span>}
    </>
  );
}

function Key({ name }: { readonly name: string }) {
  return (
    <kbd className="only-wide" aria-hidden="true">
      {name}
    </kbd>
  );
}

function Outcome({ approval }: { readonly approval: Approval }) {
  const { decided_by, decided_at, channel, reason, updated_input, executed, result } = approval;
  return (
    <section aria-label="Outcome" className="stack">
      <Banner tone={approval.status === 'approved' ? 'green' : approval.status === 'denied' ? 'red' : 'grey'}>
        <strong>{approval.status}</strong>
        {decided_by !== null && ` by ${decided_by}`}
        {channel !== null && channel !== decided_by && ` (${channel})`}
        {decided_at !== null && (
          <>
            , <RelativeTime at={decided_at} />
          </>
        )}
        {reason !== null && `: ${reason}`}
        {executed === true && ' · It ran.'}
        {executed === false && ' · It did not run.'}
      </Banner>
      {updated_input !== null && updated_input !== undefined && (
        <div>
          <h3 className="field-label">What ran instead</h3>
          <RequestInput tool_name={approval.tool_name} input={updated_input} compact />
        </div>
      )}
      {result !== null && result !== '' && (
        <div>
          <h3 className="field-label">Result</h3>
          <pre className="code code-wrap">
            <ExactText text={result} />
          </pre>
        </div>
      )}
    </section>
  );
}

function Facts({ approval }: { readonly approval: Approval }) {
  const agent = useAgents().data?.find((each) => each.id === approval.agent_id);
  const others =
    usePending().data?.filter((each) => each.agent_id === approval.agent_id && each.id !== approval.id).length ?? 0;
  const behind = [
    ...(others > 0 ? [`${plural(others, 'more call')} of this agent`] : []),
    ...(agent !== undefined && agent.queued_turns > 0 ? [plural(agent.queued_turns, 'prompt')] : []),
  ];
  return (
    <dl className="facts request-facts">
      <dt>Working directory</dt>
      <dd className="mono">
        <ExactText text={approval.cwd} />
      </dd>
      {isWaiting(approval) && (
        <>
          <dt>Waits behind it</dt>
          <dd>{behind.length === 0 ? 'nothing else' : behind.join(', ')}</dd>
        </>
      )}
      <dt>Request</dt>
      <dd className="row">
        <span className="mono truncate">{approval.id}</span>
        <CopyButton text={approval.id} label="Copy request id" />
      </dd>
      <dt>Bound to</dt>
      <dd className="row">
        <span className="mono truncate" title="sha256 of agent, session, call, tool, input and directory">
          {approval.input_sha256}
        </span>
        <CopyButton text={approval.input_sha256} label="Copy hash" />
      </dd>
    </dl>
  );
}
