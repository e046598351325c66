import type { Message } from '@contracts/message.js';
import { useCallback, useEffect, useState } from 'react';
import { Link, useLocation } from 'react-router';
import { CommandHint } from '../../../components/command-hint.js';
import { CopyButton } from '../../../components/copy-button.js';
import { Icon } from '../../../components/icon.js';
import { JumpToLive } from '../../../components/jump-to-live.js';
import { ErrorState, SkeletonRows } from '../../../components/states.js';
import { plural } from '../../../lib/format.js';
import { useCan } from '../../../lib/session.js';
import { useStickToBottom } from '../../../lib/stick-to-bottom.js';
import { nameOf } from '../look.js';
import { useThread } from '../queries.js';
import { MessageCard } from './message-card.js';
import { ReplyForm } from './reply-form.js';

interface ConversationProps {
  readonly id: string;
  readonly names: ReadonlyMap<string, string>;
  readonly search: string;
}

/** One conversation, oldest first, with a box to answer. */
export function Conversation({ id, names, search }: ConversationProps) {
  const { data: messages, error, refetch } = useThread(id);
  const back = (
    <Link to={`/messages${search}`} className="back-link">
      <Icon name="back" /> All messages
    </Link>
  );
  if (messages === undefined) {
    return (
      <>
        {back}
        {error === null ? (
          <SkeletonRows rows={5} height="72px" />
        ) : (
          <ErrorState title="This conversation could not be loaded" error={error} retry={() => void refetch()} />
        )}
      </>
    );
  }
  return (
    <>
      {back}
      <Thread key={id} id={id} messages={messages} names={names} />
    </>
  );
}

function Thread({
  id,
  messages,
  names,
}: {
  readonly id: string;
  readonly messages: readonly Message[];
  readonly names: ReadonlyMap<string, string>;
}) {
  const { scroller, content, stuck, jump } = useStickToBottom();
  const mayOperate = useCan('operator');
  const [answered, setAnswered] = useState<Message>();
  const { hash } = useLocation();
  const [first] = messages;
  const last = messages.at(-1);
  const onReply = useCallback((message: Message) => setAnswered(message), []);

  useEffect(() => {
    const named = hash.slice(1) || (id.startsWith('msg_') && id !== first?.thread_id ? id : '');
    if (named === '' || named === last?.id) return;
    document.getElementById(named)?.scrollIntoView({ block: 'center' });
    // Only when it is opened, or another message is asked for; not whenever one comes.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [hash, id]);

  if (first === undefined || last === undefined) return null;
  const people = [...new Set(messages.flatMap(({ from, to }) => [from, to]))].map((party) => nameOf(party, names));
  return (
    <section className="dialogue card" aria-label="Conversation">
      <header className="card-head">
        <h2 className="truncate" title={people.join(', ')}>
          {people.join(', ')}
        </h2>
        <span className="muted num">{plural(messages.length, 'message')}</span>
        <CopyButton text={`${location.origin}/messages/${first.thread_id}`} label="Copy link to this conversation" />
        <CommandHint
          commands={[
            `nox message ls --thread ${first.thread_id}`,
            `nox message show ${last.id}`,
            `nox message send ${last.to} "…" --reply-to ${last.id}`,
          ]}
        />
      </header>
      <div className="dialogue-frame">
        <div
          className="dialogue-scroll"
          ref={scroller}
          tabIndex={0}
          role="log"
          aria-label="Messages of this conversation"
        >
          <div className="dialogue-messages" ref={content}>
            {messages.map((message) => (
              <MessageCard
                key={message.id}
                message={message}
                names={names}
                onReply={mayOperate ? onReply : undefined}
              />
            ))}
          </div>
        </div>
        <JumpToLive shown={!stuck} onJump={jump} />
      </div>
      {mayOperate && (
        <ReplyForm
          key={answered?.id ?? 'last'}
          message={answered ?? last}
          names={names}
          focused={answered !== undefined}
          onSent={() => {
            setAnswered(undefined);
            jump();
          }}
        />
      )}
    </section>
  );
}
