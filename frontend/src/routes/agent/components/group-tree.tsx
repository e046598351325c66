import type { Agent } from '@contracts/agent.js';
import type { GroupStrategy } from '@contracts/relationship.js';
import { Link } from 'react-router';
import { StatusBadge } from '../../../components/status-badge.js';
import { groupOf, type GroupNode } from '../groups.js';
import { useAllRelations } from '../queries.js';

const WORDS: Readonly<Record<GroupStrategy, string>> = {
  one_for_one: 'one for one: who dies is restarted alone',
  one_for_all: 'one for all: when one dies, all below are restarted',
  rest_for_one: 'rest for one: who dies is restarted with those after it',
};

/** The group that the agent belongs to, with the state of each and what happens when one dies. */
export function GroupTree({ agent, agents }: { readonly agent: Agent; readonly agents: readonly Agent[] }) {
  const relations = useAllRelations().data;
  const tree = relations && groupOf(agent.id, relations);
  if (tree === undefined) return null;
  const known = new Map(agents.map((each) => [each.id, each]));
  return (
    <ul className="group-tree" aria-label="Group">
      <Branch node={tree} own={agent.id} agents={known} />
    </ul>
  );
}

function Branch({
  node,
  own,
  agents,
}: {
  readonly node: GroupNode;
  readonly own: string;
  readonly agents: ReadonlyMap<string, Agent>;
}) {
  const agent = agents.get(node.id);
  const name = agent?.name ?? node.id;
  return (
    <li>
      <span className="row-wrap group-node">
        {node.id === own ? <strong aria-current="true">{name}</strong> : <Link to={`/agents/${node.id}`}>{name}</Link>}
        {agent === undefined ? <span className="muted">is not there</span> : <StatusBadge agent={agent} />}
        {node.strategy !== undefined && <span className="muted group-strategy">{WORDS[node.strategy]}</span>}
      </span>
      {node.below.length > 0 && (
        <ul>
          {node.below.map((each) => (
            <Branch key={each.id} node={each} own={own} agents={agents} />
          ))}
        </ul>
      )}
    </li>
  );
}
