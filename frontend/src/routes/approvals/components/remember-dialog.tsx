import type { Approval } from '@contracts/approval.js';
import type { DryRun } from '@contracts/policy.js';
import { useQuery } from '@tanstack/react-query';
import { Button } from 'primereact/button';
import { Dialog } from 'primereact/dialog';
import { ExactText } from '../../../components/exact-text.js';
import { ErrorState, SkeletonRows } from '../../../components/states.js';
import { call } from '../../../lib/session.js';

interface RememberDialogProps {
  readonly approval: Approval;
  readonly busy: boolean;
  readonly mayRemember: boolean;
  readonly onRemember: () => void;
  readonly onClose: () => void;
}

/** The rule that would follow from this answer, tried on past requests before anybody trusts it. */
export function RememberDialog({ approval, busy, mayRemember, onRemember, onClose }: RememberDialogProps) {
  const offer = useQuery({
    queryKey: ['approvals', 'rule', approval.id],
    queryFn: ({ signal }) => call('approvals_rule', { params: { id: approval.id } }, signal),
    gcTime: 0,
  });
  const rule = offer.data?.rule ?? null;
  return (
    <Dialog
      visible
      modal
      draggable={false}
      resizable={false}
      className="remember-dialog"
      header="Approve, and from now on without asking"
      onHide={onClose}
    >
      {offer.isPending && <SkeletonRows rows={4} />}
      {offer.error !== null && (
        <ErrorState title="The rule could not be tried" error={offer.error} retry={() => void offer.refetch()} />
      )}
      {offer.data !== undefined && rule === null && <p>No rule can be made of this: {offer.data.why_not}.</p>}
      {rule !== null && (
        <div className="stack">
          <p>
            Rule <code>{rule.id}</code> would <strong>{rule.then}</strong> when
          </p>
          <pre className="code code-wrap" aria-label="Rule">
            <ExactText text={JSON.stringify(rule.when, null, 2)} />
          </pre>
          {offer.data?.dry_run != null && <Tried run={offer.data.dry_run} />}
          {!mayRemember && <p className="muted">Only admins change the policy.</p>}
        </div>
      )}
      <div className="row-wrap dialog-actions">
        <Button
          type="button"
          label="Approve and remember"
          disabled={busy || rule === null || !mayRemember}
          onClick={onRemember}
        />
        <Button type="button" outlined label="Cancel" onClick={onClose} />
      </div>
    </Dialog>
  );
}

function Tried({ run }: { readonly run: DryRun }) {
  const { looked_at, same, different, asked } = run;
  return (
    <p aria-label="Dry run">
      {looked_at === 0
        ? 'There is no past request to try it on.'
        : `It would have decided ${same} of the last ${looked_at} as you did, ${different} differently; ${asked} would still ask.`}
    </p>
  );
}
