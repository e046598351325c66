import type { ImportResult } from '@contracts/registry-transfer.js';
import { ExactText } from '../../../components/exact-text.js';
import { Banner } from '../../../components/states.js';
import { FieldValues } from './field-values.js';
import { ObjectChanges } from './object-changes.js';
import { Steps } from './steps.js';

type Side = 'ours' | 'theirs';

interface ImportPlanProps {
  readonly plan: ImportResult;
  /** For what both sides have, each in its own way. */
  readonly prefer: Side | undefined;
  readonly onPrefer: (side: Side | undefined) => void;
  readonly accept: boolean;
  readonly onAccept: (accept: boolean) => void;
}

/** What an import would do, and what of it a person has to decide. */
export function ImportPlan({ plan, prefer, onPrefer, accept, onAccept }: ImportPlanProps) {
  const { conflicts, security } = plan;
  return (
    <>
      {(conflicts.length > 0 || prefer !== undefined) && (
        <Banner tone={conflicts.length > 0 ? 'amber' : 'blue'} icon="warning">
          <section aria-label="Conflicts" className="stack">
            <label className="row-wrap">
              Both sides have these, each in its own way. Take
              <select
                className="select"
                aria-label="Which side to take"
                value={prefer ?? ''}
                onChange={(event) => onPrefer(sideOf(event.target.value))}
              >
                <option value="">— choose —</option>
                <option value="ours">what is here</option>
                <option value="theirs">what is imported</option>
              </select>
            </label>
            <FieldValues
              heads={['Here', 'Imported']}
              rows={conflicts.map(({ file, key, ours, theirs }) => ({
                field: `${file}: ${key}`,
                values: [ours, theirs],
              }))}
            />
          </section>
        </Banner>
      )}
      {security.length > 0 && (
        <Banner tone="amber" icon="warning">
          <section aria-label="What needs your word" className="stack">
            <p>These decide what agents may do or what Nox runs for them.</p>
            <FieldValues
              heads={['Now', 'After']}
              rows={security.map(({ file, key, before, after }) => ({
                field: `${file}: ${key}`,
                values: [before, after],
              }))}
            />
            <label className="row">
              <input type="checkbox" checked={accept} onChange={(event) => onAccept(event.target.checked)} /> I have
              looked at them and accept them
            </label>
          </section>
        </Banner>
      )}
      {conflicts.length > 0 ? (
        <p className="muted">Choose a side to see what would change.</p>
      ) : (
        <Changes plan={plan} />
      )}
    </>
  );
}

function Changes({ plan: { objects, tasks, unknown_keys, reconciled } }: { readonly plan: ImportResult }) {
  return (
    <>
      <Steps steps={reconciled} title="In the live system" none="No running agent is touched." />
      <div>
        <h3 className="field-label">In the registry</h3>
        <ObjectChanges objects={objects} none="No configuration changes." />
      </div>
      {tasks.length > 0 && (
        <div>
          <h3 className="field-label">Tasks</h3>
          <ul className="steps">
            {tasks.map(({ agent_id, title, change }) => (
              <li key={`${agent_id} ${title}`} className="row-wrap">
                <strong>{agent_id}</strong>
                <span>
                  <ExactText text={title} />
                </span>
                <span className="muted">{change}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
      {unknown_keys.length > 0 && (
        <p className="muted">Kept, though Nox does not know them: {unknown_keys.join(', ')}</p>
      )}
    </>
  );
}

const sideOf = (value: string): Side | undefined => (value === 'ours' || value === 'theirs' ? value : undefined);
