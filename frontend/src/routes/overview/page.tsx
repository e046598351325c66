import { PageHead } from '../../components/page-head.js';
import { ErrorState, SkeletonRows } from '../../components/states.js';
import { useNow } from '../../lib/clock.js';
import { plural } from '../../lib/format.js';
import { useAgents, usePending, useSystemStatus } from '../../lib/queries.js';
import { useAlarms } from './components/alarms.js';
import { Attention } from './components/attention.js';
import { DemoBanner, HealthBanner } from './components/banners.js';
import { Fleet } from './components/fleet.js';
import { Stream } from './components/stream.js';
import { useEventsSince } from './queries.js';
import './overview.css';

const HOUR_MS = 3_600_000;

/** What needs me, what burns, what is everybody doing. */
export function OverviewPage() {
  const agents = useAgents();
  const pending = usePending();
  const status = useSystemStatus();
  const hour_start_ms = useNow(60_000) - HOUR_MS;
  const events = useEventsSince(hour_start_ms);
  const waiting = pending.data?.length ?? 0;
  const alarms = useAlarms(agents.data ?? []);
  const failed = agents.data?.filter((agent) => agent.status === 'failed').length ?? 0;

  return (
    <div className="page">
      <PageHead
        title="Overview"
        summary={agents.data && summaryOf(agents.data.length, waiting, failed, alarms.length)}
      />
      {status.data?.model.demo === true && <DemoBanner detail={status.data.model.detail} />}
      {status.data !== undefined && <HealthBanner status={status.data} />}
      {agents.error !== null && agents.data === undefined ? (
        <ErrorState
          title="The fleet could not be loaded"
          error={agents.error}
          kept="Agents that run go on running."
          retry={() => void agents.refetch()}
        />
      ) : agents.data === undefined ? (
        <SkeletonRows rows={8} height="28px" />
      ) : (
        <>
          <Attention approvals={pending.data ?? []} agents={agents.data} alarms={alarms} />
          <div className="overview-columns">
            <Fleet agents={agents.data} events={events ?? []} />
            <Stream events={events} />
          </div>
        </>
      )}
    </div>
  );
}

function summaryOf(agents: number, waiting: number, failed: number, alarms: number): string {
  const parts = [
    agents === 0 ? 'No agents yet' : plural(agents, 'agent'),
    ...(waiting > 0 ? [`${plural(waiting, 'call')} for you to decide`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(alarms > 0 ? [plural(alarms, 'alarm')] : []),
  ];
  return waiting + failed + alarms === 0 && agents > 0 ? `${parts[0]}, nothing needs you` : parts.join(', ');
}
