import type { Approval } from '@contracts/approval.js';
import { Button } from 'primereact/button';
import { useEffect, useRef } from 'react';
import { Link } from 'react-router';
import { CopyButton } from '../../../components/copy-button.js';
import { DenyForm } from '../../../components/decision.js';
import { ExactText } from '../../../components/exact-text.js';
import { Icon, type IconName } from '../../../components/icon.js';
import { QuestionForm } from '../../../components/question-form.js';
import { RequestInput } from '../../../components/request-input.js';
import { RiskBar } from '../../../components/risk-bar.js';
import { Banner } from '../../../components/states.js';
import { ApprovalBadge } from '../../../components/status-badge.js';
import { Countdown, RelativeTime } from '../../../components/time.js';
import { plural } from '../../../lib/format.js';
import { type Decision, useAgents, usePending } from '../../../lib/queries.js';
import { planOf, questionsOf } from '../../../lib/question.js';
import { isUndecided, isWaiting } from '../queries.js';
import { EditForm } from './edit-form.js';
import { LinkButton } from './link-button.js';

export type DetailMode = 'read' | 'deny' | 'edit' | 'group' | 'remember';

interface RequestDetailProps {
  readonly approval: Approval;
  readonly mode: DetailMode;
  readonly busy: boolean;
  readonly mayDecide: boolean;
  /** This user has approved it already, and others must, too. */
  readonly approved: boolean;
  readonly onMode: (mode: DetailMode) => void;
  /** Those that ask for the very same, with this one. */
  readonly group: readonly Approval[];
  readonly onDecide: (decision: 'approve' | 'deny', more?: Omit<Decision, 'approval' | 'decision'>) => void;
  readonly onDecideGroup: (decision: 'approve' | 'deny') => void;
  readonly onTakeBack: () => void;
}

/** The exact request: who, why it stopped, the bytes, what waits behind it, and the decision. */
export function RequestDetail({
  approval,
  mode,
  busy,
  mayDecide,
  approved,
  group,
  onMode,
  onDecide,
  onDecideGroup,
  onTakeBack,
}: RequestDetailProps) {
  const agent = useAgents().data?.find((each) => each.id === approval.agent_id);
  const waiting = isUndecided(approval);
  const questions = waiting ? questionsOf(approval) : undefined;
  const back = (): void => onMode('read');
  const region = useRef<HTMLDivElement>(null);
  const before = useRef(mode);
  // A form that closes takes the focus with it: who works by keyboard would begin at the top of the page again.
  useEffect(() => {
    const closed = before.current !== 'read' && mode === 'read';
    before.current = mode;
    if (closed && document.activeElement === document.body) region.current?.focus({ preventScroll: true });
  }, [mode]);
  return (
    <article
      className="card request"
      aria-label={`Request of ${agent?.name ?? approval.agent_id} to use ${approval.tool_name}`}
    >
      <div ref={region} className="request-scroll" tabIndex={0} role="region" aria-label="Request">
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
        {approval.held !== undefined && (
          <Banner tone="grey">
            <strong>{approval.held.status}</strong> by {approval.held.decided_by}; the agent hears of it in{' '}
            <Countdown until={approval.held.until} calm over="a moment" />
          </Banner>
        )}
        {!isWaiting(approval) && <Outcome approval={approval} />}
        {waiting && <Votes approval={approval} {...(approved && { onTakeBack })} />}
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
              onApprove={(updated_input) => onDecide('approve', { updated_input })}
            />
          ) : (
            <>
              {questions !== undefined && (
                <QuestionForm
                  questions={questions}
                  disabled={busy || !mayDecide}
                  onAnswer={(answers) => onDecide('approve', { answers })}
                />
              )}
              <RequestInput tool_name={approval.tool_name} input={approval.input} />
            </>
          )}
        </section>
        {waiting && group.length > 1 && <Same group={group} />}
        <Facts approval={approval} />
      </div>
      {waiting && mode !== 'edit' && (
        <footer className="request-actions">
          {mode === 'deny' && (
            <DenyForm busy={busy} onCancel={back} onDeny={(reason) => onDecide('deny', { reason })} />
          )}
          {mode === 'group' && (
            <GroupActions
              count={group.length}
              busy={busy}
              answerable={questions !== undefined}
              onBack={back}
              onDecideGroup={onDecideGroup}
            />
          )}
          {(mode === 'read' || mode === 'remember') && (
            <Actions
              approval={approval}
              same={group.length}
              busy={busy}
              mayDecide={mayDecide}
              approved={approved}
              onMode={onMode}
              onApprove={() => onDecide('approve')}
            />
          )}
        </footer>
      )}
    </article>
  );
}

interface ActionsProps {
  readonly approval: Approval;
  readonly same: number;
  readonly busy: boolean;
  readonly mayDecide: boolean;
  readonly approved: boolean;
  readonly onMode: (mode: DetailMode) => void;
  readonly onApprove: () => void;
}

