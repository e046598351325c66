import type { ObjectChange } from '@contracts/registry.js';
import { Link } from 'react-router';
import { Diff } from '../../../components/diff.js';
import { ExactText } from '../../../components/exact-text.js';
import { StateTag } from '../../../components/status-badge.js';
import type { StateLook } from '../../../lib/agent-state.js';
import { inline } from '../../../lib/format.js';
import { lineDiff } from '../../../lib/line-diff.js';

const LOOK: Record<ObjectChange['change'], StateLook> = {
  added: { word: 'added', sign: 'check', colour: 'green' },
  removed: { word: 'removed', sign: 'cross', colour: 'red' },
  changed: { word: 'changed', sign: 'ring', colour: 'blue' },
};

/** What changed, object by object and field by field. */
export function ObjectChanges({ objects, none }: { readonly objects: readonly ObjectChange[]; readonly none: string }) {
  if (objects.length === 0) return <p className="muted">{none}</p>;
  return (
    <ul className="stack">
      {objects.map((object) => (
        <li key={`${object.kind} ${object.id}`} className="object-change">
          <div className="row-wrap">
            <StateTag look={LOOK[object.change]} />
            <span className="muted">{object.kind}</span>
            {object.kind === 'agent' ? (
              <Link to={`/agents/${object.id}`}>
                <strong>{object.id}</strong>
              </Link>
            ) : (
              <strong>{object.id}</strong>
            )}
          </div>
          {object.fields.length > 0 && (
            <dl className="field-changes">
              {object.fields.map(({ field, before, after }) => (
                <FieldChange key={field} field={field} before={before} after={after} />
              ))}
            </dl>
          )}
        </li>
      ))}
    </ul>
  );
}

interface FieldChangeProps {
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** An absent value has no lines. */
const text = (value: unknown): string => (value === null || value === undefined ? '' : inline(value));

function FieldChange({ field, before, after }: FieldChangeProps) {
  const long = [before, after].some(
    (value) => typeof value === 'string' && (value.includes('\n') || value.length > 100),
  );
  return (
    <>
      <dt className="mono">{field}</dt>
      <dd>
        {long ? (
          <Diff lines={lineDiff(text(before), text(after))} label={`Change of ${field}`} />
        ) : (
          <span className="mono field-change">
            {before !== null && before !== undefined && (
              <del>
                <ExactText text={inline(before)} />
              </del>
            )}
            {after !== null && after !== undefined && (
              <ins>
                <ExactText text={inline(after)} />
              </ins>
            )}
          </span>
        )}
      </dd>
    </>
  );
}
