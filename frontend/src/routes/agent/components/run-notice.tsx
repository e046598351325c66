import type { Agent } from '@contracts/agent.js';
import { Button } from 'primereact/button';
import type { ReactNode } from 'react';
import { Banner } from '../../../components/states.js';
import { Countdown } from '../../../components/time.js';
import { nextMove } from '../../../lib/agent-state.js';
import { withClockTimes } from '../../../lib/format.js';
import { useEmergency, useResetBreaker } from '../../../lib/queries.js';
import { useCan } from '../../../lib/session.js';

type Tone = 'red' | 'amber' | 'violet' | 'grey';

/** Why the agent does not simply run, when it goes on by itself, and what a person can do about it. */
export function RunNotice({ agent }: { readonly agent: Agent }) {
  const tone = toneOf(agent);
  const barred = useEmergency() !== null;
  // The frame says already why it stands still.
  if (tone === undefined || (barred && tone === 'grey')) return null;
  const next = nextMove(agent);
  // That it is on its one more try is said below; here stands why.
  const why = agent.breaker.state === 'half_open' ? agent.breaker.reason : (agent.reason ?? agent.breaker.reason);
  return (
    <Banner
      tone={tone}
      icon={tone === 'red' || tone === 'amber' ? 'warning' : 'info'}
      action={agent.breaker.state !== 'closed' && <ResetBreaker agent={agent} />}
    >
      {why !== undefined && <>{sentence(why)} </>}
      {remedyOf(agent)}{' '}
      {next !== undefined && !barred && (
        <span className="num">
          {next.words} <Countdown until={next.at} calm />.
        </span>
      )}
    </Banner>
  );
}

function toneOf({ status, activity, breaker, reason, desired_state }: Agent): Tone | undefined {
  if (status === 'failed') return 'red';
  if (status === 'crashed' || breaker.state !== 'closed') return 'amber';
  if (reason === undefined) return undefined;
  if (status === 'parked' || activity === 'quota') return 'violet';
  return status === 'inactive' && desired_state === 'active' ? 'grey' : undefined;
}

function remedyOf({ status, breaker, activity, resume_at }: Agent): ReactNode {
  if (breaker.state === 'half_open') return 'This is its one more try: if it ends again, it is left alone again.';
  if (breaker.state === 'open' && breaker.open_until !== undefined) return 'The breaker is open: it is left alone.';
  if (status === 'failed') return 'Its conversation is kept. Look at the logs, mend the cause, then start it again.';
  return activity === 'quota' && resume_at === undefined ? 'It goes on when a person has mended that.' : null;
}

function ResetBreaker({ agent }: { readonly agent: Agent }) {
  const reset = useResetBreaker(agent);
  const mayOperate = useCan('operator');
  return (
    <Button
      type="button"
      size="small"
      outlined
      label="Reset breaker"
      title={mayOperate ? 'Forget the crashes; an agent that should run starts now' : 'Your role does not allow this'}
      disabled={!mayOperate || reset.isPending}
      onClick={() => reset.mutate()}
    />
  );
}

function sentence(reason: string): string {
  const words = withClockTimes(reason);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?…]$/.test(words) ? '' : '.'}`;
}
