import type { Service } from '@contracts/service.js';
import { Link } from 'react-router';
import { number } from '../../../lib/format.js';

/** Who called it how often, since Nox was started. */
export function ServiceCalls({
  service,
  names,
}: {
  readonly service: Service;
  readonly names: ReadonlyMap<string, string>;
}) {
  const rows = service.calls.toSorted((a, b) => b.calls - a.calls);
  return (
    <section className="card" aria-labelledby="calls-title">
      <div className="card-head">
        <h2 id="calls-title">Calls by agent</h2>
        <Link to="/audit?area=service" className="card-link">
          Each call
        </Link>
      </div>
      {rows.length === 0 ? (
        <p className="card-body muted">Not called since Nox was started.</p>
      ) : (
        <table className="table num">
          <thead>
            <tr>
              <th>By</th>
              <th className="right">Calls</th>
              <th className="right">Failed</th>
              <th className="right">Refused</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ agent_id, calls, errors, refused }) => (
              <tr key={agent_id}>
                <td>{agent_id === 'person' ? 'people, by hand' : (names.get(agent_id) ?? agent_id)}</td>
                <td className="right">{number(calls)}</td>
                <td className={errors > 0 ? 'right service-bad' : 'right muted'}>{number(errors)}</td>
                <td className={refused > 0 ? 'right service-bad' : 'right muted'}>{number(refused)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
