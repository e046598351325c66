import type { Approval, ApprovalStatus } from '../contracts/approval.js';

export type EndStatus = Extract<ApprovalStatus, 'approved' | 'denied' | 'expired' | 'cancelled'>;

/** Every way from one state to another; nothing leaves an end. */
export const TRANSITIONS: Readonly<Record<ApprovalStatus, readonly ApprovalStatus[]>> = {
  pending: ['parked', 'approved', 'denied', 'expired', 'cancelled'],
  // It waits at a process again when the call has come back.
  parked: ['pending', 'approved', 'denied', 'expired', 'cancelled'],
  approved: [],
  denied: [],
  expired: [],
  cancelled: [],
};

export const canEndAs = (from: ApprovalStatus, to: EndStatus): boolean => TRANSITIONS[from].includes(to);

export const isEnd = (status: ApprovalStatus): status is EndStatus => status !== 'pending' && status !== 'parked';

/** How a request ends: the fields of the approval that say so. */
export type Ending = { readonly status: EndStatus } & Pick<Approval, 'decided_by' | 'channel' | 'reason'> &
  Partial<
    Pick<Approval, 'updated_input' | 'updated_input_sha256' | 'risk_level' | 'reasons' | 'rule_id' | 'policy_version'>
  >;

/** The request as it is after its end. The caller has checked `canEndAs`. */
export const ended = (approval: Approval, ending: Ending, decided_at: string): Approval => ({
  ...approval,
  ...ending,
  decided_at,
});

/** The end of a request by Nox itself. */
export const endedByNox = (status: 'expired' | 'cancelled', reason: string): Ending => ({
  status,
  decided_by: 'nox',
  channel: 'nox',
  reason,
});

/**
 * Why a request can no longer be decided by a person although it is pending: its time is over, or its call waits no
 * more. `waiting` is whether a living call still waits for it.
 */
export function staleEnding(expires_ms: number, now_ms: number, waiting: boolean): Ending | null {
  if (now_ms >= expires_ms) return endedByNox('expired', 'nobody decided in time');
  if (!waiting) return endedByNox('cancelled', 'the call no longer waits');
  return null;
}
