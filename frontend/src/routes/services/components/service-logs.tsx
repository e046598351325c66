import { ExactText } from '../../../components/exact-text.js';
import { JumpToLive } from '../../../components/jump-to-live.js';
import { ErrorState, SkeletonRows } from '../../../components/states.js';
import { useStickToBottom } from '../../../lib/stick-to-bottom.js';
import { useServiceLogs } from '../queries.js';

/** What its containers or its process wrote. */
export function ServiceLogs({ name }: { readonly name: string }) {
  const { data, error, refetch } = useServiceLogs(name);
  const { scroller, content, stuck, jump } = useStickToBottom();
  return (
    <section className="card service-logs" aria-labelledby="service-logs-title">
      <div className="card-head">
        <h2 id="service-logs-title">Logs</h2>
      </div>
      {data === undefined && (
        <div className="card-body">
          {error === null ? (
            <SkeletonRows rows={4} height="14px" />
          ) : (
            <ErrorState title="The logs could not be loaded" error={error} retry={() => void refetch()} />
          )}
        </div>
      )}
      {data?.length === 0 && <p className="card-body muted">It has written nothing.</p>}
      <div className="service-log" ref={scroller} tabIndex={0} role="log" aria-label={`Log of ${name}`}>
        <div ref={content}>
          {data?.map(({ stream, line }, i) => (
            // Lines have no identity but their place.
            <div key={i} className={stream === 'stderr' ? 'service-log-line service-log-error' : 'service-log-line'}>
              <ExactText text={line} />
            </div>
          ))}
        </div>
      </div>
      <JumpToLive shown={!stuck} onJump={jump} />
    </section>
  );
}
