import * as z from 'zod';
import { ApprovalStatus, RiskLevel } from './approval.js';
import { AgentId, ApprovalId, Timestamp } from './ids.js';

export const LedgerKind = z.enum([
  'requested',
  'parked',
  /** One of the people who must approve it has. */
  'voted',
  /** A decision that is not told yet. */
  'held',
  'undone',
  'approved',
  'denied',
  'expired',
  'cancelled',
  'executed',
]);
export type LedgerKind = z.infer<typeof LedgerKind>;

/** What one link of the ledger says. Inputs and results are named by hash; the journal holds them. */
export const LedgerBody = z.object({
  approval_id: ApprovalId,
  agent_id: AgentId,
  tool_name: z.string(),
  input_sha256: z.string(),
  /** What ran instead, if a person edited it. */
  updated_input_sha256: z.string().nullable(),
  risk_level: RiskLevel,
  status: ApprovalStatus,
  decided_by: z.string().nullable(),
  channel: z.string().nullable(),
  reason: z.string().nullable(),
  rule_id: z.string().nullable(),
  policy_version: z.string().nullable(),
  executed: z.boolean().nullable(),
  result_sha256: z.string().nullable(),
});
export type LedgerBody = z.infer<typeof LedgerBody>;

/** `sha256` is over the one before, the number, the time, the kind and the body: nothing can change without notice. */
export const LedgerEntry = z.object({
  seq: z.number().int(),
  at: Timestamp,
  kind: LedgerKind,
  body: LedgerBody,
  prev_sha256: z.string(),
  sha256: z.string(),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

export const LedgerQuery = z.object({
  agent_id: AgentId.optional(),
  approval_id: ApprovalId.optional(),
  /** Entries older than this one. */
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
/** Newest first. */
export const LedgerList = z.object({ entries: z.array(LedgerEntry), has_more: z.boolean() });
export type LedgerList = z.infer<typeof LedgerList>;

export const LedgerVerdict = z.object({
  ok: z.boolean(),
  entries: z.number().int(),
  head: z.string().nullable(),
  /** Record commits that name a link, and how many of them name one that stands. */
  anchors: z.object({ found: z.number().int(), match: z.number().int() }),
  problem: z.object({ seq: z.number().int(), message: z.string() }).nullable(),
});
export type LedgerVerdict = z.infer<typeof LedgerVerdict>;
