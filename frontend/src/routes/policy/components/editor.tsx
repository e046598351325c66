import type { PolicyView } from '@contracts/policy.js';
import { Button } from 'primereact/button';
import { useEffect, useState } from 'react';
import { Diff } from '../../../components/diff.js';
import { Field } from '../../../components/field.js';
import { SkeletonRows } from '../../../components/states.js';
import { fieldProblems, messageOf, statusOf } from '../../../lib/http.js';
import { lineDiff } from '../../../lib/line-diff.js';
import { notify } from '../../../lib/notify.js';
import { useChangePolicy, useDryRun } from '../queries.js';
import { DryRun } from './dry-run.js';

const PAUSE_MS = 400;

/** The file of the policy as text: while it is written it is checked, and tried on past requests. */
export function PolicyEditor({ policy, onDone }: { readonly policy: PolicyView; readonly onDone: () => void }) {
  const [base] = useState(policy);
  const [text, setText] = useState(policy.text);
  const [tried, setTried] = useState(policy.text);
  const change = useChangePolicy();
  useEffect(() => {
    const timer = setTimeout(() => setTried(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const run = useDryRun(tried, true);
  const problem = change.error ?? run.error;
  const fields = Object.entries(fieldProblems(problem));
  const same = text === base.text;
  const save = (): void => {
    change
      .mutateAsync({ kind: 'write', text, base_version: base.version })
      .then(() => {
        notify.success('The policy is in force', 'What waits was judged anew.');
        onDone();
      })
      .catch(() => undefined); // said at the field
  };
  return (
    <section className="card" aria-labelledby="editor-title">
      <div className="card-head">
        <h2 id="editor-title">Edit the rules</h2>
        <span className="muted">version {base.version}</span>
      </div>
      <div className="card-body stack">
        <Field
          wide
          label="approval-policy.toml"
          hint="The first rule that matches decides; no match asks. Nothing critical is ever allowed by a rule."
          error={
            problem === null
              ? undefined
              : fields.length > 0
                ? fields.map(([field, message]) => `${field}: ${message}`).join('; ')
                : messageOf(problem)
          }
        >
          {(control) => (
            <textarea
              {...control}
              className="p-inputtext mono policy-text"
              rows={18}
              spellCheck={false}
              autoCapitalize="off"
              value={text}
              onChange={(event) => {
                change.reset();
                setText(event.target.value);
              }}
            />
          )}
        </Field>
        {statusOf(change.error) === 409 && (
          <p className="muted">Somebody else changed it. Copy your text, cancel, and edit again.</p>
        )}
        <div aria-live="polite">
          {run.data !== undefined && tried === text && <DryRun run={run.data.dry_run} />}
          {run.isFetching && run.data === undefined && <SkeletonRows rows={1} />}
        </div>
        {!same && <Diff lines={lineDiff(base.text, text)} label="What changes" />}
        <div className="row">
          <Button
            type="button"
            label="Put in force"
            disabled={same || change.isPending || run.error !== null || tried !== text}
            onClick={save}
          />
          <Button type="button" outlined label="Cancel" onClick={onDone} />
        </div>
      </div>
    </section>
  );
}
