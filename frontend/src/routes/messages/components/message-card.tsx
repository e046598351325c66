import type { Message } from '@contracts/message.js';
import { Button } from 'primereact/button';
import { memo, useState } from 'react';
import { Link } from 'react-router';
import { CopyButton } from '../../../components/copy-button.js';
import { ExactText } from '../../../components/exact-text.js';
import { Markdown } from '../../../components/markdown.js';
import { RelativeTime } from '../../../components/time.js';
import { exactTime, withClockTimes } from '../../../lib/format.js';
import { useCan } from '../../../lib/session.js';
import { nameOf, proxyOf } from '../look.js';
import { useDeliveries, useRetry, useTakeBack } from '../queries.js';
import { Arrow } from './message-list.js';
import { MessageBadge, PriorityBar, ReceiptSteps } from './signs.js';

/** Longer ones are folded. */
const LONG = 4000;

interface CardProps {
  readonly message: Message;
  readonly names: ReadonlyMap<string, string>;
  readonly onReply?: ((message: Message) => void) | undefined;
}

/** One message of a conversation, with how far it has come. */
export const MessageCard = memo(function MessageCard({ message, names, onReply }: CardProps) {
  const [whole, setWhole] = useState(false);
  const proxy = proxyOf(message);
  const text = whole ? message.content : message.content.slice(0, LONG);
  return (
    <article id={message.id} className="message-card card" aria-label={`Message from ${nameOf(message.from, names)}`}>
      <header className="message-card-head">
        <span className="row-wrap grow">
          <Party id={message.from} names={names} />
          <Arrow />
          <Party id={message.to} names={names} />
          {message.address !== message.to && (
            <span className="chip" title="As the sender wrote it">
              {message.address === '*' ? 'to all' : message.address}
            </span>
          )}
          {proxy !== undefined && <span className="muted">sent by {nameOf(proxy, names)}</span>}
        </span>
        <span className="muted">
          <RelativeTime at={message.created_at} />
        </span>
      </header>
      <div className="message-text">
        <Markdown text={text} />
        {message.content.length > LONG && (
          <button type="button" className="link-button" onClick={() => setWhole(!whole)}>
            {whole ? 'Fold' : `Show all ${message.content.length} characters`}
          </button>
        )}
      </div>
      {message.reason !== null && message.status !== 'acked' && (
        <p className="message-reason">
          <ExactText text={withClockTimes(message.reason)} />
        </p>
      )}
      <footer className="row-wrap message-foot">
        {message.status === 'queued' || message.status === 'delivered' || message.status === 'acked' ? (
          <ReceiptSteps message={message} />
        ) : (
          <MessageBadge status={message.status} />
        )}
        <PriorityBar priority={message.priority} />
        {message.message_type !== 'direct' && <span className="chip">{message.message_type.replaceAll('_', ' ')}</span>}
        {message.topic !== null && (
          <span className="chip" title="Topic">
            <ExactText text={message.topic} />
          </span>
        )}
        <span className="grow" />
        <Actions message={message} onReply={onReply} />
      </footer>
      <Details message={message} />
    </article>
  );
});

function Party({ id, names }: { readonly id: string; readonly names: ReadonlyMap<string, string> }) {
  return names.has(id) ? (
    <Link to={`/agents/${id}`} className="plain-link">
      {nameOf(id, names)}
    </Link>
  ) : (
    <strong title={id}>{nameOf(id, names)}</strong>
  );
}

function Actions({ message, onReply }: Omit<CardProps, 'names'>) {
  const retry = useRetry();
  const takeBack = useTakeBack();
  const mayOperate = useCan('operator');
  if (!mayOperate) return null;
  return (
    <span className="row">
      {message.status === 'dead' && (
        <Button
          type="button"
          size="small"
          outlined
          label="Send again"
          disabled={retry.isPending}
          onClick={() => retry.mutate([message])}
        />
      )}
      {message.status === 'queued' && (
        <Button
          type="button"
          size="small"
          outlined
          label="Take back"
          disabled={takeBack.isPending}
          onClick={() => takeBack.mutate(message.id)}
        />
      )}
      {onReply !== undefined && (
        <Button type="button" size="small" text label="Reply" onClick={() => onReply(message)} />
      )}
    </span>
  );
}

function Details({ message }: { readonly message: Message }) {
  const [open, setOpen] = useState(false);
  const { data, error } = useDeliveries(message, open);
  return (
    <details className="message-details" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Delivery{message.attempt > 1 && <span className="message-attempts"> · {message.attempt} attempts</span>}
      </summary>
      <dl className="facts">
        <dt>Message</dt>
        <dd className="row">
          <code className="truncate">{message.id}</code>
          <CopyButton text={`${location.origin}/messages/${message.id}`} label="Copy link to this message" />
        </dd>
        <dt>Sent by</dt>
        <dd>{message.sent_by}</dd>
        {message.reply_to !== null && (
          <>
            <dt>Answers</dt>
            <dd>
              <a href={`#${message.reply_to}`} className="mono">
                {message.reply_to}
              </a>
            </dd>
          </>
        )}
        <dt>Useless after</dt>
        <dd>{exactTime(message.expires_at)}</dd>
        {message.deliver_after !== null && (
          <>
            <dt>Not before</dt>
            <dd>{exactTime(message.deliver_after)}</dd>
          </>
        )}
        {message.turn_id !== null && (
          <>
            <dt>Read in</dt>
            <dd>
              <Link to={`/agents/${message.to}`}>the turn</Link> <code>{message.turn_id}</code>
            </dd>
          </>
        )}
      </dl>
      {error !== null && <p className="field-error">The attempts could not be loaded.</p>}
      {data?.length === 0 && <p className="muted">Not handed to the agent yet.</p>}
      {data !== undefined && data.length > 0 && (
        <ol className="attempts">
          {data.map((attempt) => (
            <li key={`${attempt.attempt} ${attempt.started_at}`}>
              <span className="num">Attempt {attempt.attempt}</span>: {attempt.outcome}
              {attempt.reason !== null && `, ${withClockTimes(attempt.reason)}`}{' '}
              <span className="muted">
                <RelativeTime at={attempt.started_at} />
              </span>
            </li>
          ))}
        </ol>
      )}
    </details>
  );
}
