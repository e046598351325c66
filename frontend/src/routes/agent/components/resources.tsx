import type { Agent } from '@contracts/agent.js';
import { useOutletContext } from 'react-router';
import { CommandHint } from '../../../components/command-hint.js';
import { LineChart } from '../../../components/line-chart.js';
import { Banner, EmptyState, ErrorState, SkeletonRows } from '../../../components/states.js';
import { bytes, plural } from '../../../lib/format.js';
import { useResources } from '../queries.js';
import { UsageDays } from './usage-days.js';

/** Samples of the last day are a minute apart, and put together where there are many. */
const HOLE_MS = 12 * 60_000;
const MB = 1_048_576;

/** What the agent uses and has used: memory, processor, turns, tokens, money. */
export function Resources() {
  const agent = useOutletContext<Agent>();
  return (
    <div className="stack">
      <Machine agent={agent} />
      <UsageDays agent_id={agent.id} />
    </div>
  );
}

function Machine({ agent }: { readonly agent: Agent }) {
  const { data, error, refetch } = useResources(agent.id);
  return (
    <section className="card" aria-labelledby="machine-title">
      <div className="card-head">
        <h2 id="machine-title">Memory and processor</h2>
        {data?.now !== undefined && data.now !== null && (
          <span className="muted num resources-now">{plural(data.now.processes, 'process', 'processes')} now</span>
        )}
        <CommandHint commands={['nox agent top', `nox agent show ${agent.id}`]} />
      </div>
      <div className="card-body stack">
        {agent.throttled === true && (
          <Banner tone="amber" icon="warning">
            It wants more of the processor than it may, and is held to {data?.limits.max_cpu_percent ?? 'its'} %.
          </Banner>
        )}
        {data === undefined && error === null && <SkeletonRows rows={6} height="28px" />}
        {data === undefined && error !== null && (
          <ErrorState title="The measurements could not be loaded" error={error} retry={() => void refetch()} />
        )}
        {data?.history.length === 0 && (
          <EmptyState icon="events" title="Nothing was measured yet">
            Memory and processor of all its processes are measured while it runs, and kept for a day.
          </EmptyState>
        )}
        {data !== undefined && data.history.length > 0 && (
          <div className="charts">
            <LineChart
              label="Memory"
              points={data.history.map(({ timestamp, memory_bytes }) => ({
                at_ms: Date.parse(timestamp),
                value: memory_bytes,
              }))}
              words={bytes}
              limit={{
                value: data.limits.max_memory_mb * MB,
                words: `of ${bytes(data.limits.max_memory_mb * MB)} at most`,
              }}
              gap_ms={HOLE_MS}
              base={2}
            />
            <LineChart
              label="Processor"
              points={data.history.map(({ timestamp, cpu_percent }) => ({
                at_ms: Date.parse(timestamp),
                value: cpu_percent,
              }))}
              words={(percent) => `${percent < 10 ? Math.round(percent * 10) / 10 : Math.round(percent)} %`}
              limit={{
                value: data.limits.max_cpu_percent,
                words: `of ${data.limits.max_cpu_percent} % of a core at most`,
              }}
              gap_ms={HOLE_MS}
            />
          </div>
        )}
      </div>
    </section>
  );
}
