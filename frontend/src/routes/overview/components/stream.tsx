import type { AnyNoxEvent } from '@contracts/event.js';
import { Link } from 'react-router';
import { EventRow } from '../../../components/event-row.js';
import { EmptyState, SkeletonRows } from '../../../components/states.js';
import { isHeadline } from '../../../lib/events.js';

const SHOWN = 60;

/** The last hour, newest first, without the small steps. */
export function Stream({ events }: { readonly events: readonly AnyNoxEvent[] | undefined }) {
  const shown = events?.filter(isHeadline).slice(0, SHOWN);
  return (
    <section className="card stream" aria-labelledby="stream-title">
      <div className="card-head">
        <h2 id="stream-title">Last hour</h2>
        <Link to="/audit" className="card-link">
          Everything
        </Link>
      </div>
      {shown === undefined && (
        <div className="card-body">
          <SkeletonRows rows={6} height="16px" />
        </div>
      )}
      {shown?.length === 0 && (
        <EmptyState icon="events" title="A quiet hour">
          What agents and people do appears here as it happens.
        </EmptyState>
      )}
      {shown !== undefined && shown.length > 0 && (
        <ul className="event-list">
          {shown.map((event) => (
            <EventRow key={event.id} event={event} />
          ))}
        </ul>
      )}
    </section>
  );
}
