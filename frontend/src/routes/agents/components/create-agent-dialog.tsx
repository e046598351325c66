import { type FormEvent, useState } from 'react';
import { useNavigate } from 'react-router';
import { AgentFields } from '../../../components/agent-form.js';
import { FormDialog } from '../../../components/form-dialog.js';
import { type AgentDraft, createRequest, EMPTY_DRAFT, idFrom } from '../../../lib/agent-form.js';
import { useFormProblems } from '../../../lib/form-problems.js';
import { messageOf, statusOf } from '../../../lib/http.js';
import { useCreateAgent } from '../queries.js';

/** Asks for a new agent and goes to its page. */
export function CreateAgentDialog({ visible, onClose }: { readonly visible: boolean; readonly onClose: () => void }) {
  const [draft, setDraft] = useState<AgentDraft>(EMPTY_DRAFT);
  const { problems, general, begin, fail } = useFormProblems();
  const create = useCreateAgent();
  const navigate = useNavigate();

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const request = createRequest(draft);
    begin(request.problems);
    if (request.body === undefined) return;
    try {
      const agent = await create.mutateAsync(request.body);
      setDraft(EMPTY_DRAFT);
      void navigate(`/agents/${agent.id}`);
    } catch (error) {
      fail(error, statusOf(error) === 409 ? { id: messageOf(error) } : undefined);
    }
  };

  return (
    <FormDialog
      id="create-agent"
      header="Create agent"
      visible={visible}
      problem={general}
      nothing_done="Nothing was created"
      submit={{ label: 'Create', busy: 'Creating…' }}
      is_pending={create.isPending}
      aside={
        <label className="checkbox grow">
          <input
            type="checkbox"
            checked={draft.start}
            onChange={(event) => setDraft({ ...draft, start: event.target.checked })}
          />
          Start it at once
        </label>
      }
      onSubmit={submit}
      onClose={onClose}
    >
      <AgentFields
        creating
        draft={draft}
        problems={problems}
        onChange={(change) => setDraft((before) => ({ ...before, ...change }))}
      />
      {draft.id === '' && idFrom(draft.name) !== '' && (
        <p className="field-hint">
          Its id will be like <code>{idFrom(draft.name)}</code>.
        </p>
      )}
    </FormDialog>
  );
}
