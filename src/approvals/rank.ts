import type { Approval, WaitsBehind } from '../contracts/approval.js';
import { RISK_WEIGHT } from './finding.js';

/** How much one of each weighs that cannot go on: another agent stands still as a whole. */
const WEIGHT: Readonly<Record<keyof WaitsBehind, number>> = { agents: 8, tasks: 4, turns: 3, messages: 2 };
/** A request gains one with each of these minutes, so that nothing is passed over for ever. */
const AGE_MIN = 5;

export interface Ranked {
  readonly id: string;
  readonly risk_level: Approval['risk_level'];
  readonly requested_ms: number;
  readonly waits_behind: WaitsBehind;
}

/** How urgent a request is: what waits behind it first, then its risk and its age. */
export function urgencyOf({ risk_level, requested_ms, waits_behind }: Ranked, now_ms: number): number {
  const behind = (Object.keys(WEIGHT) as (keyof WaitsBehind)[]).reduce(
    (sum, what) => sum + WEIGHT[what] * waits_behind[what],
    0,
  );
  return behind + RISK_WEIGHT[risk_level] + Math.max(0, now_ms - requested_ms) / (AGE_MIN * 60_000);
}

/** The most urgent first; of equal ones the older. */
export function ranked<T extends Ranked>(requests: readonly T[], now_ms: number): T[] {
  return requests
    .map((request) => ({ request, urgency: urgencyOf(request, now_ms) }))
    .sort(
      (a, b) =>
        b.urgency - a.urgency ||
        a.request.requested_ms - b.request.requested_ms ||
        (a.request.id < b.request.id ? -1 : 1),
    )
    .map(({ request }) => request);
}
