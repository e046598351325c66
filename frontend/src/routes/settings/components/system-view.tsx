import { ErrorState, SkeletonRows } from '../../../components/states.js';
import { HealthBadge } from '../../../components/status-badge.js';
import { Elapsed } from '../../../components/time.js';
import { bytes, number } from '../../../lib/format.js';
import { useSystemStatus } from '../queries.js';

/** The parts of Nox, each with its state and what to do about it. */
export function SystemView() {
  const { data: status, error, refetch } = useSystemStatus();
  return (
    <section className="card" aria-labelledby="system-title">
      <div className="card-head">
        <h2 id="system-title">System</h2>
        {status !== undefined && <HealthBadge status={status.status} />}
      </div>
      <div className="card-body">
        {status === undefined && error !== null && (
          <ErrorState title="The system could not be read" error={error} retry={() => void refetch()} />
        )}
        {status === undefined && error === null && <SkeletonRows rows={6} />}
        {status !== undefined && (
          <div className="stack">
            <ul className="components">
              {Object.entries(status.components).map(([name, part]) => (
                <li key={name} className="component">
                  <div className="row">
                    <strong className="grow">{name.replaceAll('_', ' ')}</strong>
                    <HealthBadge status={part.status} />
                  </div>
                  <p className="muted">{part.detail}</p>
                </li>
              ))}
            </ul>
            <dl className="facts">
              <dt>Version</dt>
              <dd>{status.version}</dd>
              <dt>Up</dt>
              <dd>
                <Elapsed since={status.started_at} />
              </dd>
              <dt>Process</dt>
              <dd className="num">
                pid {status.process.pid}, {bytes(status.process.rss_bytes)}
              </dd>
              <dt>Agents</dt>
              <dd className="num">
                {status.agents.total}, {status.agents.active} should run, {status.agents.running} run,{' '}
                {status.agents.failed} failed
              </dd>
              <dt>Events</dt>
              <dd className="num">{number(status.last_seq)}</dd>
            </dl>
          </div>
        )}
      </div>
    </section>
  );
}
