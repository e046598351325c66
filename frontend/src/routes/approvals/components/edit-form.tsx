import { Button } from 'primereact/button';
import { InputTextarea } from 'primereact/inputtextarea';
import { type FormEvent, useState } from 'react';
import { Field } from '../../../components/field.js';
import { Banner } from '../../../components/states.js';
import { warningsOf } from '../../../lib/request-input.js';

interface EditFormProps {
  readonly input: unknown;
  readonly busy: boolean;
  readonly onApprove: (updated_input: Record<string, unknown>) => void;
  readonly onCancel: () => void;
}

/** The input, field by field: texts as they are, everything else as JSON. What is here runs instead. */
export function EditForm({ input, busy, onApprove, onCancel }: EditFormProps) {
  const fields = typeof input === 'object' && input !== null && !Array.isArray(input) ? Object.entries(input) : [];
  const [texts, setTexts] = useState<Record<string, string>>(() =>
    Object.fromEntries(
      fields.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value, null, 2)]),
    ),
  );
  const [problems, setProblems] = useState<Record<string, string>>({});
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const found: Record<string, string> = {};
    const updated: Record<string, unknown> = {};
    for (const [key, value] of fields) {
      const text = texts[key] ?? '';
      try {
        updated[key] = typeof value === 'string' ? text : JSON.parse(text);
      } catch {
        found[key] = 'is not JSON';
      }
    }
    setProblems(found);
    if (Object.keys(found).length === 0) onApprove(updated);
  };
  return (
    <form className="stack" onSubmit={submit} onKeyDown={(event) => event.key === 'Escape' && onCancel()}>
      {warningsOf(texts).map((warning) => (
        <Banner key={warning} tone="red" icon="warning">
          {warning}
        </Banner>
      ))}
      {fields.map(([key], i) => (
        <Field key={key} label={key} error={problems[key]}>
          {(control) => (
            <InputTextarea
              {...control}
              autoFocus={i === 0}
              className="mono edit-text"
              spellCheck={false}
              rows={3}
              value={texts[key] ?? ''}
              onChange={(event) => setTexts({ ...texts, [key]: event.target.value })}
            />
          )}
        </Field>
      ))}
      <div className="row-wrap">
        <Button type="submit" label="Approve as edited" disabled={busy} />
        <Button type="button" outlined label="Cancel" onClick={onCancel} />
        <span className="muted">The agent is told that its call was changed.</span>
      </div>
    </form>
  );
}
