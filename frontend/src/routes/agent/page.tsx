import type { Agent } from '@contracts/agent.js';
import { useEffect, useRef } from 'react';
import { NavLink, Outlet, useLocation, useParams } from 'react-router';
import { ErrorState, SkeletonRows } from '../../components/states.js';
import { useAgent } from '../../lib/queries.js';
import { AgentHeader } from './components/agent-header.js';
import './agent.css';

/** One agent: what it is and does, and the tabs about it. */
export function AgentPage() {
  const { id = '' } = useParams();
  const { data: agent, error, missing, refetch } = useAgent(id);
  const tabs = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  useEffect(() => {
    // On a phone not all tabs have room.
    tabs.current?.querySelector('.active')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [pathname]);
  if (agent === undefined) {
    return (
      <div className="page">
        {missing && (
          <ErrorState
            title={`There is no agent with the id ${id}`}
            error="It may have been deleted. Going back in the registry brings it back with its conversation."
          />
        )}
        {!missing && error !== null && (
          <ErrorState title="The agent could not be loaded" error={error} retry={() => void refetch()} />
        )}
        {!missing && error === null && <SkeletonRows rows={8} />}
      </div>
    );
  }
  return (
    <div className="page page-fill agent-page">
      <AgentHeader agent={agent} />
      <nav className="tabs" ref={tabs} aria-label="About this agent">
        <Tab to="." end label="Conversation" />
        <Tab to="messages" label="Messages" />
        <Tab to="tasks" label="Tasks" />
        <Tab to="resources" label="Resources" />
        <Tab to="logs" label="Logs" />
        <Tab to="configuration" label="Configuration" />
      </nav>
      {/* A page of its own for each agent: nothing typed or scrolled in one is kept for another. */}
      <Outlet key={agent.id} context={agent satisfies Agent} />
    </div>
  );
}

function Tab({ to, label, end = false }: { readonly to: string; readonly label: string; readonly end?: boolean }) {
  return (
    <NavLink to={to} end={end} replace className="tab">
      {label}
    </NavLink>
  );
}