function Actions({ approval, same, busy, mayDecide, approved, onMode, onApprove }: ActionsProps) {
  const disabled = busy || !mayDecide;
  const button = (mode: DetailMode, key: string, label: string, icon?: IconName) => (
    <Button
      type="button"
      outlined
      {...(mode === 'deny' ? { severity: 'danger' as const } : {})}
      icon={icon === undefined ? undefined : <Icon name={icon} />}
      label={label}
      aria-label={label}
      disabled={disabled}
      onClick={() => onMode(mode)}
    >
      <Key name={key} />
    </Button>
  );
  const plan = planOf(approval) !== undefined;
  return (
    <>
      {questionsOf(approval) === undefined && (
        <Button
          type="button"
          icon={<Icon name="check" />}
          label={plan ? 'Approve plan' : 'Approve'}
          aria-label={plan ? 'Approve plan' : 'Approve'}
          title={approved ? 'You have approved it; another person must, too' : undefined}
          disabled={disabled || approved}
          onClick={onApprove}
        >
          <Key name="a" />
        </Button>
      )}
      {button('deny', 'd', plan ? 'Send back' : 'Deny', 'cross')}
      {approval.request_type !== 'question' && button('edit', 'e', 'Edit', 'pencil')}
      {same > 1 && button('group', 'g', `All ${same} alike`)}
      {approval.request_type === 'tool_use' && button('remember', 'r', 'Remember')}
      <LinkButton approval_id={approval.id} disabled={disabled} />
      {!mayDecide && <span className="muted">Your role may look, not decide.</span>}
    </>
  );
}

interface GroupActionsProps {
  readonly count: number;
  readonly busy: boolean;
  /** Questions are answered one by one; only a denial is for all. */
  readonly answerable: boolean;
  readonly onBack: () => void;
  readonly onDecideGroup: (decision: 'approve' | 'deny') => void;
}

function GroupActions({ count, busy, answerable, onBack, onDecideGroup }: GroupActionsProps) {
  return (
    <>
      {!answerable && (
        <Button
          type="button"
          autoFocus
          label={`Approve all ${count}`}
          disabled={busy}
          onClick={() => onDecideGroup('approve')}
        />
      )}
      <Button
        type="button"
        outlined
        severity="danger"
        label={`Deny all ${count}`}
        disabled={busy}
        onClick={() => onDecideGroup('deny')}
      />
      <Button type="button" outlined label="Cancel" onClick={onBack} />
    </>
  );
}

/** Who asks for the very same, each in its own folder. */
function Same({ group }: { readonly group: readonly Approval[] }) {
  return (
    <section aria-label="The same is asked by">
      <h3 className="field-label">The same is asked by {group.length} agents' calls</h3>
      <ul className="reasons">
        {group.map(({ id, agent_id, cwd }) => (
          <li key={id}>
            {agent_id} in{' '}
            <span className="mono">
              <ExactText text={cwd} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Who has approved already, where one person is not enough. */
function Votes({
  approval: { votes = [], approvals_needed = 1, input_sha256 },
  onTakeBack,
}: {
  readonly approval: Approval;
  readonly onTakeBack?: () => void;
}) {
  if (approvals_needed <= 1) return null;
  return (
    <Banner
      tone="grey"
      action={onTakeBack && <Button type="button" size="small" outlined label="Take yours back" onClick={onTakeBack} />}
    >
      <strong>
        {votes.length} of {approvals_needed}
      </strong>{' '}
      people have approved this
      {votes.map(({ by, channel, input_sha256: bytes }) => (
        <span key={by}>
          {' '}
          · {by} ({channel}
          {bytes === input_sha256 ? '' : ', other bytes than asked'})
        </span>
      ))}
    </Banner>
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
        {executed === null && result !== null && ` · ${result}.`}
      </Banner>
      {updated_input !== null && updated_input !== undefined && (
        <div>
          <h3 className="field-label">What ran instead</h3>
          <RequestInput tool_name={approval.tool_name} input={updated_input} compact />
        </div>
      )}
      {executed !== null && result !== null && result !== '' && (
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
  const { turns = 0, messages = 0, tasks = 0, agents = 0 } = approval.waits_behind ?? {};
  const others =
    usePending().data?.filter((each) => each.agent_id === approval.agent_id && each.id !== approval.id).length ?? 0;
  const behind = [
    ...(agents > 0 ? [plural(agents, 'agent')] : []),
    ...(tasks > 0 ? [plural(tasks, 'task')] : []),
    ...(turns > 0 ? [plural(turns, 'prompt')] : []),
    ...(messages > 0 ? [plural(messages, 'message')] : []),
    ...(others > 0 ? [`${plural(others, 'more call')} of this agent`] : []),
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
