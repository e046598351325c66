import type { ModelMode } from '@contracts/system.js';
import { Button } from 'primereact/button';
import { useState } from 'react';
import { ConfirmDialog } from '../../../components/confirm-dialog.js';
import { CommandLine } from '../../../components/copy-button.js';
import { ErrorState, SkeletonRows } from '../../../components/states.js';
import { StateTag } from '../../../components/status-badge.js';
import { notify } from '../../../lib/notify.js';
import { useCan } from '../../../lib/session.js';
import { useModelSwitch, useSystemStatus } from '../queries.js';

const NAMES: Record<ModelMode, string> = { claude: 'Claude', scripted: 'Scripted model' };

/** Whether agents talk to Claude or to the script of the demo. */
export function ModelChoice() {
  const { data: status, error, refetch } = useSystemStatus();
  const [asked, setAsked] = useState<ModelMode>();
  const change = useModelSwitch();
  const mayChange = useCan('admin');
  const mode = status?.model.mode;
  const other: ModelMode = mode === 'claude' ? 'scripted' : 'claude';
  return (
    <section className="card" aria-labelledby="model-title">
      <div className="card-head">
        <h2 id="model-title">Model</h2>
        {status?.model.demo === true && <StateTag look={{ word: 'demo', sign: 'ring', colour: 'blue' }} />}
      </div>
      <div className="card-body stack">
        {status === undefined && error !== null && (
          <ErrorState title="The model could not be read" error={error} retry={() => void refetch()} />
        )}
        {status === undefined && error === null && <SkeletonRows rows={2} />}
        {status !== undefined && mode !== undefined && (
          <>
            <p>
              <strong>{NAMES[mode]}</strong> <span className="muted">{status.model.detail}</span>
            </p>
            <div className="row-wrap">
              <Button
                type="button"
                outlined
                label={`Use ${NAMES[other] === 'Claude' ? 'Claude' : 'the scripted model'}`}
                disabled={!mayChange}
                title={mayChange ? undefined : 'Only an admin can change this'}
                onClick={() => setAsked(other)}
              />
              <CommandLine command={`nox model use ${other}`} />
            </div>
          </>
        )}
      </div>
      <ConfirmDialog
        visible={asked !== undefined}
        title={asked === 'claude' ? 'Use Claude?' : 'Use the scripted model?'}
        confirmLabel={asked === 'claude' ? 'Use Claude' : 'Use the scripted model'}
        danger={false}
        onClose={() => setAsked(undefined)}
        onConfirm={async () => {
          if (asked === undefined) return;
          await change.mutateAsync(asked);
          notify.success(`Agents now use ${asked === 'claude' ? 'Claude' : 'the scripted model'}`);
        }}
      >
        <p>
          {asked === 'claude'
            ? 'Agents reach Claude with the login of this machine, and their turns cost money. Without a login they fail with a clear reason.'
            : 'Agents get scripted answers from this machine; nothing is sent to Claude and nothing costs money.'}{' '}
          Running agents restart and keep their conversations.
        </p>
      </ConfirmDialog>
    </section>
  );
}
