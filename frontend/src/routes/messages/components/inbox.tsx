import { Button } from 'primereact/button';
import { useEffect, useMemo, useRef, useState } from 'react';
import { EmptyState, ErrorState, SkeletonRows } from '../../../components/states.js';
import { plural } from '../../../lib/format.js';
import type { MessageFilter } from '../../../lib/message-news.js';
import { useForgetOld, useMessages } from '../queries.js';
import { threadsOf, upTo } from '../threads.js';
import { MessageRow, ThreadRow } from './message-list.js';

const TOP_PX = 8;
/** Rows that are there at once, however many messages have been asked for: a page of thousands would be slow to scroll. */
const ROWS = 300;
const STEP = 100;
/** A live list grows to this many rows before the oldest are let go. */
const GROWN = 600;

interface InboxProps {
  readonly filter: MessageFilter;
  /** Conversations, or each message for itself. */
  readonly grouped: boolean;
  readonly names: ReadonlyMap<string, string>;
  readonly selected: string | undefined;
  /** Query string that keeps the filter. */
  readonly search: string;
}

/** The list at the left: live at its top, still while a person reads further down. */
export function Inbox({ filter, grouped, names, selected, search }: InboxProps) {
  const { messages, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useMessages(filter);
  const forgetOld = useForgetOld(filter);
  const scroller = useRef<HTMLDivElement>(null);
  const [anchor, setAnchor] = useState<string>();
  /** Rows above those that are there; more than there can be: the last ones are there. */
  const [above, setAbove] = useState(0);
  const shown = useMemo(() => messages && upTo(messages, anchor), [messages, anchor]);
  const threads = useMemo(() => (grouped ? threadsOf(shown ?? []) : []), [grouped, shown]);
  const rows = (grouped ? threads : (shown ?? [])).length;
  const first = Math.max(0, Math.min(above, rows - ROWS));
  const held = (messages?.length ?? 0) - (shown?.length ?? 0);

  const onScroll = (): void => {
    const top = first === 0 && (scroller.current?.scrollTop ?? 0) <= TOP_PX;
    if (top) setAnchor(undefined);
    else if (anchor === undefined) setAnchor(messages?.[0]?.id);
  };
  const tooMany = anchor === undefined && (messages?.length ?? 0) > GROWN;
  useEffect(() => {
    if (tooMany) forgetOld();
  });

  if (messages === undefined || shown === undefined) {
    return error === null ? (
      <SkeletonRows rows={7} height="56px" />
    ) : (
      <ErrorState
        title="The messages could not be loaded"
        error={error}
        kept="None is lost."
        retry={() => void refetch()}
      />
    );
  }
  if (messages.length === 0) {
    return (
      <EmptyState icon="messages" title="No message fits this filter">
        Messages appear here as they are sent.
      </EmptyState>
    );
  }
  return (
    <div className="inbox">
      {held > 0 && (
        <div className="inbox-new">
          <Button
            type="button"
            size="small"
            label={plural(held, 'new message')}
            onClick={() => {
              setAnchor(undefined);
              setAbove(0);
              scroller.current?.scrollTo(0, 0);
            }}
          />
        </div>
      )}
      <div className="inbox-scroll" ref={scroller} onScroll={onScroll} tabIndex={-1}>
        {first > 0 && (
          <Button type="button" text label="Show newer" onClick={() => setAbove(Math.max(0, first - STEP))} />
        )}
        <ol className="message-list" aria-label={grouped ? 'Conversations' : 'Messages'}>
          {grouped
            ? threads
                .slice(first, first + ROWS)
                .map((thread) => (
                  <ThreadRow
                    key={thread.id}
                    thread={thread}
                    names={names}
                    search={search}
                    current={thread.id === selected}
                  />
                ))
            : shown
                .slice(first, first + ROWS)
                .map((message) => (
                  <MessageRow
                    key={message.id}
                    message={message}
                    names={names}
                    search={search}
                    current={message.thread_id === selected}
                  />
                ))}
        </ol>
        {(hasNextPage || first + ROWS < rows) && (
          <Button
            type="button"
            text
            label={isFetchingNextPage ? 'Loading…' : 'Show older'}
            disabled={isFetchingNextPage}
            onClick={() => {
              // Older ones are asked for by somebody who reads here: from now on nothing moves.
              setAnchor(anchor ?? messages[0]?.id);
              if (first + ROWS < rows) setAbove(first + STEP);
              else void fetchNextPage().then(() => setAbove(Number.MAX_SAFE_INTEGER));
            }}
          />
        )}
      </div>
    </div>
  );
}
