import type { CatalogueEntry } from '@contracts/service.js';
import { Button } from 'primereact/button';
import { InputText } from 'primereact/inputtext';
import { useDeferredValue, useState } from 'react';
import { Link } from 'react-router';
import { ExactText } from '../../../components/exact-text.js';
import { Banner, EmptyState, ErrorState, SkeletonRows } from '../../../components/states.js';
import { compact } from '../../../lib/format.js';
import { useCan } from '../../../lib/session.js';
import { useCatalogue } from '../queries.js';

const SOURCES = { catalogue: 'known to Nox', hub: 'Docker Hub', registry: 'MCP registry' } as const;

/** Services that can be had. What is chosen is judged before it is installed. */
export function Catalogue({ onChoose }: { readonly onChoose: (entry: CatalogueEntry | undefined) => void }) {
  const [text, setText] = useState('');
  const query = useDeferredValue(text.trim());
  const { data, error, refetch } = useCatalogue(query);
  const mayOperate = useCan('operator');
  return (
    <section className="stack" aria-label="Catalogue">
      <div className="filters">
        <InputText
          type="search"
          aria-label="Search the catalogue"
          placeholder="Search: time, github…"
          maxLength={100}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {mayOperate && <Button type="button" outlined label="Something else…" onClick={() => onChoose(undefined)} />}
      </div>
      {data !== undefined && data.offline !== null && (
        <Banner tone="grey">Only the catalogue file was asked: {data.offline}.</Banner>
      )}
      {data === undefined && error === null && <SkeletonRows rows={5} height="56px" />}
      {data === undefined && error !== null && (
        <ErrorState title="The catalogue could not be searched" error={error} retry={() => void refetch()} />
      )}
      {data?.results.length === 0 && (
        <EmptyState
          icon="services"
          title="No catalogue knows such a service"
          command="nox mcp install NAME --image IMAGE"
        >
          Any image that speaks MCP can be installed by its name, any program by its command.
        </EmptyState>
      )}
      <ul className="catalogue">
        {data?.results.map((entry) => (
          <li key={`${entry.source} ${entry.name} ${entry.image}`} className="card catalogue-entry">
            <div className="row">
              <strong className="grow truncate">
                <ExactText text={entry.title} />
              </strong>
              {entry.official && <span className="chip">official</span>}
            </div>
            <p className="muted catalogue-about">
              <ExactText text={entry.description} />
            </p>
            <p className="mono truncate catalogue-image" title={entry.image}>
              <ExactText text={entry.image} />
            </p>
            <div className="row-wrap catalogue-foot">
              <span className="muted grow">
                {SOURCES[entry.source]}
                {entry.pulls !== null && ` · ${compact(entry.pulls)} pulls`}
                {entry.env.some(({ required }) => required) && ' · needs a secret'}
              </span>
              {entry.installed ? (
                <Link to={`/services/${entry.name}`}>Installed</Link>
              ) : (
                mayOperate && (
                  <Button
                    type="button"
                    size="small"
                    outlined
                    label="Judge…"
                    aria-label={`Judge ${entry.title}`}
                    onClick={() => onChoose(entry)}
                  />
                )
              )}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
