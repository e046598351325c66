import type { Service } from '@contracts/service.js';
import { useMemo } from 'react';
import { Link, useParams } from 'react-router';
import { ExactText } from '../../components/exact-text.js';
import { Icon } from '../../components/icon.js';
import { Banner, ErrorState, SkeletonRows } from '../../components/states.js';
import { useAgents } from '../../lib/queries.js';
import { Figures } from './components/figures.js';
import { EngineBanner } from './components/engine-banner.js';
import { Judgement } from '../../components/judgement.js';
import { PullBar } from './components/pull-bar.js';
import { ServiceCalls } from './components/service-calls.js';
import { ServiceHeader } from './components/service-header.js';
import { ServiceLogs } from './components/service-logs.js';
import { Tools } from './components/tools.js';
import { Users } from './components/users.js';
import { useServices } from './queries.js';
import './services.css';

/** One service: where it stands, what it can do, who uses it. */
export function ServicePage() {
  const { name = '' } = useParams();
  const { data, error, refetch } = useServices();
  const agents = useAgents().data;
  const names = useMemo(() => new Map(agents?.map((agent) => [agent.id, agent.name])), [agents]);
  const service = data?.services.find((each) => each.name === name);
  return (
    <div className="page services-page">
      <Link to="/services" className="all-services">
        <Icon name="back" /> All services
      </Link>
      {data === undefined && error === null && <SkeletonRows rows={8} />}
      {data === undefined && error !== null && (
        <ErrorState title="The service could not be loaded" error={error} retry={() => void refetch()} />
      )}
      {data !== undefined && service === undefined && (
        <ErrorState
          title={`There is no service called ${name}`}
          error="It may have been removed. Going back in the registry brings it back."
        />
      )}
      {data !== undefined && service !== undefined && (
        <>
          <ServiceHeader service={service} />
          {service.kind === 'container' && <EngineBanner engine={data.engine} />}
          <Reason service={service} />
          <PullBar service={service} />
          {service.evaluation !== null && (
            <div className="card card-body">
              <Judgement evaluation={service.evaluation} />
            </div>
          )}
          {service.status !== 'pending_approval' && (
            <div className="service-columns">
              <div className="stack">
                <Tools service={service} />
                <ServiceLogs name={service.name} />
              </div>
              <div className="stack">
                <Users service={service} agents={agents ?? []} />
                <ServiceCalls service={service} names={names} />
                <Figures service={service} />
              </div>
            </div>
          )}
        </>
      )}
    </div>
  );
}

function Reason({ service }: { readonly service: Service }) {
  if (service.status === 'pending_approval') {
    return (
      <Banner
        tone="amber"
        icon="warning"
        action={service.approval_id !== null && <Link to={`/approvals/${service.approval_id}`}>Decide</Link>}
      >
        It is judged, not installed: {service.approval_id === null ? 'go on with Install.' : 'it waits for a decision.'}
      </Banner>
    );
  }
  if (service.reason === null || service.status === 'running') return null;
  return (
    <Banner tone={service.status === 'failed' ? 'red' : service.status === 'unhealthy' ? 'amber' : 'grey'} icon="info">
      <ExactText text={service.reason} />
    </Banner>
  );
}
