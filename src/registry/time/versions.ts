import type { IntentFileName, MergeConflict, MergeRequest } from '../../contracts/registry.js';
import { NoxError } from '../../shared/nox-error.js';
import { describeProblem, type Document, type DocumentSet, INTENT_FILES, isProblem, readDocument } from '../intent.js';
import { type Choose, mergeTables } from '../merge.js';
import { editToml } from '../toml/toml-edit.js';
import { isTable, type TomlTable } from '../toml/toml.js';

/** Which part of the registry goes back; neither: all of it. */
export interface Scope {
  readonly agents?: readonly string[] | undefined;
  readonly paths?: readonly IntentFileName[] | undefined;
}

/** The version in force with the part that the scope names as the target has it. REGISTRY_INVALID when that does not fit. */
export function withinScope(now: DocumentSet, target: DocumentSet, { agents, paths }: Scope): DocumentSet {
  if (paths !== undefined) return new Map([...now, ...[...target].filter(([file]) => paths.includes(file))]);
  if (agents === undefined) return target;
  const [old, then] = [now, target].map((set) => set.get('agents.toml'));
  if (old === undefined || then === undefined) return now;
  const wanted = tablesOf(then);
  const tables = Object.entries(tablesOf(old)).filter(([id]) => !agents.includes(id) || Object.hasOwn(wanted, id));
  const taken = agents.filter((id) => Object.hasOwn(wanted, id)).map((id) => [id, wanted[id] ?? {}] as const);
  const table = { ...old.table, agents: Object.fromEntries([...tables, ...taken]) };
  return new Map([...now, ['agents.toml', withTable('agents.toml', old, table)]]);
}

export interface Merged {
  readonly documents: DocumentSet;
  readonly conflicts: readonly MergeConflict[];
}
/** A conflict of a file, whichever kind it is. */
type Conflict = Pick<MergeConflict, 'key'> & { readonly file: string };

/** Three versions of all files into one, key by key. A file that only one side changed is taken as it is, with its comments. */
export function mergeVersions(
  base: DocumentSet,
  ours: DocumentSet,
  theirs: DocumentSet,
  choices: Pick<MergeRequest, 'choices' | 'prefer'> = { choices: [] },
): Merged {
  const conflicts: MergeConflict[] = [];
  const documents = new Map<IntentFileName, Document>();
  for (const file of INTENT_FILES) {
    const [old, mine, yours] = [base, ours, theirs].map((set) => set.get(file));
    if (old === undefined || mine === undefined || yours === undefined) continue;
    if (mine.text === old.text || mine.text === yours.text) documents.set(file, yours);
    else if (yours.text === old.text) documents.set(file, mine);
    else {
      const choose: Choose = ({ key }) =>
        choices.choices.find((choice) => choice.file === file && choice.key === key)?.take ?? choices.prefer;
      const merged = mergeTables(old.table, mine.table, yours.table, choose);
      conflicts.push(
        ...merged.conflicts.map(({ key, base: b, ours: o, theirs: t }) => ({
          file,
          key,
          base: b ?? null,
          ours: o ?? null,
          theirs: t ?? null,
        })),
      );
      documents.set(file, merged.conflicts.length > 0 ? mine : withTable(file, mine, merged.table));
    }
  }
  return { documents, conflicts };
}

/** MERGE_CONFLICT, naming every key with its three values. */
export function refuseConflicts({
  documents,
  conflicts,
}: Pick<Merged, 'documents'> & { readonly conflicts: readonly Conflict[] }): DocumentSet {
  if (conflicts.length === 0) return documents;
  const keys = conflicts.map(({ file, key }) => `${file}: ${key}`).join('; ');
  throw new NoxError('MERGE_CONFLICT', `Both sides changed ${keys}. Choose a side for each; nothing was changed.`, {
    conflicts,
  });
}

/** The document with other data in it, and with its comments. REGISTRY_INVALID when that does not fit. */
export function withTable(file: IntentFileName, old: Document, table: TomlTable): Document {
  const read = readDocument(file, editToml(old.text, old.table, table));
  if (!isProblem(read)) return read;
  throw new NoxError('REGISTRY_INVALID', `That does not fit what is in force now: ${describeProblem(read)}`, read);
}

const tablesOf = ({ table }: Document): TomlTable => (isTable(table['agents']) ? table['agents'] : {});
