import { MessagePriority } from '@contracts/message.js';
import { Link } from 'react-router';
import { Banner, EmptyState, ErrorState, SkeletonRows } from '../../../components/states.js';
import { number } from '../../../lib/format.js';
import { nameOf } from '../look.js';
import { useBrokerStats } from '../queries.js';

/** Longer tables are of no use to a person; the fullest come first. */
const SHOWN = 200;

/** How full the queues are, by agent and priority. */
export function Queues({ names }: { readonly names: ReadonlyMap<string, string> }) {
  const { data, error, refetch } = useBrokerStats();
  if (data === undefined) {
    return error === null ? (
      <SkeletonRows rows={6} />
    ) : (
      <ErrorState title="The queues could not be counted" error={error} retry={() => void refetch()} />
    );
  }
  const agents = data.agents.filter(({ waiting, active }) => waiting + active > 0);
  const fullest = Math.max(1, ...agents.map(({ waiting }) => waiting));
  const figures = [
    ['waiting', data.waiting],
    ['being read', data.active],
    ['done', data.acked],
    ['dead letters', data.dead],
    ['taken back or expired', data.dropped],
    ['in the last minute', data.messages_per_minute],
  ] as const;
  return (
    <div className="stack">
      {!data.available && (
        <Banner tone="red" icon="warning">
          <strong>The queue is away.</strong> {data.detail} Nothing is lost; sending is refused until it is back.
        </Banner>
      )}
      <dl className="figures">
        {figures.map(([word, value]) => (
          <div key={word} className="figure card">
            <dt className="muted">{word}</dt>
            <dd className="num">{number(value)}</dd>
          </div>
        ))}
      </dl>
      <section className="card" aria-labelledby="queues-title">
        <div className="card-head">
          <h2 id="queues-title">Waiting, by agent and priority</h2>
          <span className="muted queue-adapter">{data.adapter === 'redis' ? 'in Redis' : 'embedded'}</span>
        </div>
        {agents.length === 0 ? (
          <EmptyState icon="check" title="Every queue is empty">
            {data.detail}
          </EmptyState>
        ) : (
          <div className="table-scroll" tabIndex={0} role="region" aria-label="Queues">
            <table className="table queue-table num">
              <thead>
                <tr>
                  <th>Agent</th>
                  <th className="right">Waiting</th>
                  <th className="queue-bar-cell" aria-hidden="true" />
                  {MessagePriority.options.map((priority) => (
                    <th key={priority} className="right">
                      {priority}
                    </th>
                  ))}
                  <th className="right">Being read</th>
                </tr>
              </thead>
              <tbody>
                {agents.slice(0, SHOWN).map(({ agent_id, waiting, active, per_priority }) => (
                  <tr key={agent_id}>
                    <td>
                      <Link to={`/messages?agent=${agent_id}`}>{nameOf(agent_id, names)}</Link>
                    </td>
                    <td className="right">{number(waiting)}</td>
                    <td className="queue-bar-cell" aria-hidden="true">
                      <meter className="usage-bar" max={fullest} value={waiting} />
                    </td>
                    {MessagePriority.options.map((priority) => (
                      <td key={priority} className={per_priority[priority] > 0 ? 'right' : 'right muted'}>
                        {number(per_priority[priority])}
                      </td>
                    ))}
                    <td className={active > 0 ? 'right' : 'right muted'}>{number(active)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {agents.length > SHOWN && <p className="muted queue-more">and {number(agents.length - SHOWN)} more agents</p>}
      </section>
    </div>
  );
}
