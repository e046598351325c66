import * as z from 'zod';
import { AgentId, ApprovalId, PageQuery, Pagination, Timestamp } from './ids.js';

export const RiskLevel = z.enum(['low', 'medium', 'high', 'critical']);
export type RiskLevel = z.infer<typeof RiskLevel>;

export const ApprovalStatus = z.enum(['pending', 'parked', 'approved', 'denied', 'expired', 'cancelled']);
export type ApprovalStatus = z.infer<typeof ApprovalStatus>;

export const RequestType = z.enum([
  'tool_use',
  'question',
  'agent_creation',
  'mcp_installation',
  'external_communication',
  'resource_expansion',
  'registry_modification',
  'task_delegation',
  'cost',
]);

/** One person's word for a call that more than one must approve; for the bytes of this hash and no others. */
export const Vote = z.object({
  by: z.string(),
  at: Timestamp,
  channel: z.string(),
  reason: z.string().nullable(),
  input_sha256: z.string(),
});
export type Vote = z.infer<typeof Vote>;

/** A decision that is made and not yet told to the call: until then it can be undone. */
export const HeldDecision = z.object({
  status: z.enum(['approved', 'denied']),
  decided_by: z.string(),
  channel: z.string(),
  reason: z.string().nullable(),
  at: Timestamp,
  until: Timestamp,
  updated_input: z.unknown().optional(),
  updated_input_sha256: z.string().optional(),
  risk_level: RiskLevel.optional(),
  reasons: z.array(z.string()).optional(),
});
export type HeldDecision = z.infer<typeof HeldDecision>;

/** What cannot go on before the request is decided. */
export const WaitsBehind = z.object({
  /** Prompts queued at the agent. */
  turns: z.number().int(),
  /** Messages to the agent that it has not dealt with. */
  messages: z.number().int(),
  /** Its open tasks, and those of anybody that depend on them. */
  tasks: z.number().int(),
  /** Other agents that wait for it: for a task, an answer or a delegation. */
  agents: z.number().int(),
});
export type WaitsBehind = z.infer<typeof WaitsBehind>;

/** A call that waits, or waited, for a decision; bound to the exact bytes by `input_sha256`. */
export const Approval = z.object({
  id: ApprovalId,
  agent_id: AgentId,
  session_id: z.string().nullable(),
  turn_id: z.string().nullable(),
  tool_use_id: z.string(),
  request_type: RequestType,
  tool_name: z.string(),
  input: z.unknown(),
  /** sha256 of (agent, session, tool_use_id, tool, canonical input, cwd). */
  input_sha256: z.string(),
  cwd: z.string(),
  /** The agent's own folder, if it is not `cwd`. */
  workspace: z.string().optional(),
  risk_level: RiskLevel,
  reasons: z.array(z.string()),
  status: ApprovalStatus,
  requested_at: Timestamp,
  expires_at: Timestamp,
  decided_at: Timestamp.nullable(),
  /** User name, `policy`, or `nox` for expiry and cancellation. */
  decided_by: z.string().nullable(),
  /** api | dashboard | cli | policy | nox */
  channel: z.string().nullable(),
  reason: z.string().nullable(),
  /** The input that ran instead, if the decider edited it. */
  updated_input: z.unknown().nullable(),
  /** The same hash over what ran instead; only with `updated_input`. */
  updated_input_sha256: z.string().optional(),
  /** Whether the call ran: null while nothing is known. When nothing ever will be, `result` says why. */
  executed: z.boolean().nullable(),
  result: z.string().nullable(),
  /** When it was first parked: the agent's process may be gone, the call comes back by itself. */
  parked_at: Timestamp.optional(),
  /** The rule that decided, and the policy's version at the decision. */
  rule_id: z.string().nullable().optional(),
  policy_version: z.string().optional(),
  /** The same for requests that one answer can decide: same tool, same input, same kind of place, same risk. */
  group_key: z.string().optional(),
  /** How many different people must approve it; one when it is not said. */
  approvals_needed: z.number().int().optional(),
  /** Those who have, while it still waits for another; all of them afterwards. */
  votes: z.array(Vote).optional(),
  held: HeldDecision.optional(),
  /** Counted when it is read; only of requests that wait. */
  waits_behind: WaitsBehind.optional(),
});
export type Approval = z.infer<typeof Approval>;

export const ApprovalListQuery = PageQuery.extend({
  status: ApprovalStatus.optional(),
  agent_id: AgentId.optional(),
  /** Of those that wait: by what waits behind them, their risk and age, or oldest first. */
  sort: z.enum(['rank', 'age']).default('rank'),
});
/** Those that wait come first, ended ones newest first; `pending` names parked ones, too. */
export const ApprovalList = z.object({ approvals: z.array(Approval), pagination: Pagination });
export type ApprovalList = z.infer<typeof ApprovalList>;

/** Through what a person decides; `link` is a one-time link. */
export const Channel = z.enum(['api', 'dashboard', 'cli']);
const Reason = z.string().max(2000).optional();
/** For so long the decision can be undone before the call hears of it; without it, as `approvals.undo_s` says. */
const UndoS = z.number().int().min(0).max(60).optional();

export const ApproveRequest = z
  .strictObject({
    reason: Reason,
    /** Run this instead of what was asked. */
    updated_input: z.record(z.string(), z.unknown()).optional(),
    /** Answers to the agent's questions, by the question's text; several are joined by a comma. */
    answers: z.record(z.string().max(10_000), z.string().max(10_000)).optional(),
    /** Also make the rule that follows from it; needs the role admin. */
    remember: z.boolean().optional(),
    undo_s: UndoS,
    channel: Channel.default('api'),
  })
  .prefault({});
export type ApproveRequest = z.infer<typeof ApproveRequest>;
export const DenyRequest = z
  .strictObject({ reason: Reason, undo_s: UndoS, channel: Channel.default('api') })
  .prefault({});
export type DenyRequest = z.infer<typeof DenyRequest>;

export const GroupKey = z.string().regex(/^[0-9a-f]{24}$/, 'must be 24 hex digits');
export const GroupDecisionRequest = z
  .strictObject({
    reason: Reason,
    /** Those of the group that the decider has seen; without it, all that wait now. */
    ids: z.array(ApprovalId).min(1).max(1000).optional(),
    undo_s: UndoS,
    channel: Channel.default('api'),
  })
  .prefault({});
export type GroupDecisionRequest = z.infer<typeof GroupDecisionRequest>;
/** Each member is decided for itself: some may fail while others do not. */
export const GroupDecision = z.object({
  decided: z.array(Approval),
  failed: z.array(z.object({ id: ApprovalId, agent_id: AgentId, code: z.string(), message: z.string() })),
});
export type GroupDecision = z.infer<typeof GroupDecision>;

/** Requests that ask for the same thing. */
export const ApprovalGroup = z.object({
  key: GroupKey,
  tool_name: z.string(),
  input: z.unknown(),
  risk_level: RiskLevel,
  reasons: z.array(z.string()),
  members: z.array(z.object({ id: ApprovalId, agent_id: AgentId, cwd: z.string(), requested_at: Timestamp })),
  waits_behind: WaitsBehind,
});
export type ApprovalGroup = z.infer<typeof ApprovalGroup>;
export const ApprovalGroupList = z.object({ groups: z.array(ApprovalGroup) });
