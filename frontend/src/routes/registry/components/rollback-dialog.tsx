import type { ReconcileStep, RollbackResult } from '@contracts/registry.js';
import { Button } from 'primereact/button';
import { Dialog } from 'primereact/dialog';
import { useState } from 'react';
import { Link } from 'react-router';
import { CommandLine } from '../../../components/copy-button.js';
import { Banner, ErrorState, SkeletonRows } from '../../../components/states.js';
import { StateTag } from '../../../components/status-badge.js';
import { RelativeTime } from '../../../components/time.js';
import type { StateLook } from '../../../lib/agent-state.js';
import { messageOf } from '../../../lib/http.js';
import { plural, shortHash } from '../../../lib/format.js';
import { usePreview, useRollback } from '../queries.js';
import { ObjectChanges } from './object-changes.js';

interface RollbackDialogProps {
  readonly target: string;
  readonly onClose: () => void;
}

/** What going back would do; then, once confirmed, what it did, with one click that undoes it. */
export function RollbackDialog({ target, onClose }: RollbackDialogProps) {
  const rollback = useRollback();
  const [goal, setGoal] = useState(target);
  const done = rollback.data;
  const undo_to = done?.commit?.rollback_of ?? undefined;
  const preview = usePreview(rollback.isIdle ? target : undefined);

  const goTo = (hash: string): void => {
    setGoal(hash);
    rollback.mutate(hash);
  };
  const title =
    done !== undefined
      ? `Went back to ${shortHash(goal)}`
      : `Go${rollback.isPending ? 'ing' : ''} back to ${shortHash(goal)}${rollback.isPending ? '…' : '?'}`;
  return (
    <Dialog
      visible
      header={title}
      modal
      draggable={false}
      resizable={false}
      blockScroll
      className="dialog-wide"
      onHide={onClose}
      footer={
        done === undefined ? (
          <>
            <Button type="button" outlined label="Cancel" disabled={rollback.isPending} onClick={onClose} />
            <Button
              type="button"
              label={rollback.isError ? 'Try again' : 'Confirm rollback'}
              disabled={(rollback.isIdle && preview.data === undefined) || rollback.isPending}
              onClick={() => goTo(goal)}
            />
          </>
        ) : (
          <>
            {undo_to !== undefined && (
              <Button type="button" outlined label="Undo this rollback" onClick={() => goTo(undo_to)} />
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
        {rollback.isIdle && preview.isError && (
          <ErrorState
            title="The preview failed"
            error={preview.error}
            kept="Nothing was changed."
            retry={() => void preview.refetch()}
          />
        )}
        {(rollback.isPending || (rollback.isIdle && preview.isPending)) && <SkeletonRows rows={5} />}
        {rollback.isIdle && preview.data !== undefined && <Plan result={preview.data} />}
        {done !== undefined && <Report result={done} onLeave={onClose} />}
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
      <CommandLine command={`nox registry rollback ${result.target.hash}`} />
    </>
  );
}

function Report({ result, onLeave }: { readonly result: RollbackResult; readonly onLeave: () => void }) {
  return (
    <>
      <Banner tone="green" icon="check">
        {result.commit === null ? (
          'Nothing differed, so no commit was made.'
        ) : (
          <>
            Committed as{' '}
            <Link to={`/registry/${result.commit.hash}`} onClick={onLeave}>
              {shortHash(result.commit.hash)}
            </Link>
            , {plural(result.objects.length, 'object')} changed.
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
