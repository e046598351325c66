import { useQuery } from '@tanstack/react-query';
import { ConfirmDialog } from '../../../components/confirm-dialog.js';
import { ErrorState, SkeletonRows } from '../../../components/states.js';
import { call } from '../../../lib/session.js';
import { useRollback } from '../queries.js';
import { ObjectChanges } from './object-changes.js';
import { Steps } from './steps.js';

/** What taking back the newest rollback would do; then does it. */
export function UndoDialog({ onClose }: { readonly onClose: () => void }) {
  const rollback = useRollback();
  const preview = useQuery({
    queryKey: ['undo-preview'],
    queryFn: ({ signal }) => call('registry_undo', { body: { dry_run: true } }, signal),
    gcTime: 0,
    retry: false,
  });
  return (
    <ConfirmDialog
      visible
      title="Undo the newest rollback?"
      confirmLabel="Undo it"
      danger={false}
      onConfirm={() => rollback.mutateAsync('undo')}
      onClose={onClose}
    >
      <div className="stack">
        <p>By a new commit. What was changed since the rollback stays; doing this twice does the rollback again.</p>
        {preview.isPending && <SkeletonRows rows={3} />}
        {preview.isError && (
          <ErrorState title="It cannot be undone as a whole" error={preview.error} kept="Nothing was changed." />
        )}
        {preview.data !== undefined && (
          <>
            <Steps steps={preview.data.reconciled} title="In the live system" none="No running agent is touched." />
            <ObjectChanges objects={preview.data.objects} none="Nothing differs." />
          </>
        )}
      </div>
    </ConfirmDialog>
  );
}
