import { useState } from 'react';
import { partsOf, type RequestParts, warningsOf } from '../lib/request-input.js';
import { serviceRequestOf } from '../lib/service-request.js';
import { CopyButton } from './copy-button.js';
import { Diff } from './diff.js';
import { ExactText, ProgramChips, ShellText } from './exact-text.js';
import { Markdown } from './markdown.js';
import { ServiceRequestView } from './service-request.js';
import { Banner } from './states.js';

interface RequestInputProps {
  readonly tool_name: string;
  readonly input: unknown;
  /** Leaves out what helps only in the full view. */
  readonly compact?: boolean;
}

/** What a call would do, byte for byte: commands coloured, edits as a diff, everything else as it came. */
export function RequestInput({ tool_name, input, compact = false }: RequestInputProps) {
  const [raw, setRaw] = useState(false);
  const service = serviceRequestOf(tool_name, input);
  const parts: RequestParts = service === undefined ? partsOf(tool_name, input) : { diffs: [], rest: service.rest };
  const json = JSON.stringify(input, null, 2) ?? 'null';
  return (
    <div className="request-input">
      {warningsOf(input).map((warning) => (
        <Banner key={warning} tone="red" icon="warning">
          {warning}
        </Banner>
      ))}
      {!raw && (
        <>
          {service !== undefined && <ServiceRequestView request={service} />}
          {parts.command !== undefined && (
            <>
              <pre className="code code-wrap" aria-label="Command" tabIndex={0}>
                <ShellText command={parts.command} />
              </pre>
              {!compact && (
                <div className="row-wrap">
                  <span className="muted">Programs</span>
                  <ProgramChips command={parts.command} />
                </div>
              )}
            </>
          )}
          {parts.plan !== undefined && <Markdown text={parts.plan} />}
          {parts.path !== undefined && (
            <p className="request-path mono">
              <ExactText text={parts.path} />
            </p>
          )}
          {parts.diffs.map(({ label, lines }) => (
            <figure key={label}>
              <figcaption className="field-label">{label}</figcaption>
              <Diff lines={lines} label={label} />
            </figure>
          ))}
          {parts.rest.length > 0 && (
            <dl className="facts">
              {parts.rest.map(([key, value]) => (
                <Pair key={key} name={key} value={value} />
              ))}
            </dl>
          )}
          {parts.description !== undefined && (
            <p className="muted">
              The agent says: “
              <ExactText text={parts.description} />”
            </p>
          )}
        </>
      )}
      {raw && (
        <pre className="code code-wrap" aria-label="Exact input" tabIndex={0}>
          <ExactText text={json} />
        </pre>
      )}
      {!compact && (
        <div className="row">
          <button type="button" className="fold-button" aria-pressed={raw} onClick={() => setRaw(!raw)}>
            {raw ? 'Show it readable' : 'Show the exact JSON'}
          </button>
          <CopyButton
            text={parts.command ?? json}
            label={parts.command === undefined ? 'Copy the input' : 'Copy the command'}
          />
        </div>
      )}
    </div>
  );
}

function Pair({ name, value }: { readonly name: string; readonly value: unknown }) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return (
    <>
      <dt className="mono">{name}</dt>
      <dd>
        {text.includes('\n') ? (
          <pre className="code code-wrap">
            <ExactText text={text} />
          </pre>
        ) : (
          <span className="mono">
            <ExactText text={text} />
          </span>
        )}
      </dd>
    </>
  );
}
