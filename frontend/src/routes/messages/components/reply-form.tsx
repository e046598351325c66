import { type Message, MessagePriority } from '@contracts/message.js';
import { Button } from 'primereact/button';
import { InputTextarea } from 'primereact/inputtextarea';
import { type FormEvent, useState } from 'react';
import { messageOf } from '../../../lib/http.js';
import { nameOf } from '../look.js';
import { useSend } from '../queries.js';

interface ReplyProps {
  readonly message: Message;
  readonly names: ReadonlyMap<string, string>;
  readonly focused: boolean;
  readonly onSent: () => void;
}

/** Answers a message: to the agent who wrote it, else to the one who got it. */
export function ReplyForm({ message, names, focused, onSent }: ReplyProps) {
  const [content, setContent] = useState('');
  const [priority, setPriority] = useState<MessagePriority>(message.priority);
  const send = useSend();
  const both = [...new Set([message.from, message.to])].filter((party) => names.has(party));
  const [to, setTo] = useState(both[0]);
  if (to === undefined) return null;
  const submit = (event?: FormEvent): void => {
    event?.preventDefault();
    if (content.trim() === '' || send.isPending) return;
    send.mutate(
      { to, content, priority, reply_to: message.id },
      {
        onSuccess: () => {
          setContent('');
          onSent();
        },
      },
    );
  };
  return (
    <form className="reply" onSubmit={submit}>
      {send.error !== null && (
        <p className="field-error" role="alert">
          {messageOf(send.error)} What you typed is kept.
        </p>
      )}
      <InputTextarea
        rows={2}
        autoFocus={focused}
        aria-label={`Answer to ${nameOf(to, names)}`}
        placeholder={`Answer to ${nameOf(to, names)}…`}
        value={content}
        maxLength={65_536}
        onChange={(event) => setContent(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) submit();
        }}
      />
      <div className="row-wrap">
        {both.length > 1 && (
          <select className="select" aria-label="To" value={to} onChange={(event) => setTo(event.target.value)}>
            {both.map((party) => (
              <option key={party} value={party}>
                {nameOf(party, names)}
              </option>
            ))}
          </select>
        )}
        <select
          className="select"
          aria-label="Priority of the answer"
          value={priority}
          onChange={(event) => setPriority(MessagePriority.parse(event.target.value))}
        >
          {MessagePriority.options.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <span className="grow muted only-wide reply-hint">
          <kbd>Ctrl</kbd> <kbd>Enter</kbd> sends
        </span>
        <Button
          type="submit"
          size="small"
          label={send.isPending ? 'Sending…' : 'Send'}
          disabled={content.trim() === '' || send.isPending}
        />
      </div>
    </form>
  );
}
