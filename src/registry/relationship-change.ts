import type { Actor } from '../contracts/auth.js';
import { Relationship, relationshipProblem } from '../contracts/relationship.js';
import { NoxError } from '../shared/nox-error.js';
import { type Base, type Change, parsed, versionOf } from './intent-change.js';
import { type Document, relationshipsOf } from './intent.js';
import { editToml } from './toml/toml-edit.js';
import { formatKey, formatValue } from './toml/toml-format.js';
import { scanToml } from './toml/toml-scan.js';
import { parseToml, sameValue, type TomlTable, type TomlValue, withoutUndefined } from './toml/toml.js';

const FILE = 'agent-relationships.toml';

/** Adds it at the end of the file. VALIDATION_ERROR: a circle of supervisors, a second supervisor, listed already. */
export function addRelationshipChange(base: Base, relationship: Relationship, actor: Actor): Change {
  const row = withoutUndefined(parsed('relationship', Relationship, relationship)) as TomlTable;
  const old = versionOf(base.versions, FILE);
  const problem = relationshipProblem([...base.intent.relationships, relationship]);
  if (problem !== undefined)
    throw new NoxError('VALIDATION_ERROR', `The relationship does not fit: ${problem.message}.`);
  const appended = `${old.text.trimEnd()}\n\n[[relationships]]\n${rowsOf(row)}`;
  const document = edited(old, [...rows(old), row], appended);
  return change(base, 'add', nameOf(relationship), document, actor);
}

/** Takes away those that fit; null when none does. */
export function removeRelationshipsChange(
  base: Base,
  fits: (relationship: Relationship) => boolean,
  object: string,
  actor: Actor,
): Change | null {
  const old = versionOf(base.versions, FILE);
  const gone = base.intent.relationships.flatMap((relationship, index) => (fits(relationship) ? [index] : []));
  if (gone.length === 0) return null;
  const left = rows(old).filter((_, index) => !gone.includes(index));
  return change(base, 'remove', object, edited(old, left, withoutSections(old.text, gone)), actor);
}

export const nameOf = ({ from, to }: Pick<Relationship, 'from' | 'to'>): string => `${from} -> ${to}`;

const rows = ({ table }: Document): readonly TomlValue[] =>
  Array.isArray(table['relationships']) ? (table['relationships'] as readonly TomlValue[]) : [];

const rowsOf = (row: TomlTable): string =>
  Object.entries(row)
    .map(([key, value]) => `${formatKey(key)} = ${formatValue(value, key, true)}\n`)
    .join('');

/** The text without the n-th `[[relationships]]` (or `[[list]]`) and what belongs to it. */
export function withoutSections(text: string, gone: readonly number[], list = 'relationships'): string {
  let index = -1;
  let result = '';
  let at = 0;
  for (const section of scanToml(text)) {
    if (section.path[0] !== list) continue;
    if (section.array && section.path.length === 1) index += 1;
    if (!gone.includes(index)) continue;
    result += text.slice(at, section.lead);
    at = section.end;
    while (text[at] === '\n') at += 1;
  }
  return result + text.slice(at);
}

/** The proposed text if it says what it should, else one that the editor makes (an array in line, say). */
function edited(old: Document, list: readonly TomlValue[], proposed: string): Document {
  const { relationships: _, ...others } = old.table;
  const table = list.length === 0 ? others : { ...others, relationships: list };
  try {
    if (sameValue(parseToml(proposed), table)) return { ...old, text: proposed, table };
  } catch {
    // Not a failure of the caller's: the document is then edited in general.
  }
  return { ...old, text: editToml(old.text, old.table, table), table };
}

function change({ intent }: Base, action: string, object: string, document: Document, actor: Actor): Change {
  return {
    note: { area: 'relationships', action, object, object_ref: `relationships:${object}`, actor },
    documents: new Map([[FILE, document]]),
    intent: {
      ...intent,
      relationships: relationshipsOf(document),
      files: new Map([...intent.files, [FILE, document.text]]),
    },
  };
}
