import * as z from 'zod';
import { RiskLevel } from './approval.js';
import { AgentId, ApprovalId, Timestamp } from './ids.js';

export const PolicyEffect = z.enum(['allow', 'ask', 'deny']);
export type PolicyEffect = z.infer<typeof PolicyEffect>;

const Text = z.string().min(1).max(1000);
const oneOrMore = <T extends z.ZodType>(item: T) => z.union([item, z.array(item).min(1).max(100)]);
const Names = oneOrMore(Text);
const ClockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day, as 22:00');

/**
 * Matched on each command of the parsed text, never on a prefix. `program` is the bare name; `args` are all arguments,
 * `args_start` the first ones, `args_contain` are somewhere among them.
 */
export const CommandPattern = z.strictObject({
  program: Names,
  args: z.array(Text).max(100).optional(),
  args_start: z.array(Text).max(100).optional(),
  args_contain: z.array(Text).min(1).max(100).optional(),
});
export type CommandPattern = z.infer<typeof CommandPattern>;

/** Conditions of a rule: all of them must hold, and those that name several things hold for any one of them. */
export const PolicyWhen = z.strictObject({
  /** Names of tools; `*` at the end stands for the rest, as in `mcp__github__*`. */
  tool: Names.optional(),
  command: CommandPattern.optional(),
  /** Every path of the call leads into this folder; `workspace` is the agent's own. */
  path_inside: Names.optional(),
  /** Hosts that the call names; `*.example.org` stands for those below. */
  host: Names.optional(),
  agent: oneOrMore(AgentId).optional(),
  /** Capabilities of the agent. */
  capability: Names.optional(),
  risk: oneOrMore(RiskLevel).optional(),
  /** Time of day on the server's clock; `from` after `to` goes over midnight. */
  time: z.strictObject({ from: ClockTime, to: ClockTime }).optional(),
  /** What the agent has spent today is below this. */
  spent_below_usd: z.number().min(0).optional(),
});
export type PolicyWhen = z.infer<typeof PolicyWhen>;

export const PolicyRule = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,98}$/, 'must be small letters, digits, dots and dashes'),
  when: PolicyWhen,
  then: PolicyEffect,
  reason: z.string().max(2000).default(''),
  proposed_from: z.array(ApprovalId).max(1000).optional(),
});
export type PolicyRule = z.infer<typeof PolicyRule>;

export const PolicyDefaults = z.looseObject({
  ask_expires_after_s: z.number().int().min(1).max(2_592_000).optional(),
  park_after_s: z.number().int().min(1).max(86_400).optional(),
  on_expiry: z.literal('deny', { message: 'must be "deny": an expired request never runs' }).optional(),
  /** A critical request needs this many different people. */
  critical_needs: z.union([z.literal(1), z.literal(2)]).optional(),
});

export const Policy = z
  .looseObject({
    schema_version: z.literal(1, { message: 'must be 1: this Nox knows no other version of the file' }).default(1),
    defaults: PolicyDefaults.default({}),
    rules: z.array(PolicyRule).max(2000).default([]),
  })
  .superRefine(({ rules }, context) => {
    const seen = new Set<string>();
    rules.forEach(({ id }, index) => {
      if (seen.has(id))
        context.addIssue({
          code: 'custom',
          path: ['rules', index, 'id'],
          message: `"${id}" is the id of another rule`,
        });
      seen.add(id);
    });
  });
export type Policy = z.infer<typeof Policy>;

/** The policy in force. */
export const PolicyView = z.object({
  /** First twelve hex digits of the sha256 of the text. */
  version: z.string(),
  text: z.string(),
  defaults: PolicyDefaults,
  rules: z.array(PolicyRule),
});
export type PolicyView = z.infer<typeof PolicyView>;

/** A rule with the words for what it does to past requests. */
export const DryRunCase = z.object({
  approval_id: ApprovalId,
  agent_id: AgentId,
  tool_name: z.string(),
  /** What was asked, in one line. */
  summary: z.string(),
  decided: z.enum(['approved', 'denied']),
  would: PolicyEffect,
  rule_id: z.string().nullable(),
});
/** What a policy would have done with requests that people decided. */
export const DryRun = z.object({
  looked_at: z.number().int(),
  /** Decided by a rule just as the person did. */
  same: z.number().int(),
  /** Decided by a rule otherwise than the person did. */
  different: z.number().int(),
  /** A person would still be asked. */
  asked: z.number().int(),
  /** Those that a rule decides, different ones first; at most 50. */
  cases: z.array(DryRunCase),
});
export type DryRun = z.infer<typeof DryRun>;

export const PolicyText = z.string().max(1_048_576);
export const PolicyTestRequest = z
  .strictObject({
    /** A whole policy to try; the one in force if it is not given. */
    text: PolicyText.optional(),
    /** Rules to try before those. */
    rules: z.array(PolicyRule).max(100).optional(),
    /** A call to judge. */
    call: z
      .strictObject({
        agent_id: AgentId.optional(),
        tool_name: Text,
        input: z.record(z.string(), z.unknown()),
        cwd: z.string().max(4096).optional(),
      })
      .optional(),
    /** How many past requests to run over. */
    last: z.number().int().min(1).max(1000).default(60),
  })
  .prefault({});
export const PolicyVerdict = z.object({
  effect: PolicyEffect,
  /** Null: no rule, but what Nox itself knows. */
  rule_id: z.string().nullable(),
  reason: z.string(),
  risk_level: RiskLevel,
  reasons: z.array(z.string()),
  /** How a command was understood: its parts, or null when it could not be read for sure. */
  commands: z.array(z.array(z.string())).nullable(),
});
export type PolicyVerdict = z.infer<typeof PolicyVerdict>;
export const PolicyTestReply = z.object({ verdict: PolicyVerdict.nullable(), dry_run: DryRun });
export type PolicyTestReply = z.infer<typeof PolicyTestReply>;

export const PolicyWriteRequest = z.strictObject({
  text: PolicyText,
  /** The version that was edited: refused with INVALID_STATE when another one is in force by now. */
  base_version: z.string().optional(),
});
/** Adds a rule before or after those that are there. */
export const AddRuleRequest = z.strictObject({
  rule: PolicyRule,
  first: z.boolean().default(false),
});

/** A rule that Nox proposes, since people answered the same thing again and again. */
export const PolicyProposal = z.object({
  id: z.string(),
  rule: PolicyRule,
  /** How often people answered this way, and when last. */
  answers: z.number().int(),
  last_at: Timestamp,
  dry_run: DryRun,
});
export type PolicyProposal = z.infer<typeof PolicyProposal>;
export const PolicyProposalList = z.object({ proposals: z.array(PolicyProposal) });

/** The rule that would follow from one request, with its dry run; or why none can be made of it. */
export const RuleOffer = z.object({
  rule: PolicyRule.nullable(),
  why_not: z.string().nullable(),
  dry_run: DryRun.nullable(),
});
export type RuleOffer = z.infer<typeof RuleOffer>;
