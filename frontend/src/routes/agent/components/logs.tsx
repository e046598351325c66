import type { Agent, LogLine } from '@contracts/agent.js';
import { memo } from 'react';
import { useOutletContext } from 'react-router';
import { ExactText } from '../../../components/exact-text.js';
import { JumpToLive } from '../../../components/jump-to-live.js';
import { EmptyState, ErrorState, SkeletonRows } from '../../../components/states.js';
import { exactTime } from '../../../lib/format.js';
import { useStickToBottom } from '../../../lib/stick-to-bottom.js';
import { useLogs } from '../queries.js';

const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** What the process wrote beside the protocol, as it comes. */
export function Logs() {
  const agent = useOutletContext<Agent>();
  const { data: lines, error, refetch } = useLogs(agent.id);
  const { scroller, content, stuck, jump } = useStickToBottom();
  return (
    <div className="thread-frame log-frame card">
      <div className="thread" ref={scroller} role="log" aria-label={`Log of ${agent.name}`} tabIndex={0}>
        <div ref={content} className="log">
          {lines === undefined && error !== null && (
            <ErrorState title="The log could not be loaded" error={error} retry={() => void refetch()} />
          )}
          {lines === undefined && error === null && <SkeletonRows rows={12} height="14px" />}
          {lines?.length === 0 && (
            <EmptyState
              icon="terminal"
              title="Nothing has been written yet"
              command={`nox agent logs ${agent.id} --follow`}
            >
              Here stands what the process writes to its error stream, and what Nox says about it.
            </EmptyState>
          )}
          {lines?.map((line) => (
            <Line key={`${line.id} ${line.timestamp}`} line={line} />
          ))}
        </div>
      </div>
      <JumpToLive shown={!stuck} onJump={jump} />
    </div>
  );
}

const Line = memo(function Line({ line }: { readonly line: LogLine }) {
  return (
    <div className={`log-line log-${line.stream}`}>
      <time dateTime={line.timestamp} title={exactTime(line.timestamp)}>
        {TIME.format(new Date(line.timestamp))}
      </time>
      <span className="log-stream">{line.stream}</span>
      <span className="log-text">
        <ExactText text={line.line} />
      </span>
    </div>
  );
});
