import type { Agent } from '@contracts/agent.js';
import type { Service } from '@contracts/service.js';
import { Button } from 'primereact/button';
import { useState } from 'react';
import { Link } from 'react-router';
import { ConfirmDialog } from '../../../components/confirm-dialog.js';
import { Icon } from '../../../components/icon.js';
import { useCan } from '../../../lib/session.js';
import { useGive } from '../queries.js';

/** Which agents have it; giving and taking needs no restart. */
export function Users({ service, agents }: { readonly service: Service; readonly agents: readonly Agent[] }) {
  const give = useGive(service.name);
  const [chosen, setChosen] = useState('');
  const [taken, setTaken] = useState<string>();
  const mayOperate = useCan('operator');
  const names = new Map(agents.map(({ id, name }) => [id, name]));
  const others = agents.filter(({ id }) => !service.agents.includes(id));
  return (
    <section className="card" aria-labelledby="users-title">
      <div className="card-head">
        <h2 id="users-title">Agents</h2>
      </div>
      <div className="card-body stack">
        {service.agents.length === 0 && <p className="muted">No agent has it.</p>}
        <ul className="user-list">
          {service.agents.map((id) => (
            <li key={id} className="row">
              <Link to={`/agents/${id}`} className="grow truncate">
                {names.get(id) ?? id}
              </Link>
              {mayOperate && (
                <Button
                  type="button"
                  text
                  size="small"
                  icon={<Icon name="cross" size={14} />}
                  aria-label={`Take ${service.name} from ${names.get(id) ?? id}`}
                  title="Take it away"
                  disabled={give.isPending}
                  onClick={() => setTaken(id)}
                />
              )}
            </li>
          ))}
        </ul>
        {mayOperate && others.length > 0 && (
          <form
            className="row"
            onSubmit={(event) => {
              event.preventDefault();
              if (chosen !== '') give.mutate({ agent_id: chosen, give: true }, { onSuccess: () => setChosen('') });
            }}
          >
            <select
              className="select grow"
              aria-label="Give it to"
              value={chosen}
              onChange={(event) => setChosen(event.target.value)}
            >
              <option value="">Give it to…</option>
              {others.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
            <Button type="submit" outlined size="small" label="Give" disabled={chosen === '' || give.isPending} />
          </form>
        )}
      </div>
      <ConfirmDialog
        visible={taken !== undefined}
        title={`Take ${service.name} from ${names.get(taken ?? '') ?? taken ?? ''}?`}
        confirmLabel="Take away"
        onClose={() => setTaken(undefined)}
        onConfirm={() => give.mutateAsync({ agent_id: taken ?? '', give: false })}
      >
        <p>It loses the tools of {service.name} at once, also in the middle of a turn. It can be given back.</p>
      </ConfirmDialog>
    </section>
  );
}
