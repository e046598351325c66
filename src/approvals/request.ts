import type { Approval } from '../contracts/approval.js';
import { newId } from '../shared/ids.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import type { Edit } from './approval-state.js';
import { bindingHash } from './binding-hash.js';
import { canonicalJson } from './canonical.js';
import { type Risk, worse } from './finding.js';
import type { GatedCall, GateDecision } from './gate.js';
import { groupKey } from './group.js';
import type { Resolve } from './paths.js';
import { classify, type RiskyCall } from './risk.js';

/** Larger inputs are refused: they cannot be stored for every event, and nobody reads them. */
export const MAX_INPUT_BYTES = 2 * 1_048_576;

export const sizeOf = (input: unknown): number => Buffer.byteLength(JSON.stringify(input));

const OWN_TYPES: Readonly<Record<string, Approval['request_type']>> = {
  mcp__nox__spawn_agent: 'agent_creation',
  mcp__nox__delegate_task: 'task_delegation',
};
const QUESTIONS: ReadonlySet<string> = new Set(['AskUserQuestion', 'ExitPlanMode']);

const typeOf = (tool_name: string, question: boolean): Approval['request_type'] =>
  question ? 'question' : (OWN_TYPES[tool_name] ?? 'tool_use');

/** A new pending request. Its input is a copy, so that nobody can change what is shown. */
export function newApproval(call: GatedCall, risk: Risk, requested_at: string, expires_at: string): Approval {
  const { agent_id, session_id, turn_id, tool_use_id, tool_name, cwd } = call;
  const question = QUESTIONS.has(tool_name) || call.requires_user_interaction;
  const request_type = call.asked?.request_type ?? typeOf(tool_name, question);
  const grouped = {
    tool_name,
    input: call.input,
    cwd,
    request_type,
    workspace: call.workspace,
    risk_level: risk.level,
  };
  return {
    id: newId('apr'),
    agent_id,
    session_id,
    turn_id,
    tool_use_id,
    request_type,
    tool_name,
    input: structuredClone(call.input),
    cwd,
    input_sha256: bindingHash(call),
    group_key: groupKey(grouped),
    ...(call.workspace === undefined || call.workspace === cwd ? {} : { workspace: call.workspace }),
    risk_level: risk.level,
    reasons: risk.reasons,
    status: 'pending',
    requested_at,
    expires_at,
    decided_at: null,
    decided_by: null,
    channel: null,
    reason: null,
    updated_input: null,
    executed: null,
    result: null,
  };
}

/** The call of a stored request, to be judged again. */
export const askedOf = ({
  agent_id,
  tool_name,
  input,
  cwd,
  workspace,
}: Approval): RiskyCall & { readonly agent_id: string } => ({
  agent_id,
  tool_name,
  input: isInput(input) ? input : {},
  cwd,
  workspace,
});

const isInput = (input: unknown): input is Record<string, unknown> =>
  typeof input === 'object' && input !== null && !Array.isArray(input);

/** What an edited input changes in the approval; nothing if it is the same input. Throws VALIDATION_ERROR. */
export function editOf(approval: Approval, updated_input: Record<string, unknown>, resolve: Resolve): Edit {
  const text = canonicalOf(updated_input);
  if (text === canonicalJson(approval.input)) return {};
  const { agent_id, session_id, tool_use_id, tool_name, cwd } = approval;
  const risk = classify({ tool_name, input: updated_input, cwd, workspace: approval.workspace }, resolve);
  return {
    updated_input: structuredClone(updated_input),
    updated_input_sha256: bindingHash({ agent_id, session_id, tool_use_id, tool_name, input: updated_input, cwd }),
    risk_level: worse(approval.risk_level, risk.level),
    reasons: [...approval.reasons, ...risk.reasons.map((reason) => `edited: ${reason}`)],
  };
}

const refuse = (why: string, cause?: unknown): NoxError =>
  new NoxError('VALIDATION_ERROR', `updated_input ${why}`, [{ field: 'updated_input', message: why }], { cause });

function canonicalOf(input: unknown): string {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) throw refuse('must be an object');
  try {
    const text = canonicalJson(input);
    if (Buffer.byteLength(text) <= MAX_INPUT_BYTES) return text;
  } catch (error) {
    throw refuse(`is not JSON: ${messageOf(error)}`, error);
  }
  throw refuse('is larger than 2 MiB');
}

export const deferral = (approval_id: string): GateDecision => ({
  behavior: 'defer',
  reason: 'parked until somebody decides',
  by: 'nox',
  approval_id,
});

export const denial = (reason: string, by: string, approval_id: string | null): GateDecision => ({
  behavior: 'deny',
  reason,
  by,
  approval_id,
});

/** What the waiting call is told about the end of its request. */
export function decisionOf(approval: Approval): GateDecision {
  const by = approval.decided_by ?? 'nox';
  if (approval.status !== 'approved') return denial(approval.reason ?? `Refused by ${by}.`, by, approval.id);
  const edited = approval.updated_input as Record<string, unknown> | null;
  const { reason, id: approval_id } = approval;
  return { behavior: 'allow', by, reason, approval_id, ...(edited === null ? {} : { updated_input: edited }) };
}
