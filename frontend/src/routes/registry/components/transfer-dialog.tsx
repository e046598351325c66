import type { ImportResult } from '@contracts/registry-transfer.js';
import { Button } from 'primereact/button';
import { useState } from 'react';
import { Link } from 'react-router';
import { WideDialog } from '../../../components/form-dialog.js';
import { Banner, ErrorState, SkeletonRows } from '../../../components/states.js';
import { messageOf } from '../../../lib/http.js';
import { plural, shortHash } from '../../../lib/format.js';
import { useCan } from '../../../lib/session.js';
import { useImport, useImportPreview } from '../queries.js';
import { ExportPart } from './export-part.js';
import { ImportPlan } from './import-plan.js';
import { type Chosen, readChosen } from './transfer-files.js';

type Side = 'ours' | 'theirs';

/** What is in force as a file, and a file into what is in force: first what it would change, then, once confirmed, what it did. */
export function TransferDialog({ onClose }: { readonly onClose: () => void }) {
  const mayImport = useCan('admin');
  const [chosen, setChosen] = useState<Chosen>();
  const [unreadable, setUnreadable] = useState<string>();
  const [prefer, setPrefer] = useState<Side>();
  const [accept, setAccept] = useState(false);
  const carryOut = useImport();
  const done = carryOut.data;
  const preview = useImportPreview(carryOut.isSuccess ? undefined : chosen?.files, prefer);
  const plan = preview.data;

  const choose = async (list: FileList | null): Promise<void> => {
    setChosen(undefined);
    setPrefer(undefined);
    setAccept(false);
    carryOut.reset();
    try {
      setUnreadable(undefined);
      if (list !== null && list.length > 0) setChosen(await readChosen([...list]));
    } catch (error) {
      setUnreadable(messageOf(error));
    }
  };
  const nothing = plan !== undefined && plan.objects.length === 0 && plan.tasks.length === 0;
  const waits = plan === undefined || nothing || plan.conflicts.length > 0 || (plan.security.length > 0 && !accept);
  return (
    <WideDialog
      header={done === undefined ? 'Export and import' : 'Imported'}
      onHide={onClose}
      footer={
        <>
          <Button
            type="button"
            outlined={done === undefined}
            label={done === undefined ? 'Close' : 'Done'}
            disabled={carryOut.isPending}
            onClick={onClose}
          />
          {chosen !== undefined && done === undefined && (
            <Button
              type="button"
              label={carryOut.isPending ? 'Importing…' : 'Confirm import'}
              disabled={waits || carryOut.isPending}
              onClick={() => carryOut.mutate({ files: chosen.files, accept, prefer })}
            />
          )}
        </>
      }
    >
      <div className="stack">
        {chosen === undefined && done === undefined && <ExportPart />}
        {mayImport && done === undefined && (
          <section aria-label="Import" className="stack">
            <h3 className="field-label">Import</h3>
            <p className="muted">
              An archive of an export, or single files of one. What they have and this Nox lacks is added; nothing is
              taken away. You see first what would change.
            </p>
            <input
              type="file"
              multiple
              aria-label="Files to import"
              accept=".tar.gz,.tgz,.gz,.toml,.md"
              disabled={carryOut.isPending}
              onChange={(event) => void choose(event.target.files)}
            />
            {unreadable !== undefined && (
              <Banner tone="red" icon="warning">
                {unreadable} Nothing was changed.
              </Banner>
            )}
            {chosen !== undefined && chosen.ignored.length > 0 && (
              <p className="muted">
                Left out, since it is neither configuration nor a task file: {chosen.ignored.join(', ')}
              </p>
            )}
          </section>
        )}
        {carryOut.isError && (
          <Banner tone="red" icon="warning">
            {messageOf(carryOut.error)}
          </Banner>
        )}
        {chosen !== undefined && preview.isError && (
          <ErrorState
            title="It cannot be imported"
            error={preview.error}
            kept="Nothing was changed."
            retry={() => void preview.refetch()}
          />
        )}
        {(carryOut.isPending || (chosen !== undefined && preview.isLoading)) && <SkeletonRows rows={5} />}
        {done === undefined && plan !== undefined && (
          <ImportPlan plan={plan} prefer={prefer} onPrefer={setPrefer} accept={accept} onAccept={setAccept} />
        )}
        {done !== undefined && <Report result={done} onLeave={onClose} />}
      </div>
    </WideDialog>
  );
}

function Report({ result, onLeave }: { readonly result: ImportResult; readonly onLeave: () => void }) {
  const { commit, objects, tasks } = result;
  return (
    <Banner tone="green" icon="check">
      {commit === null ? (
        'No configuration differed, so no commit was made.'
      ) : (
        <>
          Committed as{' '}
          <Link to={`/registry/${commit.hash}`} onClick={onLeave}>
            {shortHash(commit.hash)}
          </Link>
          , {plural(objects.length, 'object')} changed. Going back to the commit before it takes it back.
        </>
      )}
      {tasks.length > 0 && ` ${plural(tasks.length, 'task')} imported.`}
    </Banner>
  );
}
