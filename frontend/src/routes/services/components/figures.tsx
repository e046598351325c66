import type { Service } from '@contracts/service.js';
import { ExactText } from '../../../components/exact-text.js';
import { bytes, number } from '../../../lib/format.js';
import { configOf } from '../config.js';
import { NETWORKS, sourceOf } from '../../../lib/service-words.js';
import { useServiceStats } from '../queries.js';

/** What it uses, and what it may. */
export function Figures({ service }: { readonly service: Service }) {
  const stats = useServiceStats(service).data;
  const config = configOf(service);
  return (
    <section className="card" aria-labelledby="figures-title">
      <div className="card-head">
        <h2 id="figures-title">What it uses and may</h2>
      </div>
      <dl className="facts card-body">
        {stats !== undefined && service.status === 'running' && (
          <>
            <dt>Memory</dt>
            <dd className="num">
              {bytes(stats.memory_bytes)} of {bytes(stats.memory_limit_bytes)}
              <meter
                className="usage-bar"
                max={stats.memory_limit_bytes}
                value={stats.memory_bytes}
                aria-hidden="true"
              />
            </dd>
            <dt>Processor</dt>
            <dd className="num">{stats.cpu_percent.toFixed(1)} % of a core</dd>
            <dt>Processes</dt>
            <dd className="num">{number(stats.pids)}</dd>
          </>
        )}
        {config !== undefined && (
          <>
            <dt>{service.kind === 'container' ? 'Image' : service.kind === 'command' ? 'Command' : 'Address'}</dt>
            <dd className="mono">
              <ExactText text={sourceOf(config)} />
            </dd>
            {service.kind === 'container' && (
              <>
                <dt>Network</dt>
                <dd>
                  {config.network}: {NETWORKS[config.network]}
                  {config.egress_hosts.length > 0 && (
                    <span className="mono">
                      {' '}
                      <ExactText text={config.egress_hosts.join(', ')} />
                    </span>
                  )}
                </dd>
                <dt>Containers</dt>
                <dd>{config.shared ? 'one for all agents' : 'one for each agent'}</dd>
              </>
            )}
            {Object.keys(config.env).length > 0 && (
              <>
                <dt>Secrets</dt>
                <dd className="mono">
                  {Object.entries(config.env)
                    .map(([name, reference]) => `${name} = ${reference}`)
                    .join(', ')}
                </dd>
              </>
            )}
            <dt>Calls</dt>
            <dd className="num">
              {number(config.limits.calls_per_min)} a minute at most, {config.limits.call_timeout_s} s each
            </dd>
            {config.approved_by !== undefined && (
              <>
                <dt>Approved by</dt>
                <dd>{config.approved_by}</dd>
              </>
            )}
          </>
        )}
      </dl>
    </section>
  );
}
