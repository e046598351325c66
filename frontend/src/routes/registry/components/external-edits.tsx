import type { EditConflict, ExternalEdit } from '@contracts/registry.js';
import { Button } from 'primereact/button';
import { useState } from 'react';
import { ConfirmDialog } from '../../../components/confirm-dialog.js';
import { CommandLine } from '../../../components/copy-button.js';
import { Banner } from '../../../components/states.js';
import { RelativeTime } from '../../../components/time.js';
import { call, useCan } from '../../../lib/session.js';
import { useExternalEdits, useRegistryChange, useRegistryStatus } from '../queries.js';
import { FieldValues } from './field-values.js';

type Decision = 'accept' | 'reject';

/** Hand edits that are not in force: what waits, field by field, and what does not fit, with its line. */
export function ExternalEdits() {
  const external = useExternalEdits().data;
  const [asked, setAsked] = useState<{ edit: ExternalEdit; decision: Decision }>();
  const decide = useRegistryChange(({ edit, decision }: { edit: ExternalEdit; decision: Decision }) => {
    const body = { edits: [{ file: edit.file, version: edit.version }], confirm: true };
    return decision === 'accept'
      ? call('registry_external_accept', { body })
      : call('registry_external_reject', { body });
  });
  if (external === undefined) return null;
  return (
    <>
      {external.edits.map((edit) => (
        <EditBanner key={edit.file} edit={edit} onAsk={(decision) => setAsked({ edit, decision })} />
      ))}
      {external.conflicts.slice(0, 1).map((conflict) => (
        <ConflictBanner key={conflict.at} conflict={conflict} />
      ))}
      {asked !== undefined && (
        <ConfirmDialog
          visible
          title={
            asked.decision === 'accept'
              ? `Accept the edit of ${asked.edit.file}?`
              : `Reject the edit of ${asked.edit.file}?`
          }
          confirmLabel={asked.decision === 'accept' ? 'Accept it' : 'Reject it'}
          danger={asked.decision === 'reject'}
          onConfirm={() => decide.mutateAsync(asked)}
          onClose={() => setAsked(undefined)}
        >
          <p>
            {asked.decision === 'accept'
              ? 'It is committed in your name and in force at once; agents that it changes restart.'
              : 'The text in force takes its place on the disk. What was written by hand is kept in git.'}
          </p>
          <Fields edit={asked.edit} />
        </ConfirmDialog>
      )}
    </>
  );
}

function EditBanner({ edit, onAsk }: { readonly edit: ExternalEdit; readonly onAsk: (decision: Decision) => void }) {
  const mayDecide = useCan('admin');
  const path = useRegistryStatus().data?.path;
  const held = edit.state === 'held';
  return (
    <Banner
      tone={held ? 'amber' : 'red'}
      icon="warning"
      action={
        mayDecide && (
          <span className="row edit-actions">
            {held && <Button type="button" size="small" label="Accept…" onClick={() => onAsk('accept')} />}
            <Button type="button" size="small" outlined label="Reject…" onClick={() => onAsk('reject')} />
          </span>
        )
      }
    >
      <section aria-label={`Hand edit of ${edit.file}`} className="stack">
        {held ? (
          <p>
            <strong>{edit.file}</strong> was edited by hand <RelativeTime at={edit.since} />. This part of it decides
            what agents may do or use, so it waits until a person accepts it; the rest is in force.
          </p>
        ) : (
          <p>
            <strong>{edit.file}</strong> on disk is not valid
            {edit.problem !== null && (
              <>
                , line {edit.problem.line}: {edit.problem.field !== '' && <code>{edit.problem.field}</code>}{' '}
                {edit.problem.message}
              </>
            )}
            . The last good version stays in force until you mend it, or reject the edit.
          </p>
        )}
        <Fields edit={edit} />
        {edit.saved !== null && path !== undefined && (
          <CommandLine command={`git -C ${path} show ${edit.saved.slice(0, 12)}:${edit.file}`} />
        )}
      </section>
    </Banner>
  );
}

function Fields({ edit }: { readonly edit: ExternalEdit }) {
  const rows = edit.fields.map(({ key, before, after }) => ({ field: key, values: [before, after] }));
  return <FieldValues heads={['In force', 'Written by hand']} rows={rows} />;
}

function ConflictBanner({ conflict: { file, conflicts, taken, at } }: { readonly conflict: EditConflict }) {
  return (
    <Banner tone="blue">
      A hand edit of <strong>{file}</strong> and a write changed the same key <RelativeTime at={at} />:{' '}
      {conflicts.map(({ key }) => key).join(', ')}. The {taken === 'theirs' ? 'hand edit' : 'write'}, which was later,
      has it; both are in git.
    </Banner>
  );
}
