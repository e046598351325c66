import { DelegationType, type Task } from '@contracts/task.js';
import { InputText } from 'primereact/inputtext';
import { InputTextarea } from 'primereact/inputtextarea';
import { type FormEvent, useState } from 'react';
import { Field } from '../../../components/field.js';
import { FormDialog } from '../../../components/form-dialog.js';
import { useFormProblems } from '../../../lib/form-problems.js';
import { useAgents } from '../../../lib/queries.js';
import { useDelegate } from '../queries.js';

const TYPES: Readonly<Record<DelegationType, string>> = {
  request: 'a part; this one waits for it',
  collaboration: 'a part; this one goes on meanwhile',
  assignment: 'the whole of it',
};

/** Asks to whom a task, or which part of it, is given. */
export function DelegateDialog({ task, onClose }: { readonly task: Task; readonly onClose: () => void }) {
  const others = (useAgents().data ?? []).filter(({ id }) => id !== task.agent_id);
  const [draft, setDraft] = useState({ to_agent: '', type: 'request' as DelegationType, title: '', description: '' });
  const [ask, setAsk] = useState(false);
  const { problems, general, begin, fail } = useFormProblems();
  const delegate = useDelegate(task.id);
  const { type } = draft;
  const to_agent = draft.to_agent === '' ? (others[0]?.id ?? '') : draft.to_agent;
  const set = (name: keyof typeof draft) => (event: { target: { value: string } }) =>
    setDraft((before) => ({ ...before, [name]: event.target.value }));
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    begin();
    const part = type === 'assignment' ? {} : { title: draft.title, description: draft.description };
    try {
      await delegate.mutateAsync({ to_agent, delegation_type: type, requires_approval: ask, ...part });
      onClose();
    } catch (error) {
      fail(error);
    }
  };
  return (
    <FormDialog
      id="delegate-task"
      header={`Delegate ${task.title}`}
      problem={general}
      nothing_done="Nothing was delegated"
      submit={{ label: 'Delegate', busy: 'Delegating…', disabled: others.length === 0 }}
      is_pending={delegate.isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <Field
        label="To"
        error={problems['to_agent']}
        hint={others.length === 0 ? 'There is no other agent.' : `Now it is a task of ${task.agent_id}.`}
      >
        {(control) => (
          <select {...control} className="select" value={to_agent} onChange={set('to_agent')}>
            {others.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="What" error={problems['delegation_type']}>
        {(control) => (
          <select {...control} className="select" value={type} onChange={set('type')}>
            {DelegationType.options.map((each) => (
              <option key={each} value={each}>
                {TYPES[each]}
              </option>
            ))}
          </select>
        )}
      </Field>
      {type !== 'assignment' && (
        <>
          <Field label="Title of the part" error={problems['title']} wide>
            {(control) => <InputText {...control} autoFocus value={draft.title} onChange={set('title')} />}
          </Field>
          <Field label="Description" error={problems['description']} wide>
            {(control) => (
              <InputTextarea {...control} rows={3} value={draft.description} onChange={set('description')} />
            )}
          </Field>
        </>
      )}
      <label className="checkbox">
        <input type="checkbox" checked={ask} onChange={(event) => setAsk(event.target.checked)} /> a person has to agree
        first
      </label>
    </FormDialog>
  );
}
