import { Button } from 'primereact/button';
import { InputText } from 'primereact/inputtext';
import { useMemo, useState } from 'react';
import { useSearchParams } from 'react-router';
import { CommandHint } from '../../components/command-hint.js';
import { Icon } from '../../components/icon.js';
import { PageHead } from '../../components/page-head.js';
import { EmptyState, ErrorState, SkeletonRows } from '../../components/states.js';
import { byUrgency, lookOf } from '../../lib/agent-state.js';
import { plural } from '../../lib/format.js';
import { useCan } from '../../lib/session.js';
import { AgentTable } from './components/agent-table.js';
import { CreateAgentDialog } from './components/create-agent-dialog.js';
import { useAgents } from './queries.js';
import './agents.css';

/** All agents, those first that need a person. */
export function AgentsPage() {
  const { data: agents, error, refetch } = useAgents();
  const [params, setParams] = useSearchParams();
  const [filter, setFilter] = useState('');
  const mayCreate = useCan('operator');
  const status = params.get('status') ?? '';
  const creating = mayCreate && params.has('create');

  const shown = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    return (agents ?? [])
      .filter((agent) => status === '' || agent.status === status)
      .filter((agent) => {
        const text = `${agent.name} ${agent.id} ${agent.capabilities.join(' ')} ${agent.model ?? ''}`.toLowerCase();
        return words.every((word) => text.includes(word));
      })
      .sort(byUrgency);
  }, [agents, filter, status]);
  const states = useMemo(() => [...new Set((agents ?? []).map((agent) => agent.status))].sort(), [agents]);

  const change = (name: string, value: string | undefined): void => {
    setParams(
      (before) => {
        if (value === undefined) before.delete(name);
        else before.set(name, value);
        return before;
      },
      { replace: true },
    );
  };
  const create = (
    <Button
      type="button"
      icon={<Icon name="plus" />}
      label="Create agent"
      disabled={!mayCreate}
      title={mayCreate ? undefined : 'Your role does not allow this'}
      onClick={() => change('create', '')}
    />
  );

  return (
    <div className="page">
      <PageHead
        title="Agents"
        summary={agents && summaryOf(agents.length, agents.filter((a) => a.process_state === 'running').length)}
      >
        <CommandHint commands={['nox agent ls', 'nox agent add Lead --start']} />
        {create}
      </PageHead>
      {agents !== undefined && agents.length > 0 && (
        <div className="filters">
          <InputText
            type="search"
            aria-label="Filter agents"
            placeholder="Filter by name, id, capability…"
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
          <select
            className="select"
            aria-label="Filter by state"
            value={status}
            onChange={(event) => change('status', event.target.value || undefined)}
          >
            <option value="">every state</option>
            {states.map((each) => (
              <option key={each} value={each}>
                {lookOf(each).word}
              </option>
            ))}
          </select>
        </div>
      )}
      {agents === undefined && error !== null && (
        <ErrorState
          title="The agents could not be loaded"
          error={error}
          kept="Those that run go on running."
          retry={() => void refetch()}
        />
      )}
      {agents === undefined && error === null && <SkeletonRows rows={8} height="28px" />}
      {agents?.length === 0 && (
        <EmptyState icon="agents" title="No agents yet" action={create} command="nox agent add Lead --start">
          An agent is one supervised Claude CLI process with a conversation of its own. Create the first one here or
          from a terminal.
        </EmptyState>
      )}
      {agents !== undefined && agents.length > 0 && shown.length === 0 && (
        <EmptyState
          icon="search"
          title="No agent fits this filter"
          action={
            <Button
              type="button"
              outlined
              label="Show all"
              onClick={() => {
                setFilter('');
                change('status', undefined);
              }}
            />
          }
        />
      )}
      {shown.length > 0 && <AgentTable agents={shown} />}
      <CreateAgentDialog visible={creating} onClose={() => change('create', undefined)} />
    </div>
  );
}

const summaryOf = (total: number, running: number): string =>
  total === 0 ? 'None yet' : `${plural(total, 'agent')}, ${running} with a live process`;
