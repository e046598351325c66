import { createHash } from 'node:crypto';
import { type Document, type FileProblem, type IntentFile, isProblem, readDocument, stamped } from '../intent.js';
import { type KeyConflict, mergeTables } from '../merge.js';
import { secretProblem } from '../secrets.js';
import { editToml } from '../toml/toml-edit.js';
import { sameValue } from '../toml/toml.js';
import { baseOf, type Version } from './base.js';
import { type HeldField, splitEdit } from './held.js';

/** What an edit by hand comes to: the file as it should stand on the disk, and the part of it that is in force at once. */
export interface Adoption {
  readonly on_disk: Document;
  readonly live: Document;
  readonly held: readonly HeldField[];
  /** Keys that a write and the edit changed differently; the edit, which is later, has them. */
  readonly conflicts: readonly KeyConflict[];
  /** Whether the edit was made from an older version than stood there, and was merged. */
  readonly merged: boolean;
}

/** What the edit meets. */
export interface Standing {
  readonly in_force: Document;
  /** What stood on the disk, newest first. */
  readonly versions: readonly [Version, ...Version[]];
}

/**
 * Decides about a file that somebody saved. An editor may have loaded it before the last writes: then it is merged three
 * ways, key by key, so that neither side loses anything. A problem is answered where the file does not fit.
 */
export function adoptionOf(
  file: IntentFile,
  edited: Document,
  { in_force, versions }: Standing,
  now: { readonly ms: number; readonly iso: string },
): Adoption | FileProblem {
  const secret = secretProblem(file, edited, in_force);
  if (secret !== undefined) return secret;
  const [current] = versions;
  const base = baseOf(file, versions, edited, now.ms);
  const conflicts: KeyConflict[] = [];
  const take = (conflict: KeyConflict): 'theirs' => {
    conflicts.push(conflict);
    return 'theirs';
  };
  const merged = base === current ? undefined : mergeTables(base.table, current.table, edited.table, take);
  const table = stampedAgents(file, merged?.table ?? edited.table, now.iso);
  const on_disk = sameValue(table, edited.table) ? edited : withTable(file, edited, table);
  // What either side may do alone does not fit together: the edit stands as it was saved.
  if (isProblem(on_disk)) return merged === undefined ? on_disk : alone(file, edited, in_force, now.iso);
  return { on_disk, ...splitEdit(file, in_force, on_disk), conflicts, merged: merged !== undefined };
}

function alone(file: IntentFile, edited: Document, in_force: Document, iso: string): Adoption | FileProblem {
  const on_disk = withTable(file, edited, stampedAgents(file, edited.table, iso));
  if (isProblem(on_disk)) return on_disk;
  return { on_disk, ...splitEdit(file, in_force, on_disk), conflicts: [], merged: false };
}

/**
 * What stands on the disk after a write, where it held an edit that waits: the write's changes in it, too. Where both
 * changed one key the write, which is later, has it.
 */
export function afterWrite(
  file: IntentFile,
  before: Document,
  after: Document,
  on_disk: Document,
): { readonly on_disk: Document; readonly held: readonly HeldField[]; readonly conflicts: readonly KeyConflict[] } {
  if (on_disk.text === before.text || on_disk.text === after.text) return { on_disk: after, held: [], conflicts: [] };
  const conflicts: KeyConflict[] = [];
  const { table } = mergeTables(before.table, after.table, on_disk.table, (conflict) => {
    conflicts.push(conflict);
    return 'ours';
  });
  const next = sameValue(table, after.table) ? after : withTable(file, on_disk, table);
  const split = isProblem(next) ? undefined : splitEdit(file, after, next);
  // All that stands there beside the write must be such as waits: what the write took away must not come back with it.
  if (isProblem(next) || split === undefined || !sameValue(split.live.table, after.table))
    return { on_disk: after, held: [], conflicts };
  return { on_disk: next, held: split.held, conflicts };
}

/** Names a text: a decision about it is refused when another one stands there. */
export const versionName = (text: string | undefined): string =>
  createHash('sha256')
    .update(text ?? '\0missing')
    .digest('hex')
    .slice(0, 12);

const stampedAgents = (file: IntentFile, table: Document['table'], iso: string): Document['table'] =>
  file === 'agents.toml' ? stamped(table, iso) : table;

function withTable(file: IntentFile, old: Document, table: Document['table']): Document | FileProblem {
  return table === old.table ? old : readDocument(file, editToml(old.text, old.table, table));
}
