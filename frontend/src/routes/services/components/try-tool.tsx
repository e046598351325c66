import type { ToolInfo } from '@contracts/service.js';
import { Button } from 'primereact/button';
import { InputText } from 'primereact/inputtext';
import { InputTextarea } from 'primereact/inputtextarea';
import { type FormEvent, useState } from 'react';
import { CommandLine } from '../../../components/copy-button.js';
import { ConfirmDialog } from '../../../components/confirm-dialog.js';
import { ExactText } from '../../../components/exact-text.js';
import { Field } from '../../../components/field.js';
import { StateTag } from '../../../components/status-badge.js';
import { messageOf } from '../../../lib/http.js';
import { useCallTool } from '../queries.js';
import { fieldsOf, inputFrom, objectFrom, type ToolField } from '../schema-form.js';

/** Calls a tool by hand. What it takes is asked for by its schema; the exact call is shown and approved before it runs. */
export function TryTool({ service, tool }: { readonly service: string; readonly tool: ToolInfo }) {
  const fields = fieldsOf(tool.input_schema);
  const [values, setValues] = useState<Record<string, string>>(() =>
    Object.fromEntries((fields ?? []).map(({ name, initial }) => [name, initial])),
  );
  const [raw, setRaw] = useState('{}');
  const [problems, setProblems] = useState<Record<string, string>>({});
  const [asked, setAsked] = useState<Record<string, unknown>>();
  const callTool = useCallTool(service);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (fields === undefined) {
      const input = objectFrom(raw);
      setProblems(input === undefined ? { raw: 'must be a JSON object, as {"text": "hello"}' } : {});
      setAsked(input);
      return;
    }
    const { input, problems: found } = inputFrom(fields, values);
    setProblems(found ?? {});
    setAsked(input);
  };
  const json = JSON.stringify(asked ?? {});
  return (
    <form className="stack try-tool" noValidate onSubmit={submit} aria-label={`Try ${tool.name}`}>
      {fields === undefined ? (
        <Field label="Input as JSON" error={problems['raw']}>
          {(control) => (
            <InputTextarea
              {...control}
              rows={3}
              className="mono"
              value={raw}
              onChange={(event) => setRaw(event.target.value)}
            />
          )}
        </Field>
      ) : (
        <div className="form-grid">
          {fields.map((field) => (
            <Ask
              key={field.name}
              field={field}
              value={values[field.name] ?? ''}
              problem={problems[field.name]}
              onChange={(value) => setValues((before) => ({ ...before, [field.name]: value }))}
            />
          ))}
        </div>
      )}
      <div className="row-wrap">
        <Button type="submit" size="small" outlined label="Try it…" disabled={callTool.isPending} />
        <span className="muted">It runs as you, and is audited like a call of an agent.</span>
      </div>
      {callTool.isError && <p className="field-error">{messageOf(callTool.error)}</p>}
      {callTool.data !== undefined && <Answer reply={callTool.data} />}
      <ConfirmDialog
        visible={asked !== undefined}
        danger={false}
        title={`Call ${tool.name} of ${service}?`}
        confirmLabel="Call"
        onClose={() => setAsked(undefined)}
        onConfirm={() => callTool.mutateAsync({ tool: tool.name, input: asked ?? {} })}
      >
        <p>
          {tool.allowed ? '' : 'Agents may not call this tool. '}What it does with this input cannot be undone here:
        </p>
        <pre className="code code-wrap" tabIndex={0}>
          <ExactText text={JSON.stringify(asked ?? {}, null, 2)} />
        </pre>
        <CommandLine command={`nox mcp call ${service} ${tool.name} '${json.replaceAll("'", `'\\''`)}'`} />
      </ConfirmDialog>
    </form>
  );
}

function Ask({
  field,
  value,
  problem,
  onChange,
}: {
  readonly field: ToolField;
  readonly value: string;
  readonly problem: string | undefined;
  readonly onChange: (value: string) => void;
}) {
  const { name, kind, required, description, options } = field;
  const set = (event: { target: { value: string } }): void => onChange(event.target.value);
  return (
    <Field
      label={`${name}${required ? '' : ' (optional)'}`}
      error={problem}
      hint={<ExactText text={description} />}
      wide={kind === 'json'}
    >
      {(control) =>
        kind === 'choice' || kind === 'boolean' ? (
          <select {...control} className="select select-wide" value={value} onChange={set}>
            <option value="">{required ? 'Choose…' : 'left out'}</option>
            {(kind === 'boolean' ? ['true', 'false'] : options).map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        ) : kind === 'json' ? (
          <InputTextarea {...control} rows={2} className="mono" placeholder="JSON" value={value} onChange={set} />
        ) : (
          <InputText
            {...control}
            value={value}
            {...(kind === 'number' && { inputMode: 'decimal' as const })}
            onChange={set}
          />
        )
      }
    </Field>
  );
}

interface Reply {
  readonly is_error: boolean;
  readonly content: readonly unknown[];
  readonly duration_ms: number;
}

/** What came back, as it is: tools are as hostile as agents. */
function Answer({ reply }: { readonly reply: Reply }) {
  return (
    <section className="stack" aria-label="Answer">
      <p className="row-wrap">
        <StateTag
          look={
            reply.is_error
              ? { word: 'error', sign: 'cross', colour: 'red' }
              : { word: 'answered', sign: 'check', colour: 'green' }
          }
        />
        <span className="muted num">in {Math.round(reply.duration_ms)} ms</span>
      </p>
      {reply.content.map((part, i) => (
        <pre key={i} className="code code-wrap answer" tabIndex={0}>
          <ExactText text={textOf(part)} />
        </pre>
      ))}
    </section>
  );
}

const textOf = (part: unknown): string =>
  typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string'
    ? part.text
    : JSON.stringify(part, null, 2);
