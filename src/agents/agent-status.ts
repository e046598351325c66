import type { AgentConfig, AgentStatus } from '../contracts/agent.js';
import type { Clock } from '../shared/clock.js';
import { statusWord } from './agent-state.js';
import type { Breaker } from './breaker.js';
import type { TreeUsage } from './process/sampler.js';
import type { AgentWork } from './run-observer.js';
import type { AgentSession } from './run-store.js';
import type { StateAxis } from './state-axis.js';
import type { AgentSupervisor } from './supervisor.js';

/** What an agent's status is put together from. */
export interface StatusFacts {
  readonly supervisor: AgentSupervisor;
  readonly desired_state: AgentConfig['desired_state'];
  readonly session: AgentSession | undefined;
  readonly work: AgentWork;
  readonly usage: TreeUsage | null;
  readonly is_throttled: boolean;
  readonly pending_approvals: number;
  /** Why one that should run stands still. */
  readonly still: string | undefined;
  readonly clock: Clock;
}

/** Where the agent stands, as the API says it. */
export function statusOf(facts: StatusFacts): AgentStatus {
  const { supervisor, desired_state, session, work, usage, clock } = facts;
  const { process_state, reason, next_start_ms, started_ms } = supervisor;
  const note = process_state === 'running' || process_state === 'hibernated' ? work.note : undefined;
  const activity = supervisor.activity === 'idle' ? (note?.activity ?? 'idle') : supervisor.activity;
  const still = process_state === 'stopped' && desired_state === 'active' ? facts.still : undefined;
  const why = note?.reason ?? reason ?? still;
  return {
    id: supervisor.id,
    status: statusWord(process_state, activity),
    desired_state,
    process_state,
    activity,
    process_state_since: clock.iso(supervisor.process.since_ms),
    activity_since: clock.iso(supervisor.doing.since_ms),
    observed: {
      process: observation(supervisor.process, clock),
      activity: observation(supervisor.doing, clock),
    },
    last_output_at: supervisor.last_output_ms === null ? null : clock.iso(supervisor.last_output_ms),
    pid: supervisor.session === undefined ? null : (supervisor.session.programPid() ?? supervisor.session.identity.pid),
    started_at: started_ms === undefined ? null : clock.iso(started_ms),
    restart_count: session?.restart_count ?? 0,
    breaker: breakerStatus(supervisor.breaker, clock),
    memory_usage: supervisor.session === undefined ? null : (usage?.memory_bytes ?? null),
    cpu_usage: supervisor.session === undefined ? null : (usage?.cpu_percent ?? null),
    ...(facts.is_throttled ? { throttled: true as const } : {}),
    session_id: session?.session_id ?? null,
    current_turn_id: work.current_turn_id,
    queued_turns: work.queued_turns,
    pending_approvals: facts.pending_approvals,
    ...(why === undefined ? {} : { reason: why }),
    ...(next_start_ms === undefined ? {} : { next_start_at: clock.iso(next_start_ms) }),
    ...(typeof note?.resume_ms === 'number' ? { resume_at: clock.iso(note.resume_ms) } : {}),
  };
}

const observation = ({ observed }: StateAxis<string>, clock: Clock): AgentStatus['observed']['process'] => ({
  source: observed.source,
  at: clock.iso(observed.at_ms),
});

function breakerStatus(breaker: Breaker, clock: Clock): AgentStatus['breaker'] {
  if (breaker.state === 'closed') return { state: 'closed' };
  const { state, reason } = breaker;
  const until_ms = breaker.state === 'open' ? breaker.open_until_ms : null;
  return { state, reason, ...(until_ms === null ? {} : { open_until: clock.iso(until_ms) }) };
}
