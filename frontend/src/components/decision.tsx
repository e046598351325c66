import type { Approval } from '@contracts/approval.js';
import { Button } from 'primereact/button';
import { InputText } from 'primereact/inputtext';
import { type FormEvent, useState } from 'react';
import { Link } from 'react-router';
import { useDecide } from '../lib/queries.js';
import { questionsOf } from '../lib/question.js';
import { useCan } from '../lib/session.js';
import { Icon } from './icon.js';

interface DecisionProps {
  readonly approval: Approval;
  /** Names the call for those who do not see the card around it. */
  readonly subject: string;
  /** Where the whole request is, when too little of it shows here to approve it. */
  readonly reviewAt?: string;
}

/** Approve and deny, in place; a question is answered on its own page. Denying asks for a reason, which the agent reads. */
export function DecisionButtons({ approval, subject, reviewAt }: DecisionProps) {
  const decide = useDecide();
  const [denying, setDenying] = useState(false);
  const mayDecide = useCan('operator');
  const title = mayDecide ? undefined : 'Your role does not allow this';
  const busy = decide.isPending || !mayDecide;
  const asks = questionsOf(approval) !== undefined;
  const elsewhere = asks ? `/approvals/${approval.id}` : reviewAt;
  const verb = asks ? 'Answer' : 'Review';
  if (denying) {
    return (
      <DenyForm
        busy={busy}
        onCancel={() => setDenying(false)}
        onDeny={(reason) => decide.mutate({ approval, decision: 'deny', reason })}
      />
    );
  }
  return (
    <div className="row">
      {elsewhere === undefined ? (
        <Button
          type="button"
          size="small"
          icon={<Icon name="check" />}
          label="Approve"
          aria-label={`Approve ${subject}`}
          title={title}
          disabled={busy}
          onClick={() => decide.mutate({ approval, decision: 'approve' })}
        />
      ) : (
        <Link to={elsewhere} className="p-button p-button-sm" aria-label={`${verb} ${subject}`}>
          {verb}
        </Link>
      )}
      <Button
        type="button"
        size="small"
        outlined
        severity="danger"
        icon={<Icon name="cross" />}
        label="Deny"
        aria-label={`Deny ${subject}`}
        title={title}
        disabled={busy}
        onClick={() => setDenying(true)}
      />
    </div>
  );
}

interface DenyFormProps {
  readonly busy: boolean;
  readonly onDeny: (reason: string) => void;
  readonly onCancel: () => void;
}

/** One line for the reason; Enter denies, Escape goes back. */
export function DenyForm({ busy, onDeny, onCancel }: DenyFormProps) {
  const [reason, setReason] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onDeny(reason.trim());
  };
  return (
    <form className="deny-form" onSubmit={submit} onKeyDown={(event) => event.key === 'Escape' && onCancel()}>
      <InputText
        autoFocus
        aria-label="Reason for the agent"
        placeholder="Reason, for the agent to read (optional)"
        maxLength={2000}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
      <Button type="submit" severity="danger" label="Deny call" disabled={busy} />
      <Button type="button" outlined label="Cancel" onClick={onCancel} />
    </form>
  );
}
