import { type FormEvent, useState } from 'react';
import { Field } from '../../../components/field.js';
import { FormDialog } from '../../../components/form-dialog.js';
import { useFormProblems } from '../../../lib/form-problems.js';
import { useAgents } from '../../../lib/queries.js';
import { useCreateTask } from '../queries.js';
import { EMPTY, TaskFields, wordsOf } from './task-fields.js';

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
  const { problems, general, begin, fail } = useFormProblems();
  const create = useCreateTask();
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    begin();
    try {
      await create.mutateAsync({ agent_id: draft.agent_id, ...wordsOf(draft) });
      onClose();
    } catch (error) {
      fail(error);
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
          <select
            {...control}
            className="select"
            value={draft.agent_id}
            onChange={(event) => setDraft((before) => ({ ...before, agent_id: event.target.value }))}
          >
            {agents.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <TaskFields draft={draft} problems={problems} onChange={setDraft} />
    </FormDialog>
  );
}
