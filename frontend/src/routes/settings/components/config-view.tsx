import { ErrorState, SkeletonRows } from '../../../components/states.js';
import { inline } from '../../../lib/format.js';
import { useConfig } from '../queries.js';

/** The settings in force, read-only: they are changed in `system-config.toml`. */
export function ConfigView() {
  const { data: config, error, refetch } = useConfig();
  return (
    <section className="card" aria-labelledby="config-title">
      <div className="card-head">
        <h2 id="config-title">Settings in force</h2>
      </div>
      <div className="card-body">
        <p className="muted config-note">
          Changed in <code>system-config.toml</code> of the registry; each change is a commit.
        </p>
        {config === undefined && error !== null && (
          <ErrorState title="The settings could not be read" error={error} retry={() => void refetch()} />
        )}
        {config === undefined && error === null && <SkeletonRows rows={6} />}
        {config !== undefined &&
          sectionsOf(config).map(([name, value]) => (
            <details key={name} className="config-part">
              <summary>{name}</summary>
              <dl className="facts">
                {flat(value).map(([key, text]) => (
                  <div key={key} className="config-pair">
                    <dt className="mono">{key}</dt>
                    <dd className="mono">{text === '' ? '""' : text}</dd>
                  </div>
                ))}
              </dl>
            </details>
          ))}
      </div>
    </section>
  );
}

/** The tables of the file; what stands above them says only its version. */
const sectionsOf = (config: object): [string, unknown][] =>
  Object.entries(config).filter(([, value]) => typeof value === 'object');

/** Nested settings as dotted names. */
function flat(value: unknown, prefix = ''): [string, string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [[prefix === '' ? 'value' : prefix, inline(value)]];
  return Object.entries(value).flatMap(([key, each]) => flat(each, prefix === '' ? key : `${prefix}.${key}`));
}
