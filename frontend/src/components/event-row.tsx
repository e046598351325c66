import type { AnyNoxEvent } from '@contracts/event.js';
import { memo } from 'react';
import { Link } from 'react-router';
import { isAlarm, sentenceOf } from '../lib/events.js';
import { ExactText } from './exact-text.js';
import { Sign } from './sign.js';
import { RelativeTime } from './time.js';

/** One event as a line: when, who, what. */
export const EventRow = memo(function EventRow({
  event,
  type = false,
}: {
  readonly event: AnyNoxEvent;
  readonly type?: boolean;
}) {
  const alarm = isAlarm(event);
  return (
    <li className={alarm ? 'event event-alarm' : 'event'}>
      <span className="event-time muted">
        <RelativeTime at={event.timestamp} />
      </span>
      {type && <code className="event-type muted">{event.type}</code>}
      <span className="event-words">
        {alarm && (
          <>
            <Sign name="cross" />{' '}
          </>
        )}
        {event.agent_id !== undefined && (
          <>
            <Link to={`/agents/${event.agent_id}`}>{event.agent_id}</Link>{' '}
          </>
        )}
        <ExactText text={sentenceOf(event)} />
      </span>
    </li>
  );
});
