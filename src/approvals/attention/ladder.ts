import type { RiskLevel } from '../../contracts/approval.js';
import type { Attention, AttentionStep } from '../../contracts/attention.js';
import { isAtLeast } from '../finding.js';
import { afterQuiet, quietEnd } from './quiet-hours.js';

const FIRST_RETRY_MS = 5000;
const MAX_RETRY_MS = 600_000;

export interface PlannedNotice {
  readonly step_id: string;
  readonly due_ms: number;
}

/**
 * When which step of the ladder tells of a request. In quiet hours only what is urgent is told; the rest waits for their
 * end, and steps keep their distance from one another.
 */
export function planNotices(
  { steps, quiet_hours, urgent_risk }: Attention,
  { risk_level, requested_ms }: { readonly risk_level: RiskLevel; readonly requested_ms: number },
): PlannedNotice[] {
  const urgent = isAtLeast(risk_level, urgent_risk);
  const begin_ms = urgent ? requested_ms : quietEnd(requested_ms, quiet_hours);
  return steps
    .filter(({ min_risk }) => isAtLeast(risk_level, min_risk))
    .map(({ id, after_s }) => {
      const at_ms = begin_ms + after_s * 1000;
      return { step_id: id, due_ms: urgent ? at_ms : quietEnd(at_ms, quiet_hours) };
    });
}

/** When a request is denied because nobody has decided it. For what is not urgent the clock stands still in quiet hours. */
export function expiryOf(
  attention: Pick<Attention, 'quiet_hours' | 'urgent_risk'> | undefined,
  risk_level: RiskLevel,
  requested_ms: number,
  after_s: number,
): number {
  const urgent = attention === undefined || isAtLeast(risk_level, attention.urgent_risk);
  return afterQuiet(requested_ms, after_s * 1000, urgent ? undefined : attention.quiet_hours);
}

/** When a notice that could not be delivered is tried again: each time after twice as long, a little apart from others. */
export function retryAt(attempts: number, now_ms: number, random: number): number {
  const wait_ms = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, attempts - 1));
  return now_ms + Math.round(wait_ms * (0.75 + random / 2));
}

export const stepOf = ({ steps }: Attention, id: string): AttentionStep | undefined =>
  steps.find((step) => step.id === id);
