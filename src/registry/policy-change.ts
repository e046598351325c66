import { createHash } from 'node:crypto';
import type { Actor } from '../contracts/auth.js';
import { type Policy, PolicyRule } from '../contracts/policy.js';
import { NoxError } from '../shared/nox-error.js';
import { type Base, type Change, parsed, versionOf } from './intent-change.js';
import { describeProblem, type Document, isProblem, policyOf, readDocument } from './intent.js';
import { withoutSections } from './relationship-change.js';
import { scanToml } from './toml/toml-scan.js';
import { formatKey, formatValue } from './toml/toml-format.js';
import { type TomlTable, withoutUndefined } from './toml/toml.js';

const FILE = 'approval-policy.toml';

/** What names a version of the policy: any change of its text changes it. */
export const policyVersion = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** Reads a policy as it would be read from its file. VALIDATION_ERROR says line, field and remedy. */
export function parsePolicy(text: string): Policy {
  return policyOf(documentOf(text));
}

function documentOf(text: string): Document {
  const document = readDocument(FILE, text);
  if (!isProblem(document)) return document;
  throw new NoxError('VALIDATION_ERROR', `The policy does not fit: ${describeProblem(document)}`, [
    { field: document.field || 'text', message: `line ${document.line}: ${document.message}` },
  ]);
}

/**
 * Replaces the whole file. VALIDATION_ERROR says line, field and remedy; INVALID_STATE when another version than
 * `base_version` is in force. Null when nothing changes.
 */
export function writePolicyChange(
  base: Base,
  text: string,
  { actor, action = 'edit', object = 'rules', base_version }: PolicyEdit,
): Change | null {
  const old = versionOf(base.versions, FILE);
  if (base_version !== undefined && base_version !== policyVersion(old.text))
    throw new NoxError('INVALID_STATE', 'The policy was changed meanwhile: read it again, then edit.', {
      version: policyVersion(old.text),
    });
  if (text === old.text) return null;
  const document = documentOf(text);
  return {
    note: { area: 'policy', action, object, object_ref: 'policy:approval-policy', actor },
    documents: new Map([[FILE, document]]),
    intent: { ...base.intent, policy: policyOf(document), files: new Map([...base.intent.files, [FILE, text]]) },
  };
}

export interface PolicyEdit {
  readonly actor: Actor;
  readonly action?: string;
  readonly object?: string;
  readonly base_version?: string | undefined;
}

/** Adds a rule after the others, or before them. VALIDATION_ERROR: an id that is taken. */
export function addRuleChange(base: Base, rule: PolicyRule, first: boolean, actor: Actor): Change {
  const row = withoutUndefined(parsed('rule', PolicyRule, rule)) as TomlTable;
  const { text } = versionOf(base.versions, FILE);
  const block = `[[rules]]\n${Object.entries(row)
    .map(([key, value]) => `${formatKey(key)} = ${formatValue(value, key, true)}\n`)
    .join('')}`;
  const next = scanToml(text).find(({ path, array }) => array && path[0] === 'rules' && path.length === 1);
  const after =
    first && next !== undefined
      ? `${text.slice(0, next.lead)}${block}\n${text.slice(next.lead)}`
      : `${text.trimEnd()}\n\n${block}`;
  const change = writePolicyChange(base, after, { actor, action: 'add', object: rule.id });
  if (change === null) throw new NoxError('INTERNAL_SERVER_ERROR', 'A rule that changes nothing.');
  return change;
}

/** Takes a rule out. NOT_FOUND. */
export function removeRuleChange(base: Base, id: string, actor: Actor): Change | null {
  const index = base.intent.policy.rules.findIndex((rule) => rule.id === id);
  if (index < 0) throw new NoxError('NOT_FOUND', `No rule has the id ${id}.`);
  const { text } = versionOf(base.versions, FILE);
  return writePolicyChange(base, withoutSections(text, [index], 'rules'), { actor, action: 'remove', object: id });
}
