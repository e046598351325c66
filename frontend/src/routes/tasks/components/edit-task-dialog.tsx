import type { Task } from '@contracts/task.js';
import { type FormEvent, useState } from 'react';
import { FormDialog } from '../../../components/form-dialog.js';
import { useFormProblems } from '../../../lib/form-problems.js';
import { useUpdateTask } from '../queries.js';
import { draftOf, TaskFields, wordsOf } from './task-fields.js';

/** Changes what a task says. */
export function EditTaskDialog({ task, onClose }: { readonly task: Task; readonly onClose: () => void }) {
  // As it was opened: the task goes on to change behind the dialog.
  const [opened] = useState(() => draftOf(task));
  const [draft, setDraft] = useState(opened);
  const { problems, general, begin, fail } = useFormProblems();
  const update = useUpdateTask(task.id);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    begin();
    const before = wordsOf(opened);
    const changed = Object.entries(wordsOf(draft)).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof typeof before]),
    );
    try {
      // What somebody else changes meanwhile stays as they want it.
      if (changed.length > 0) await update.mutateAsync(Object.fromEntries(changed));
      onClose();
    } catch (error) {
      fail(error);
    }
  };
  return (
    <FormDialog
      id="edit-task"
      header={`Edit ${task.title}`}
      problem={general}
      nothing_done="Nothing was changed"
      submit={{ label: 'Save', busy: 'Saving…' }}
      is_pending={update.isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <TaskFields draft={draft} problems={problems} onChange={setDraft} />
    </FormDialog>
  );
}
