import type { Approval } from '../contracts/approval.js';
import type { MemoryFact } from '../contracts/memory.js';
import type { Turn } from '../contracts/turn.js';
import { holdsSecret, redact } from './redact.js';
import { formatKey, formatValue } from './toml/toml-format.js';
import { parseToml, TomlProblem, type TomlTable, type TomlValue, withoutUndefined } from './toml/toml.js';

export const CONVERSATION_HEAD = 'schema_version = 1\n';

/** A turn as an entry of its conversation file. Inputs of tools are named by hash only. */
export function formatTurn(turn: Turn): string {
  const tools = turn.blocks.flatMap((block) => (block.type === 'tool' ? [block.tool] : []));
  return formatEntry('turns', {
    turn_id: turn.id,
    session_id: turn.session_id,
    source: turn.source,
    actor: turn.actor,
    prompt: turn.prompt,
    reply: turn.text,
    status: turn.status,
    reason: turn.reason,
    tools: tools.map(({ name, input_sha256, decision, approval_id }) => ({
      name,
      input_sha256,
      decision,
      approval_id,
    })),
    usage: turn.usage,
    started_at: turn.started_at,
    ended_at: turn.ended_at,
  });
}

/** An approval's end as an entry of the history. */
export function formatApproval(approval: Approval): string {
  return formatEntry('approvals', {
    id: approval.id,
    agent_id: approval.agent_id,
    session_id: approval.session_id,
    request_type: approval.request_type,
    tool_name: approval.tool_name,
    input_sha256: approval.input_sha256,
    risk_level: approval.risk_level,
    reasons: approval.reasons,
    decision: approval.status,
    decided_by: approval.decided_by,
    channel: approval.channel,
    reason: approval.reason,
    rule_id: approval.rule_id ?? null,
    policy_version: approval.policy_version ?? null,
    requested_at: approval.requested_at,
    decided_at: approval.decided_at,
    executed: approval.executed,
    result: approval.result,
  });
}

/** A fact as an entry of an agent's memory. */
export const formatFact = (fact: MemoryFact): string => formatEntry('facts', { ...fact });

/** `2026-11-21` of a time. */
export const dayOf = (timestamp: string): string => timestamp.slice(0, 10);
/** `2026-11` of a time. */
export const monthOf = (timestamp: string): string => timestamp.slice(0, 7);

/**
 * How much of the end of an append-only file is whole, given that it holds `[[list]]` entries: a power cut may have torn
 * the last one. Answers the length to keep.
 */
export function wholeLength(text: string, list: string): number {
  const header = `[[${list}]]\n`;
  // Torn within the next entry's header: what was before it counts.
  const line = text.lastIndexOf('\n') + 1;
  if (line < text.length && header.startsWith(text.slice(line))) return wholeLength(text.slice(0, line), list);
  const last = Math.max(text.lastIndexOf(`\n${header}`) + 1, text.startsWith(header) ? 0 : -1);
  if (!text.startsWith(header, last)) return text.length;
  try {
    const entries = parseToml(text.slice(last))[list];
    const [entry] = Array.isArray(entries) ? entries : [];
    const is_empty = typeof entry !== 'object' || Object.keys(entry).length === 0;
    return text.endsWith('\n') && !is_empty ? text.length : last;
  } catch (error) {
    if (error instanceof TomlProblem) return last;
    throw error;
  }
}

function formatEntry(list: string, fields: Readonly<Record<string, unknown>>): string {
  const table = withoutUndefined(fields) as TomlTable;
  // Half a hundred formats are looked for in all texts at once: few hold one, and a turn has a dozen texts.
  const keep = holdsSecret(textsOf(table).join('\n')) ? redact : (text: string): string => text;
  const clean = mapTexts(table, (text) => keep(text.toWellFormed())) as TomlTable;
  const rows = Object.entries(clean).map(([key, value]) => `${formatKey(key)} = ${formatValue(value, key)}\n`);
  return `\n[[${list}]]\n${rows.join('')}`;
}

function textsOf(value: TomlValue): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  return typeof value === 'object' ? Object.values(value).flatMap(textsOf) : [];
}

function mapTexts(value: TomlValue, change: (text: string) => string): TomlValue {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((member) => mapTexts(member, change));
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, mapTexts(member, change)]));
}
