import type { Service, ToolInfo } from '@contracts/service.js';
import { useState } from 'react';
import { ExactText } from '../../../components/exact-text.js';
import { EmptyState, ErrorState, SkeletonRows } from '../../../components/states.js';
import { useCan } from '../../../lib/session.js';
import { useTools } from '../queries.js';
import { TryTool } from './try-tool.js';

/** What a service can do, each tool with what it takes. */
export function Tools({ service }: { readonly service: Service }) {
  const { data, error, refetch } = useTools(service);
  return (
    <section className="card" aria-labelledby="tools-title">
      <div className="card-head">
        <h2 id="tools-title">Tools</h2>
      </div>
      {data === undefined && (
        <div className="card-body">
          {error === null ? (
            <SkeletonRows rows={4} />
          ) : (
            <ErrorState title="The tools could not be loaded" error={error} retry={() => void refetch()} />
          )}
        </div>
      )}
      {data?.length === 0 && (
        <EmptyState icon="services" title="No tools">
          {service.status === 'running'
            ? 'The service runs, and offers none.'
            : 'They are known as soon as the service runs.'}
        </EmptyState>
      )}
      {data !== undefined && data.length > 0 && (
        <ul className="tool-list">
          {data.map((tool) => (
            <Tool key={tool.name} service={service} tool={tool} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Tool({ service, tool }: { readonly service: Service; readonly tool: ToolInfo }) {
  const [open, setOpen] = useState(false);
  const mayCall = useCan('admin');
  return (
    <li>
      <details className="service-tool" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <code className="service-tool-name">
            <ExactText text={tool.name} />
          </code>
          <span className="muted truncate grow">
            <ExactText text={tool.description} />
          </span>
          {!tool.allowed && <span className="chip chip-red">agents may not</span>}
        </summary>
        {open && (
          <div className="stack service-tool-body">
            {tool.description !== '' && (
              <p>
                <ExactText text={tool.description} />
              </p>
            )}
            {mayCall && service.status === 'running' && <TryTool service={service.name} tool={tool} />}
            <details>
              <summary className="muted">Schema</summary>
              <pre className="code code-wrap" tabIndex={0}>
                <ExactText text={JSON.stringify(tool.input_schema, null, 2)} />
              </pre>
            </details>
          </div>
        )}
      </details>
    </li>
  );
}
