import { Button } from 'primereact/button';
import { InputText } from 'primereact/inputtext';
import { useMemo, useState } from 'react';
import { useSearchParams } from 'react-router';
import { AuditTabs } from '../../components/audit-tabs.js';
import { CommandHint } from '../../components/command-hint.js';
import { EventRow } from '../../components/event-row.js';
import { PageHead } from '../../components/page-head.js';
import { EmptyState, ErrorState, SkeletonRows } from '../../components/states.js';
import { isAlarm, isMain, sentenceOf } from '../../lib/events.js';
import { useAgents } from '../../lib/queries.js';
import { useEvents } from './queries.js';

const AREAS = ['agent', 'turn', 'approval', 'message', 'task', 'service', 'registry', 'system'];

/** Everything that happened, newest first, as it happens. */
export function EventsPage() {
  const [params, setParams] = useSearchParams();
  const [text, setText] = useState('');
  const area = params.get('area') ?? '';
  const agent_id = params.get('agent') ?? '';
  const detail = params.get('detail') ?? 'main';
  const agents = useAgents().data;
  const { events, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useEvents({ area, agent_id });

  const shown = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return events
      ?.filter((event) => detail === 'all' || (detail === 'alarms' ? isAlarm(event) : isMain(event)))
      .filter((event) => {
        const line = `${event.type} ${event.agent_id ?? ''} ${sentenceOf(event)}`.toLowerCase();
        return words.every((word) => line.includes(word));
      });
  }, [events, text, detail]);

  const choose = (name: string, value: string): void =>
    setParams(
      (before) => {
        if (value === '') before.delete(name);
        else before.set(name, value);
        return before;
      },
      { replace: true },
    );
  return (
    <div className="page">
      <PageHead title="Audit" summary="What agents and people did, newest first.">
        <CommandHint commands={['nox events', 'nox events --follow']} />
      </PageHead>
      <AuditTabs />
      <div className="filters">
        <InputText
          type="search"
          aria-label="Search events"
          placeholder="Search…"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <select
          className="select"
          aria-label="Area"
          value={area}
          onChange={(event) => choose('area', event.target.value)}
        >
          <option value="">every area</option>
          {AREAS.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <select
          className="select"
          aria-label="Agent"
          value={agent_id}
          onChange={(event) => choose('agent', event.target.value)}
        >
          <option value="">every agent</option>
          {agents?.map((agent) => (
            <option key={agent.id} value={agent.id}>
              {agent.name}
            </option>
          ))}
        </select>
        <select
          className="select"
          aria-label="Detail"
          value={detail}
          onChange={(event) => choose('detail', event.target.value === 'main' ? '' : event.target.value)}
        >
          <option value="main">main events</option>
          <option value="all">every small step</option>
          <option value="alarms">only alarms</option>
        </select>
      </div>
      {shown === undefined && error !== null && (
        <ErrorState
          title="The events could not be loaded"
          error={error}
          kept="None is lost."
          retry={() => void refetch()}
        />
      )}
      {shown === undefined && error === null && <SkeletonRows rows={12} height="16px" />}
      {shown !== undefined && (
        <section className="card" aria-label="Events">
          {shown.length === 0 ? (
            <EmptyState
              icon="events"
              title={events?.length === 0 ? 'Nothing has happened yet' : 'Nothing fits this filter'}
            >
              {hasNextPage ? 'Older events may.' : 'Events appear here as they happen.'}
            </EmptyState>
          ) : (
            <ul className="event-list">
              {shown.map((event) => (
                <EventRow key={event.id} event={event} type />
              ))}
            </ul>
          )}
        </section>
      )}
      {hasNextPage && (
        <div className="row">
          <Button
            type="button"
            outlined
            label={isFetchingNextPage ? 'Loading…' : 'Show older events'}
            disabled={isFetchingNextPage}
            onClick={() => void fetchNextPage()}
          />
        </div>
      )}
    </div>
  );
}
