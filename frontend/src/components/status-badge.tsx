import type { AgentStatus } from '@contracts/agent.js';
import type { ApprovalStatus } from '@contracts/approval.js';
import type { TurnStatus } from '@contracts/turn.js';
import { lookOf, nextMove, type StateLook } from '../lib/agent-state.js';
import { useNow } from '../lib/clock.js';
import { countdown, exactTime, withClockTimes } from '../lib/format.js';
import { Sign } from './sign.js';

/** A state: word, sign and colour. */
export function StateTag({
  look,
  detail,
  title,
}: {
  readonly look: StateLook;
  readonly detail?: string;
  readonly title?: string;
}) {
  return (
    <span className={`state state-${look.colour}`} title={title}>
      <Sign name={look.sign} pulse={look.pulse === true} />
      <span>
        {look.word}
        {detail !== undefined && <span className="num"> {detail}</span>}
      </span>
    </span>
  );
}

type BadgeFields = 'status' | 'reason' | 'next_start_at' | 'resume_at' | 'breaker' | 'last_output_at';

/** The state of an agent, with the countdown while it waits for its next start, try or turn. */
export function StatusBadge({ agent }: { readonly agent: Pick<AgentStatus, BadgeFields> }) {
  const look = lookOf(agent.status);
  const title = [
    ...(agent.reason === undefined ? [] : [withClockTimes(agent.reason)]),
    ...(agent.last_output_at === null ? [] : [`Last output ${exactTime(agent.last_output_at)}`]),
  ].join('\n');
  const next = nextMove(agent);
  return next === undefined ? (
    <StateTag look={look} {...(title !== '' && { title })} />
  ) : (
    <CountingTag
      look={look}
      until={next.at}
      title={`${title}\n${next.words.replace(/ in$/, '')} ${exactTime(next.at)}`.trim()}
    />
  );
}

function CountingTag({
  look,
  until,
  title,
}: {
  readonly look: StateLook;
  readonly until: string;
  readonly title: string;
}) {
  const left_ms = Date.parse(until) - useNow();
  return <StateTag look={look} title={title} {...(left_ms > 0 && { detail: countdown(left_ms) })} />;
}

const APPROVAL: Record<ApprovalStatus, StateLook> = {
  pending: { word: 'waiting for you', sign: 'diamond', colour: 'amber' },
  parked: { word: 'parked', sign: 'pause', colour: 'violet' },
  approved: { word: 'approved', sign: 'check', colour: 'green' },
  denied: { word: 'denied', sign: 'cross', colour: 'red' },
  expired: { word: 'expired', sign: 'ring', colour: 'grey' },
  cancelled: { word: 'cancelled', sign: 'square', colour: 'grey' },
};
export const ApprovalBadge = ({ status }: { readonly status: ApprovalStatus }) => <StateTag look={APPROVAL[status]} />;

const TURN: Record<TurnStatus, StateLook> = {
  queued: { word: 'queued', sign: 'circle', colour: 'grey' },
  running: { word: 'working', sign: 'dot', colour: 'blue', pulse: true },
  complete: { word: 'complete', sign: 'check', colour: 'green' },
  error: { word: 'error', sign: 'cross', colour: 'red' },
  interrupted: { word: 'interrupted', sign: 'pause', colour: 'orange' },
  deferred: { word: 'parked', sign: 'pause', colour: 'violet' },
  cancelled: { word: 'cancelled', sign: 'square', colour: 'grey' },
};
export const TurnBadge = ({ status }: { readonly status: TurnStatus }) => <StateTag look={TURN[status]} />;

const HEALTH = {
  ok: { word: 'ok', sign: 'check', colour: 'green' },
  degraded: { word: 'degraded', sign: 'diamond', colour: 'amber' },
  failed: { word: 'failed', sign: 'cross', colour: 'red' },
} as const satisfies Record<string, StateLook>;
export const HealthBadge = ({ status }: { readonly status: keyof typeof HEALTH }) => <StateTag look={HEALTH[status]} />;
