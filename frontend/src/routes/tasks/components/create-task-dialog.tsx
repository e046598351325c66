import { Priority } from '@contracts/agent.js';
import { InputText } from 'primereact/inputtext';
import { InputTextarea } from 'primereact/inputtextarea';
import { type FormEvent, useState } from 'react';
import { Field } from '../../../components/field.js';
import { FormDialog } from '../../../components/form-dialog.js';
import { fieldProblems, messageOf } from '../../../lib/http.js';
import { useAgents } from '../../../lib/queries.js';
import { useCreateTask } from '../queries.js';

const EMPTY = { title: '', description: '', priority: 'medium', deadline: '', accept: '' };

/** Asks for a new task. */
export function CreateTaskDialog({
  agent,
  onClose,
}: {
  readonly agent: string | undefined;
  readonly onClose: () => void;
}) {
  const agents = useAgents().data ?? [];
  const [draft, setDraft] = useState({ ...EMPTY, agent_id: agent ?? agents[0]?.id ?? '' });
  const [problems, setProblems] = useState<Record<string, string>>({});
  const [general, setGeneral] = useState<string>();
  const create = useCreateTask();
  const set = (name: keyof typeof draft) => (event: { target: { value: string } }) =>
    setDraft((before) => ({ ...before, [name]: event.target.value }));
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setGeneral(undefined);
    setProblems({});
    const { deadline, accept, priority, ...rest } = draft;
    try {
      await create.mutateAsync({
        ...rest,
        priority: Priority.parse(priority),
        ...(deadline === '' ? {} : { deadline: new Date(deadline).toISOString() }),
        accept: accept.split('\n').filter((line) => line.trim() !== ''),
      });
      onClose();
    } catch (error) {
      const fields = fieldProblems(error);
      if (Object.keys(fields).length > 0) setProblems(fields);
      else setGeneral(messageOf(error));
    }
  };
  return (
    <FormDialog
      id="create-task"
      header="Add task"
      problem={general}
      nothing_done="Nothing was added"
      submit={{ label: 'Add', busy: 'Adding…' }}
      is_pending={create.isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <Field label="Agent" error={problems['agent_id']} hint="It starts by itself as soon as the agent can take it.">
        {(control) => (
          <select {...control} className="select" value={draft.agent_id} onChange={set('agent_id')}>
            {agents.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </select>
        )}
      </Field>
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
    </FormDialog>
  );
}
