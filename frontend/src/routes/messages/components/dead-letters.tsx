import type { Message } from '@contracts/message.js';
import { Button } from 'primereact/button';
import { useState } from 'react';
import { Link } from 'react-router';
import { CommandHint } from '../../../components/command-hint.js';
import { ConfirmDialog } from '../../../components/confirm-dialog.js';
import { ExactText } from '../../../components/exact-text.js';
import { EmptyState, ErrorState, SkeletonRows } from '../../../components/states.js';
import { RelativeTime } from '../../../components/time.js';
import { plural, withClockTimes } from '../../../lib/format.js';
import { useCan } from '../../../lib/session.js';
import { nameOf } from '../look.js';
import { useMessages, useRetry } from '../queries.js';
import { Arrow } from './message-list.js';
import { PriorityBar } from './signs.js';

/** Messages that were given up: why, and another try. */
export function DeadLetters({ names }: { readonly names: ReadonlyMap<string, string> }) {
  const { messages, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useMessages({ status: 'dead' });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState(false);
  const retry = useRetry();
  const mayOperate = useCan('operator');
  if (messages === undefined) {
    return error === null ? (
      <SkeletonRows rows={5} height="44px" />
    ) : (
      <ErrorState title="The dead letters could not be loaded" error={error} retry={() => void refetch()} />
    );
  }
  if (messages.length === 0) {
    return (
      <EmptyState icon="check" title="No dead letters" command="nox message ls --dead">
        A message that could not be handed over in five tries is kept here, until a person sends it again.
      </EmptyState>
    );
  }
  // One that has gone meanwhile is chosen no longer.
  const picked = messages.filter(({ id }) => chosen.has(id));
  const all = picked.length === messages.length;
  const choose = (id: string): void =>
    setChosen((before) =>
      before.has(id) ? new Set([...before].filter((each) => each !== id)) : new Set([...before, id]),
    );
  return (
    <section className="card" aria-labelledby="dead-title">
      <div className="card-head">
        <h2 id="dead-title">Dead letters</h2>
        <CommandHint commands={['nox message ls --dead', `nox message retry ${messages[0]?.id ?? 'ID'}`]} />
        {mayOperate && (
          <Button
            type="button"
            size="small"
            label={picked.length === 0 ? 'Send again…' : `Send ${picked.length} again…`}
            disabled={picked.length === 0 || retry.isPending}
            onClick={() => setAsked(true)}
          />
        )}
      </div>
      <div className="table-scroll">
        <table className="table dead-table">
          <thead>
            <tr>
              {mayOperate && (
                <th>
                  <input
                    type="checkbox"
                    aria-label="Choose all"
                    checked={all}
                    onChange={() => setChosen(all ? new Set() : new Set(messages.map(({ id }) => id)))}
                  />
                </th>
              )}
              <th>From and to</th>
              <th>Message</th>
              <th>Why</th>
              <th>Priority</th>
              <th>Given up</th>
            </tr>
          </thead>
          <tbody>
            {messages.map((message) => (
              <DeadRow
                key={message.id}
                message={message}
                names={names}
                chosen={chosen.has(message.id)}
                onChoose={mayOperate ? choose : undefined}
              />
            ))}
          </tbody>
        </table>
      </div>
      {hasNextPage && (
        <Button
          type="button"
          text
          label={isFetchingNextPage ? 'Loading…' : 'Show older'}
          disabled={isFetchingNextPage}
          onClick={() => void fetchNextPage()}
        />
      )}
      <ConfirmDialog
        visible={asked}
        danger={false}
        title={`Send ${plural(picked.length, 'dead message')} again?`}
        confirmLabel="Send again"
        onClose={() => setAsked(false)}
        onConfirm={async () => {
          await retry.mutateAsync(picked);
          setChosen(new Set());
        }}
      >
        <p>
          {picked.length === 1 ? 'It gets' : 'Each gets'} five new tries. An agent that had read{' '}
          {picked.length === 1 ? 'it' : 'one'} in part before it died reads it once more.
        </p>
        <ul className="confirm-list">
          {picked.slice(0, 8).map((message) => (
            <li key={message.id} className="truncate">
              {nameOf(message.to, names)}: <ExactText text={message.content.slice(0, 80)} />
            </li>
          ))}
          {picked.length > 8 && <li className="muted">and {picked.length - 8} more</li>}
        </ul>
      </ConfirmDialog>
    </section>
  );
}

function DeadRow({
  message,
  names,
  chosen,
  onChoose,
}: {
  readonly message: Message;
  readonly names: ReadonlyMap<string, string>;
  readonly chosen: boolean;
  readonly onChoose: ((id: string) => void) | undefined;
}) {
  return (
    <tr>
      {onChoose !== undefined && (
        <td>
          <input
            type="checkbox"
            aria-label={`Choose the message to ${nameOf(message.to, names)}: ${message.content.slice(0, 40)}`}
            checked={chosen}
            onChange={() => onChoose(message.id)}
          />
        </td>
      )}
      <td className="nowrap">
        {nameOf(message.from, names)} <Arrow /> {nameOf(message.to, names)}
      </td>
      <td className="dead-text">
        <Link to={`/messages/${message.thread_id}#${message.id}`}>
          <ExactText text={message.content.slice(0, 160)} />
        </Link>
      </td>
      <td className="dead-text">
        <ExactText text={withClockTimes(message.reason ?? 'no reason was given')} />
      </td>
      <td>
        <PriorityBar priority={message.priority} />
      </td>
      <td className="muted nowrap">{message.ended_at !== null && <RelativeTime at={message.ended_at} />}</td>
    </tr>
  );
}
