import type { Agent } from '@contracts/agent.js';
import { Button } from 'primereact/button';
import { type FormEvent, useState } from 'react';
import { Link, useOutletContext } from 'react-router';
import { AgentFields } from '../../../components/agent-form.js';
import { CommandHint } from '../../../components/command-hint.js';
import { Banner } from '../../../components/states.js';
import { RelativeTime } from '../../../components/time.js';
import { draftOf, updateRequest } from '../../../lib/agent-form.js';
import { useFormProblems } from '../../../lib/form-problems.js';
import { notify } from '../../../lib/notify.js';
import { useCan } from '../../../lib/session.js';
import { useUpdateAgent } from '../queries.js';
import { Permissions } from './permissions.js';
import { Relations } from './relations.js';

/** What the agent should be, as it stands in the registry; saving makes one commit. */
export function Configuration() {
  const agent = useOutletContext<Agent>();
  const [base, setBase] = useState(agent);
  const [draft, setDraft] = useState(() => draftOf(agent));
  const { problems, general, begin, fail } = useFormProblems();
  const update = useUpdateAgent(agent.id);
  const mayOperate = useCan('operator');
  const dirty = JSON.stringify(draft) !== JSON.stringify(draftOf(base));

  const take = (newest: Agent): void => {
    setBase(newest);
    setDraft(draftOf(newest));
    begin();
  };
  // Changed by another while it is only read here: show the newest at once. What is being typed is never overwritten.
  if (agent.last_modified !== base.last_modified && !dirty) take(agent);

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const request = updateRequest(draft, base);
    begin(request.problems);
    if (request.body === undefined) return;
    try {
      take(await update.mutateAsync(request.body));
      notify.success(
        `${agent.name} was changed`,
        agent.process_state === 'running' ? 'It restarts if what it runs with has changed.' : undefined,
      );
    } catch (error) {
      fail(error);
    }
  };
  return (
    <div className="stack configuration">
      <form className="stack" noValidate onSubmit={(event) => void submit(event)}>
        <div className="row-wrap">
          <p className="muted grow">
            Last changed <RelativeTime at={agent.last_modified} /> ·{' '}
            <Link to={`/registry?object=agent:${agent.id}`}>History of this agent</Link>
          </p>
          <CommandHint
            commands={[`nox agent show ${agent.id} --json`, `nox agent edit ${agent.id} --name "${agent.name}"`]}
          />
        </div>
        {agent.last_modified !== base.last_modified && (
          <Banner
            tone="amber"
            icon="warning"
            action={<Button type="button" outlined size="small" label="Show the newest" onClick={() => take(agent)} />}
          >
            This agent was changed meanwhile. Saving changes only the fields that you have touched.
          </Banner>
        )}
        {general !== undefined && (
          <Banner tone="red" icon="warning">
            {general} Nothing was changed; what you typed is kept.
          </Banner>
        )}
        <div className="card card-body">
          <AgentFields
            creating={false}
            disabled={!mayOperate}
            draft={draft}
            problems={problems}
            onChange={(change) => setDraft((before) => ({ ...before, ...change }))}
          />
        </div>
        <div className="row save-row">
          <Button
            type="submit"
            label={update.isPending ? 'Saving…' : 'Save'}
            disabled={!dirty || update.isPending || !mayOperate}
          />
          <Button
            type="button"
            outlined
            label="Discard changes"
            disabled={!dirty || update.isPending}
            onClick={() => take(agent)}
          />
          <span className="muted">{dirty ? 'Not saved yet' : ''}</span>
        </div>
      </form>
      <Permissions agent={agent} />
      <Relations agent={agent} />
    </div>
  );
}
