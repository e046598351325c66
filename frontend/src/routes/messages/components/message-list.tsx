import type { Message } from '@contracts/message.js';
import { memo } from 'react';
import { Link } from 'react-router';
import { ExactText } from '../../../components/exact-text.js';
import { Icon } from '../../../components/icon.js';
import { RelativeTime } from '../../../components/time.js';
import { plural } from '../../../lib/format.js';
import { nameOf } from '../look.js';
import type { ThreadLine } from '../threads.js';
import { MessageBadge, PriorityBar } from './signs.js';

const SNIPPET = 160;
const snippet = (text: string): string =>
  text
    .slice(0, SNIPPET * 2)
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, SNIPPET);

interface RowProps {
  readonly message: Message;
  readonly names: ReadonlyMap<string, string>;
  readonly current: boolean;
  readonly search: string;
}

/** One message in a line or two. */
export const MessageRow = memo(function MessageRow({ message, names, current, search }: RowProps) {
  return (
    <li className="message-slot">
      <Link
        to={`/messages/${message.thread_id}${search}#${message.id}`}
        className="message-row"
        aria-current={current ? 'true' : undefined}
      >
        <span className="row">
          <span className="grow truncate">
            <strong>{nameOf(message.from, names)}</strong> <Arrow /> <strong>{nameOf(message.to, names)}</strong>
          </span>
          <span className="message-age muted">
            <RelativeTime at={message.created_at} />
          </span>
        </span>
        <span className="message-snippet muted truncate">
          <ExactText text={snippet(message.content)} />
        </span>
        <span className="row message-facts">
          <PriorityBar priority={message.priority} />
          {message.topic !== null && <span className="chip truncate">{message.topic}</span>}
          <span className="grow" />
          <MessageBadge status={message.status} />
        </span>
      </Link>
    </li>
  );
});

interface ThreadRowProps {
  readonly thread: ThreadLine;
  readonly names: ReadonlyMap<string, string>;
  readonly current: boolean;
  readonly search: string;
}

/** One conversation: who takes part, and its newest message. */
export const ThreadRow = memo(function ThreadRow({ thread, names, current, search }: ThreadRowProps) {
  const { newest, parties, count, whole } = thread;
  const people = parties.map((party) => nameOf(party, names));
  return (
    <li className="message-slot">
      <Link to={`/messages/${thread.id}${search}`} className="message-row" aria-current={current ? 'true' : undefined}>
        <span className="row">
          <strong className="grow truncate" title={people.join(', ')}>
            {people.slice(0, 3).join(', ')}
            {people.length > 3 && ` and ${people.length - 3} more`}
          </strong>
          <span className="message-age muted">
            <RelativeTime at={newest.created_at} />
          </span>
        </span>
        <span className="message-snippet muted truncate">
          {count > 1 && `${nameOf(newest.from, names)}: `}
          <ExactText text={snippet(newest.content)} />
        </span>
        <span className="row message-facts">
          <PriorityBar priority={thread.priority} />
          {(count > 1 || !whole) && (
            <span className="muted num">{whole ? plural(count, 'message') : `${count}+ messages`}</span>
          )}
          <span className="grow" />
          <MessageBadge status={thread.status} />
        </span>
      </Link>
    </li>
  );
});

export const Arrow = () => (
  <>
    <span className="visually-hidden">to</span>
    <span className="arrow" aria-hidden="true">
      <Icon name="arrow_right" size={12} />
    </span>
  </>
);
