import type { Agent } from '@contracts/agent.js';
import { useMemo } from 'react';
import { Link, useOutletContext } from 'react-router';
import { CommandHint } from '../../../components/command-hint.js';
import { useAgents } from '../../../lib/queries.js';
import { Inbox } from '../../messages/components/inbox.js';
import '../../messages/messages.css';

/** What was written to and by the agent. */
export function AgentMessages() {
  const agent = useOutletContext<Agent>();
  const agents = useAgents().data;
  const names = useMemo(() => new Map(agents?.map(({ id, name }) => [id, name])), [agents]);
  const filter = useMemo(() => ({ agent_id: agent.id }), [agent.id]);
  return (
    <div className="agent-tab">
      <div className="row-wrap">
        <p className="muted grow">What was written to and by {agent.name}, newest first.</p>
        <CommandHint commands={[`nox message ls --agent ${agent.id}`, `nox message send ${agent.id} "…"`]} />
        <Link to={`/messages?agent=${agent.id}`}>Filter and write</Link>
      </div>
      <Inbox filter={filter} grouped={false} names={names} selected={undefined} search={`?agent=${agent.id}`} />
    </div>
  );
}
