import type { Agent } from '@contracts/agent.js';
import { type AddRelationship, GroupStrategy, type Relationship, RelationshipType } from '@contracts/relationship.js';
import { Button } from 'primereact/button';
import { type FormEvent, useState } from 'react';
import { Link } from 'react-router';
import { Field } from '../../../components/field.js';
import { Icon } from '../../../components/icon.js';
import { ErrorState, SkeletonRows } from '../../../components/states.js';
import { messageOf } from '../../../lib/http.js';
import { useAgents } from '../../../lib/queries.js';
import { useCan } from '../../../lib/session.js';
import { GroupTree } from './group-tree.js';
import { useRelate, useRelations, useUnrelate } from '../queries.js';

type Type = AddRelationship['type'];
type Strategy = NonNullable<AddRelationship['strategy']>;

const TYPE_WORDS: Record<Type, string> = {
  collaborator: 'is a collaborator of',
  supervisor: 'supervises',
  subordinate: 'is a subordinate of',
  peer: 'is a peer of',
};
const STRATEGY_WORDS: Record<Strategy, string> = {
  one_for_one: 'restart only that one',
  one_for_all: 'restart the whole group',
  rest_for_one: 'restart it and later ones',
};

/** Who works with this agent; each change is one commit and in force at once. */
export function Relations({ agent }: { readonly agent: Agent }) {
  const relations = useRelations(agent.id);
  const agents = useAgents().data;
  const names = new Map(agents?.map(({ id, name }) => [id, name]));
  const mayOperate = useCan('operator');
  return (
    <section className="card" aria-labelledby="relations-title">
      <div className="card-head">
        <h2 id="relations-title">Relations</h2>
      </div>
      <div className="card-body stack">
        {relations.data === undefined && relations.error !== null && (
          <ErrorState
            title="The relations could not be loaded"
            error={relations.error}
            retry={() => void relations.refetch()}
          />
        )}
        {relations.data === undefined && relations.error === null && <SkeletonRows rows={2} />}
        {relations.data?.length === 0 && (
          <p className="muted">None yet. A supervisor decides who is restarted together when one of its group dies.</p>
        )}
        <GroupTree agent={agent} agents={agents ?? []} />
        {relations.data !== undefined && relations.data.length > 0 && (
          <ul>
            {relations.data.map((relation) => (
              <Row
                key={`${relation.from} ${relation.to} ${relation.type}`}
                relation={relation}
                own={agent.id}
                names={names}
                mayOperate={mayOperate}
              />
            ))}
          </ul>
        )}
        {mayOperate && <AddForm agent={agent} names={names} />}
      </div>
    </section>
  );
}

interface RowProps {
  readonly relation: Relationship;
  readonly own: string;
  readonly names: ReadonlyMap<string, string>;
  readonly mayOperate: boolean;
}

function Row({ relation: { from, to, type, strategy }, own, names, mayOperate }: RowProps) {
  const remove = useUnrelate();
  const who = (id: string) =>
    id === own ? <strong>{names.get(id) ?? id}</strong> : <Link to={`/agents/${id}`}>{names.get(id) ?? id}</Link>;
  const words = `${names.get(from) ?? from} ${TYPE_WORDS[type]} ${names.get(to) ?? to}`;
  return (
    <li className="row relation">
      <span className="grow">
        {who(from)} {TYPE_WORDS[type]} {who(to)}
        {type === 'supervisor' && <span className="muted"> · {STRATEGY_WORDS[strategy ?? 'one_for_one']}</span>}
      </span>
      <Button
        type="button"
        text
        size="small"
        icon={<Icon name="trash" />}
        aria-label={`Remove: ${words}`}
        title={mayOperate ? 'Remove; going back in the registry brings it back' : 'Your role does not allow this'}
        disabled={!mayOperate || remove.isPending}
        onClick={() => remove.mutate({ from, to, type })}
      />
    </li>
  );
}

function AddForm({ agent, names }: { readonly agent: Agent; readonly names: ReadonlyMap<string, string> }) {
  const [type, setType] = useState<Type>('supervisor');
  const [target, setTarget] = useState('');
  const [strategy, setStrategy] = useState<Strategy>('one_for_one');
  const add = useRelate(agent.id);
  const others = [...names].filter(([id]) => id !== agent.id).toSorted((a, b) => a[1].localeCompare(b[1]));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (target === '') return;
    const body = { target_agent_id: target, type, ...(type === 'supervisor' && { strategy }) };
    add.mutate(body, { onSuccess: () => setTarget('') });
  };
  if (others.length === 0) return null;
  return (
    <form className="relation-form" onSubmit={submit}>
      <Field label={`${agent.name} …`}>
        {(control) => (
          <select
            {...control}
            className="select select-wide"
            value={type}
            onChange={(event) => setType(RelationshipType.parse(event.target.value))}
          >
            {RelationshipType.options.map((each) => (
              <option key={each} value={each}>
                {TYPE_WORDS[each]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Other agent" error={add.isError ? messageOf(add.error) : undefined}>
        {(control) => (
          <select
            {...control}
            className="select select-wide"
            value={target}
            onChange={(event) => setTarget(event.target.value)}
          >
            <option value="">Choose…</option>
            {others.map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      {type === 'supervisor' && (
        <Field label="When one dies">
          {(control) => (
            <select
              {...control}
              className="select select-wide"
              value={strategy}
              onChange={(event) => setStrategy(GroupStrategy.parse(event.target.value))}
            >
              {GroupStrategy.options.map((each) => (
                <option key={each} value={each}>
                  {STRATEGY_WORDS[each]}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      <Button type="submit" outlined size="small" label="Add relation" disabled={target === '' || add.isPending} />
    </form>
  );
}
