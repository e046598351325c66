import type { Approval, ApprovalStatus, HeldDecision, Vote } from '../contracts/approval.js';

export type EndStatus = Extract<ApprovalStatus, 'approved' | 'denied' | 'expired' | 'cancelled'>;

/** Every way from one state to another; nothing leaves an end, but for a word of a person that was never told. */
export const TRANSITIONS: Readonly<Record<ApprovalStatus, readonly ApprovalStatus[]>> = {
  pending: ['parked', 'approved', 'denied', 'expired', 'cancelled'],
  // It waits at a process again when the call has come back.
  parked: ['pending', 'approved', 'denied', 'expired', 'cancelled'],
  // Undone before the parked call came back for its answer.
  approved: ['parked'],
  denied: ['parked'],
  expired: [],
  cancelled: [],
};

export const canEndAs = (from: ApprovalStatus, to: EndStatus): boolean => TRANSITIONS[from].includes(to);

export const isEnd = (status: ApprovalStatus): status is EndStatus => status !== 'pending' && status !== 'parked';

/** How a request ends: the fields of the approval that say so. */
export type Ending = { readonly status: EndStatus } & Pick<Approval, 'decided_by' | 'channel' | 'reason'> &
  Edit &
  Partial<Pick<Approval, 'rule_id' | 'policy_version'>>;

/** What an edited input changes in a request. */
export type Edit = Partial<Pick<Approval, 'updated_input' | 'updated_input_sha256' | 'risk_level' | 'reasons'>>;

/** The request as it is after its end. The caller has checked `canEndAs`. */
export function ended(approval: Approval, ending: Ending, decided_at: string): Approval {
  const { held: _, ...kept } = approval;
  return { ...kept, ...ending, decided_at };
}

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

/**
 * The people who approve these very bytes, with this one. Whoever approves other bytes than those before begins anew:
 * nothing runs that fewer people have approved than must.
 */
export function withVote(approval: Approval, vote: Vote): Vote[] {
  const same = (approval.votes ?? []).filter(({ input_sha256 }) => input_sha256 === vote.input_sha256);
  return [...same.filter(({ by }) => !isSamePerson(by, vote.by)), vote];
}

/** Whether this person has already approved these very bytes. */
export const hasVoted = ({ votes = [] }: Approval, { by, input_sha256 }: Vote): boolean =>
  votes.some((vote) => isSamePerson(vote.by, by) && vote.input_sha256 === input_sha256);

/** Whether two names stand for one person: a user and the clients of that user, as `ann+laptop`, do. */
export const isSamePerson = (a: string, b: string): boolean => personOf(a) === personOf(b);
const personOf = (name: string): string => name.toLowerCase().split('+')[0] ?? '';

/** The request while a decision is held back from its call. */
export const holding = (approval: Approval, ending: Ending, at: string, until: string): Approval => ({
  ...approval,
  held: { ...(ending as Omit<HeldDecision, 'at' | 'until'>), at, until },
});

/** The end that was held back. */
export function heldEnding(held: HeldDecision): Ending {
  const { at: _, until: __, ...ending } = held;
  // The optional fields were left out when there was nothing to say, not set to undefined.
  return ending as Ending;
}

/** The request as before a person's word about it: the decision and the votes of whoever decided are gone. */
export function undone({ held, ...approval }: Approval, without: string): Approval {
  const { rule_id: _, updated_input_sha256: __, ...kept } = approval;
  const decider = held?.decided_by ?? approval.decided_by ?? without;
  const votes = (approval.votes ?? []).filter(({ by }) => !isSamePerson(by, without) && !isSamePerson(by, decider));
  return {
    ...kept,
    status: isEnd(approval.status) ? 'parked' : approval.status,
    decided_at: null,
    decided_by: null,
    channel: null,
    reason: null,
    updated_input: null,
    reasons: approval.reasons.filter((reason) => !reason.startsWith('edited: ')),
    votes,
  };
}
