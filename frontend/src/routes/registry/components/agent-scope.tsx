import { useAgents } from '../../../lib/queries.js';

/** Everything, which is '', or one agent. */
export function AgentScope({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (agent_id: string) => void;
}) {
  const agents = useAgents().data;
  return (
    <select className="select" aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">everything</option>
      {agents?.map(({ id, name }) => (
        <option key={id} value={id}>
          only {name}
        </option>
      ))}
    </select>
  );
}
