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
  /** Whether the call ran: null while nothing is known. */
  executed: z.boolean().nullable(),
  result: z.string().nullable(),
  /** When it was first parked: the agent's process may be gone, the call comes back by itself. */
  parked_at: Timestamp.optional(),
  /** The rule that decided, and the policy's version at the decision. */
  rule_id: z.string().nullable().optional(),
  policy_version: z.string().optional(),
});
export type Approval = z.infer<typeof Approval>;

export const ApprovalListQuery = PageQuery.extend({
  status: ApprovalStatus.optional(),
  agent_id: AgentId.optional(),
});
/** Those that wait oldest first, ended ones newest first; `pending` names parked ones, too. */
export const ApprovalList = z.object({ approvals: z.array(Approval), pagination: Pagination });
export type ApprovalList = z.infer<typeof ApprovalList>;

export const Channel = z.enum(['api', 'dashboard', 'cli']);
export const ApproveRequest = z
  .strictObject({
    reason: z.string().max(2000).optional(),
    /** Run this instead of what was asked. */
    updated_input: z.record(z.string(), z.unknown()).optional(),
    channel: Channel.default('api'),
  })
  .prefault({});
export type ApproveRequest = z.infer<typeof ApproveRequest>;
export const DenyRequest = z
  .strictObject({ reason: z.string().max(2000).optional(), channel: Channel.default('api') })
  .prefault({});
export type DenyRequest = z.infer<typeof DenyRequest>;
