import type { ReconcileStep, RollbackResult } from '@contracts/registry.js';
import { Button } from 'primereact/button';
import { Dialog } from 'primereact/dialog';
import { Link } from 'react-router';
import { CommandLine } from '../../../components/copy-button.js';
import { Banner, ErrorState, SkeletonRows } from '../../../components/states.js';
import { StateTag } from '../../../components/status-badge.js';
import { RelativeTime } from '../../../components/time.js';
import type { StateLook } from '../../../lib/agent-state.js';
import { messageOf } from '../../../lib/http.js';
import { plural, shortHash } from '../../../lib/format.js';
import { usePreview, useRegistryStatus, useRollback } from '../queries.js';
import { ObjectChanges } from './object-changes.js';
import { useRef } from 'react';

interface RollbackDialogProps {
  readonly target: string;
  readonly onClose: () => void;
  /** Opens the preview of going back to this commit instead. */
  readonly onUndo: (hash: string) => void;
}

/** What going back would do; then, once confirmed, what it did, with the way to undo it. */
export function RollbackDialog({ target, onClose, onUndo }: RollbackDialogProps) {
  const rollback = useRollback();
  const preview = usePreview(rollback.isIdle || rollback.isError ? target : undefined);
  const head = useRegistryStatus().data?.head ?? undefined;
  const before = useRef<string>(undefined);
  const done = rollback.data;
  const confirm = (): void => {
    before.current = head;
    rollback.mutate(target);
  };
  const undo_to = done?.commit?.rollback_of ?? before.current;
  return (
    <Dialog
      visible
      header={done === undefined ? `Go back to ${shortHash(target)}?` : `Went back to ${shortHash(target)}`}
      modal
      draggable={false}
      resizable={false}
      blockScroll
      className="dialog-wide"
      onHide={onClose}
      footer={
        done === undefined ? (
          <>
            <Button type="button" outlined label="Cancel" onClick={onClose} />
            <Button
              type="button"
              label={rollback.isPending ? 'Going back…' : 'Confirm rollback'}
              disabled={preview.data === undefined || rollback.isPending}
              onClick={confirm}
            />
          </>
        ) : (
          <>
            {undo_to !== undefined && (
              <Button type="button" outlined label="Undo this rollback" onClick={() => onUndo(undo_to)} />
            )}
            <Button type="button" label="Done" onClick={onClose} />
          </>
        )
      }
    >
      <div className="stack">
        {rollback.isError && (
          <Banner tone="red" icon="warning">
            {messageOf(rollback.error)} Nothing was changed.
          </Banner>
        )}
        {done === undefined && preview.isError && (
          <ErrorState
            title="The preview failed"
            error={preview.error}
            kept="Nothing was changed."
            retry={() => void preview.refetch()}
          />
        )}
        {done === undefined && preview.isPending && <SkeletonRows rows={5} />}
        {done === undefined && preview.data !== undefined && <Plan result={preview.data} />}
        {done !== undefined && <Report result={done} />}
      </div>
    </Dialog>
  );
}

function Plan({ result }: { readonly result: RollbackResult }) {
  return (
    <>
      <p>
        Agents and settings become as they were after “{result.target.subject}” (
        <RelativeTime at={result.target.timestamp} />
        ), by a new commit. Conversations, tasks and approval history are not touched.
      </p>
      <Steps steps={result.reconciled} title="In the live system" none="No running agent is touched." />
      <div>
        <h3 className="field-label">In the registry</h3>
        <ObjectChanges objects={result.objects} none="Nothing differs: the registry is already so." />
      </div>
      <CommandLine command={`nox registry rollback ${result.target.hash} --confirm`} />
    </>
  );
}

function Report({ result }: { readonly result: RollbackResult }) {
  return (
    <>
      <Banner tone="green" icon="check">
        {result.commit === null ? (
          'Nothing differed, so no commit was made.'
        ) : (
          <>
            Committed as <Link to={`/registry/${result.commit.hash}`}>{shortHash(result.commit.hash)}</Link>,{' '}
            {plural(result.objects.length, 'object')} changed.
          </>
        )}
      </Banner>
      <Steps steps={result.reconciled} title="What the live system did" none="No running agent was touched." />
    </>
  );
}

const LOOK: Record<ReconcileStep['action'], StateLook> = {
  create: { word: 'comes back', sign: 'check', colour: 'green' },
  remove: { word: 'is removed', sign: 'cross', colour: 'red' },
  start: { word: 'starts', sign: 'dot', colour: 'blue' },
  stop: { word: 'stops', sign: 'square', colour: 'grey' },
  restart: { word: 'restarts', sign: 'loop', colour: 'orange' },
  update: { word: 'changes', sign: 'ring', colour: 'blue' },
};

function Steps({
  steps,
  title,
  none,
}: {
  readonly steps: readonly ReconcileStep[];
  readonly title: string;
  readonly none: string;
}) {
  return (
    <div>
      <h3 className="field-label">{title}</h3>
      {steps.length === 0 && <p className="muted">{none}</p>}
      <ul className="steps">
        {steps.map((step) => (
          <li key={`${step.agent_id} ${step.action}`} className="row-wrap">
            <strong>{step.agent_id}</strong>
            <StateTag look={LOOK[step.action]} />
            <span className="muted">{step.reason}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
