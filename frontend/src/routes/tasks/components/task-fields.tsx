import { Priority } from '@contracts/agent.js';
import type { Task } from '@contracts/task.js';
import { InputText } from 'primereact/inputtext';
import { InputTextarea } from 'primereact/inputtextarea';
import { Field } from '../../../components/field.js';

/** What people type of a task. */
export const EMPTY = { title: '', description: '', priority: 'medium', deadline: '', accept: '' };
type Draft = typeof EMPTY;

export const draftOf = ({ title, description, priority, deadline, accept }: Task): Draft => ({
  title,
  description,
  priority,
  deadline: deadline === null ? '' : localTime(deadline),
  accept: accept.join('\n'),
});

/** As the API wants it. */
export const wordsOf = ({ title, description, priority, deadline, accept }: Draft) => ({
  title,
  description,
  priority: Priority.parse(priority),
  deadline: deadline === '' ? null : new Date(deadline).toISOString(),
  accept: accept.split('\n').filter((line) => line.trim() !== ''),
});

/** As `datetime-local` wants it. */
function localTime(iso: string): string {
  const at = new Date(iso);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function TaskFields<D extends Draft>({
  draft,
  problems,
  onChange,
}: {
  readonly draft: D;
  readonly problems: Readonly<Record<string, string>>;
  readonly onChange: (draft: D) => void;
}) {
  const set = (name: keyof Draft) => (event: { target: { value: string } }) =>
    onChange({ ...draft, [name]: event.target.value });
  return (
    <>
      <Field label="Title" error={problems['title']}>
        {(control) => <InputText {...control} autoFocus value={draft.title} onChange={set('title')} />}
      </Field>
      <Field label="Description" error={problems['description']} wide>
        {(control) => <InputTextarea {...control} rows={4} value={draft.description} onChange={set('description')} />}
      </Field>
      <Field label="Priority" error={problems['priority']}>
        {(control) => (
          <select {...control} className="select" value={draft.priority} onChange={set('priority')}>
            {Priority.options.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Deadline" error={problems['deadline']}>
        {(control) => (
          <InputText {...control} type="datetime-local" value={draft.deadline} onChange={set('deadline')} />
        )}
      </Field>
      <Field
        label="Acceptance commands"
        error={problems['accept'] ?? problems['accept.0']}
        hint="One on each line. Nox runs them in the agent’s workspace; only when all succeed the task is done."
        wide
      >
        {(control) => (
          <InputTextarea {...control} rows={2} className="mono" value={draft.accept} onChange={set('accept')} />
        )}
      </Field>
    </>
  );
}
