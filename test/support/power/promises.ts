import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { runGit } from '../run-git.js';
import type { PowerOp } from './power-log.js';

/** What Nox has answered, as something that must be found on its disk. Paths are below the root. */
export type Held =
  | { readonly kind: 'row'; readonly sql: string; readonly args: readonly (string | number)[]; readonly row: object }
  | { readonly kind: 'commit'; readonly hash: string }
  | { readonly kind: 'ref'; readonly ref: string; readonly hash: string | null }
  | { readonly kind: 'text'; readonly path: string; readonly text: string }
  | { readonly kind: 'file'; readonly path: string; readonly sha256?: string; readonly is: 'there' | 'gone' };

/**
 * A mark in the log: from now on `held` is promised under this key; or, without it, something has begun after which
 * what was promised under the key may be so or otherwise.
 */
export interface Mark {
  readonly key?: string;
  readonly held?: Held;
  /** What goes on from now on. */
  readonly during?: string;
}

/** An editor flushes nothing: until Nox has taken the edit up it may be torn. */
export const BY_HAND = 'an edit by hand';

/** What went on at the last of these calls. */
export function duringOf(ops: readonly PowerOp[]): string {
  const last = ops.findLast((op) => op.op === 'mark' && (op.mark as Mark).during !== undefined);
  return (last?.op === 'mark' && (last.mark as Mark).during) || 'the first start';
}

/** What is promised after these calls. */
export function promisedBy(ops: readonly PowerOp[]): Map<string, Held> {
  const promised = new Map<string, Held>();
  for (const op of ops) {
    if (op.op !== 'mark') continue;
    const { key, held } = op.mark as Mark;
    if (key === undefined) continue;
    if (held === undefined) promised.delete(key);
    else promised.set(key, held);
  }
  return promised;
}

export const JOURNAL = 'nox/state.db';
export const REGISTRY = 'registry';
export const sha256Of = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** What of the journal is damaged or gone; opening it is SQLite's own recovery. */
export function brokenInJournal(root: string, promised: ReadonlyMap<string, Held>): string[] {
  const rows = [...promised.values()].filter((held) => held.kind === 'row');
  const path = join(root, JOURNAL);
  if (!existsSync(path)) return rows.length === 0 ? [] : [`M2: the journal is gone, and ${rows.length} rows with it`];
  const db = new DatabaseSync(path);
  try {
    const told = db
      .prepare('PRAGMA integrity_check')
      .all()
      .map((row) => Object.values(row).join());
    const broken = told.join() === 'ok' ? [] : [`M2: the journal is damaged: ${told.join('; ')}`];
    for (const { sql, args, row } of rows) {
      const found = db.prepare(sql).get(...args);
      if (JSON.stringify(found) !== JSON.stringify(row))
        broken.push(
          `M2: ${sql} [${args.join()}] answers ${JSON.stringify(found)}, promised was ${JSON.stringify(row)}`,
        );
    }
    return [...broken, ...unrecorded(root, db), ...unrecordedTurns(root, db)];
  } catch (error) {
    return [`M2: the journal cannot be read: ${String(error)}`];
  } finally {
    db.close();
  }
}

/** What the journal takes for written into the history of decisions must be there: nobody would write it again. */
function unrecorded(root: string, db: DatabaseSync): string[] {
  // The first start may have come less far.
  if (db.prepare("SELECT name FROM sqlite_schema WHERE name = 'approvals'").get() === undefined) return [];
  const rows = db.prepare('SELECT id FROM approvals WHERE recorded = 1').all();
  if (rows.length === 0) return [];
  // This month's, and those before.
  const history = textOf(root, /^approval-history.*\.toml$/);
  return rows.flatMap(({ id }) =>
    history.includes(String(id)) ? [] : [`M2: the decision ${String(id)} is not in the history, and not to be added`],
  );
}

/** The same of turns that have ended, up to the event until which all are said to be in conversations. */
function unrecordedTurns(root: string, db: DatabaseSync): string[] {
  if (db.prepare("SELECT name FROM sqlite_schema WHERE name = 'meta'").get() === undefined) return [];
  const up_to = db.prepare("SELECT value FROM meta WHERE key = 'record.turns_seq'").get();
  const sql = "SELECT payload_json ->> '$.turn.id' AS id FROM events WHERE type = 'turn.ended' AND seq <= ?";
  const rows = up_to === undefined ? [] : db.prepare(sql).all(Number(up_to['value']));
  if (rows.length === 0) return [];
  const conversations = textOf(root, /^agents\/[^/]+\/conversations\/.*\.toml$/);
  return rows.flatMap(({ id }) =>
    conversations.includes(`\nturn_id = "${String(id)}"\n`)
      ? []
      : [`M2: the turn ${String(id)} is in no conversation, and not to be added`],
  );
}

/** All that such files of the registry hold. */
function textOf(root: string, name: RegExp): string {
  const registry = join(root, REGISTRY);
  const names = readdirSync(registry, { recursive: true, encoding: 'utf8' });
  return names
    .filter((each) => name.test(each))
    .map((each) => readFileSync(join(registry, each), 'utf8'))
    .join('');
}

/** Files, texts in them, and refs; commits are the registry's to look for. */
export async function brokenOutside(root: string, promised: ReadonlyMap<string, Held>): Promise<string[]> {
  const broken: string[] = [];
  const refs = await runGit(join(root, REGISTRY), 'for-each-ref', '--format=%(refname) %(objectname)').catch(String);
  for (const held of promised.values()) {
    if (held.kind === 'file') {
      const path = join(root, held.path);
      if (existsSync(path) !== (held.is === 'there'))
        broken.push(`${held.path} is ${held.is === 'there' ? 'gone' : 'there'}`);
      else if (held.sha256 !== undefined && sha256Of(path) !== held.sha256)
        broken.push(`${held.path} is not what it was`);
    } else if (held.kind === 'text') {
      const path = join(root, held.path);
      if (!existsSync(path) || !readFileSync(path, 'utf8').includes(held.text))
        broken.push(`M2: ${held.path} has no "${held.text}"`);
    } else if (held.kind === 'ref') {
      const found = refs
        .split('\n')
        .find((line) => line.startsWith(`${held.ref} `))
        ?.slice(held.ref.length + 1);
      if (found !== (held.hash ?? undefined)) broken.push(`R1: ${held.ref} is at ${found}, promised was ${held.hash}`);
    }
  }
  return broken;
}
