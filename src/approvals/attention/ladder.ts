import type { RiskLevel } from '../../contracts/approval.js';
import type { Attention, AttentionStep } from '../../contracts/attention.js';
import { isAtLeast } from '../finding.js';

const DAY_MIN = 24 * 60;
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

/** The end of the quiet hours that this time lies in; the time itself when it lies in none. By the server's local time. */
export function quietEnd(at_ms: number, quiet: Attention['quiet_hours']): number {
  if (quiet === undefined || quiet.from === quiet.to) return at_ms;
  const [from, to] = [minuteOf(quiet.from), minuteOf(quiet.to)];
  const at = new Date(at_ms);
  const minute = at.getHours() * 60 + at.getMinutes();
  const inside = from < to ? minute >= from && minute < to : minute >= from || minute < to;
  if (!inside) return at_ms;
  const end = new Date(at_ms);
  // By the calendar, so that a change to summer time moves nothing.
  if (minute >= to) end.setDate(end.getDate() + 1);
  end.setHours(Math.floor(to / 60), to % 60, 0, 0);
  return end.getTime();
}

/** When a notice that could not be delivered is tried again: each time after twice as long, a little apart from others. */
export function retryAt(attempts: number, now_ms: number, random: number): number {
  const wait_ms = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, attempts - 1));
  return now_ms + Math.round(wait_ms * (0.75 + random / 2));
}

function minuteOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return (hours * 60 + minutes) % DAY_MIN;
}

export const stepOf = ({ steps }: Attention, id: string): AttentionStep | undefined =>
  steps.find((step) => step.id === id);
