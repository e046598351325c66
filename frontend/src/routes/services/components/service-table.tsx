import type { Service } from '@contracts/service.js';
import { Link } from 'react-router';
import { ExactText } from '../../../components/exact-text.js';
import { StateTag } from '../../../components/status-badge.js';
import { number } from '../../../lib/format.js';
import { sourceOf } from '../../../lib/service-words.js';
import { callsOf, KINDS, serviceLook, shortImage } from '../look.js';
import { configOf } from '../config.js';
import { PullBar } from './pull-bar.js';

/** Every service in a row. */
export function ServiceTable({
  services,
  names,
}: {
  readonly services: readonly Service[];
  readonly names: ReadonlyMap<string, string>;
}) {
  return (
    <section className="card" aria-label="Installed services">
      <ul className="service-list">
        {services.map((service) => (
          <ServiceRow key={service.name} service={service} names={names} />
        ))}
      </ul>
    </section>
  );
}

function ServiceRow({ service, names }: { readonly service: Service; readonly names: ReadonlyMap<string, string> }) {
  const { calls, errors, refused } = callsOf(service.calls);
  const config = configOf(service);
  const users = service.agents.map((id) => names.get(id) ?? id);
  return (
    <li>
      <Link to={`/services/${service.name}`} className="service-row">
        <span className="service-name">
          <strong>{service.name}</strong>
          <span className="muted truncate">
            {KINDS[service.kind]}
            {config !== undefined && (
              <>
                {' · '}
                <span className="mono" title={sourceOf(config)}>
                  <ExactText text={shortImage(sourceOf(config))} />
                </span>
              </>
            )}
          </span>
          {service.reason !== null && service.status !== 'running' && (
            <span className="muted service-reason">
              <ExactText text={service.reason} />
            </span>
          )}
          <PullBar service={service} />
        </span>
        <span className="service-state">
          <StateTag look={serviceLook(service.status)} />
        </span>
        <span className="service-figures num">
          <span>
            <span className="muted">tools</span> {number(service.tools)}
          </span>
          <span>
            <span className="muted">calls</span> {number(calls)}
          </span>
          {errors + refused > 0 && (
            <span className="service-bad">
              {errors > 0 && `${number(errors)} failed`}
              {errors > 0 && refused > 0 && ', '}
              {refused > 0 && `${number(refused)} refused`}
            </span>
          )}
        </span>
        <span className="muted truncate service-users" title={users.join(', ')}>
          {users.length === 0 ? 'no agent has it' : users.join(', ')}
        </span>
      </Link>
    </li>
  );
}
