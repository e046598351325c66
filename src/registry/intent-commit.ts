import type { Actor } from '../contracts/auth.js';
import type { RegistryCommit } from '../contracts/registry.js';
import type { Clock } from '../shared/clock.js';
import type { NoxError } from '../shared/nox-error.js';
import { commitOf, type CommitNote, formatMessage, identityOf } from './commit-message.js';
import { gitError } from './git/git-process.js';
import type { MainBranch } from './git/main-branch.js';
import type { CommitRequest, GitWriter } from './git/writer/commit-request.js';
import { WriterError } from './git/writer/writer-error.js';
import { type IntentFolder, storageError } from './intent-folder.js';
import { type Document, type FileProblem, type IntentFile, readDocument, stamped } from './intent.js';
import { editToml } from './toml/toml-edit.js';

/** What opening and writing intent work with. */
export interface IntentContext {
  readonly folder: IntentFolder;
  readonly main: MainBranch;
  readonly writer: GitWriter;
  readonly clock: Clock;
  readonly template_path: string;
  readonly warn: (message: string, fields: object) => void;
}

export const NOX: Actor = { name: 'nox', role: 'admin' };
export const EXTERNAL: Actor = { name: 'external', role: 'admin' };

/** A commit that is to be made: what it says, and what its files then hold. */
export interface Draft {
  readonly note: CommitNote;
  readonly files: CommitRequest['commits'][number]['files'];
}

/**
 * Makes one commit per draft, on the disk when it resolves; all of them or none. Rejects with WriterError `edited` when
 * somebody saved a file that was to be replaced. GIT_OPERATION_FAILED, STORAGE_FAILED, INVALID_STATE (another branch).
 */
export async function commitDrafts(context: IntentContext, drafts: readonly Draft[]): Promise<RegistryCommit[]> {
  const { clock, main, writer } = context;
  const at_ms = clock.now();
  const commits = drafts.map(({ note, files }) => {
    return { files, message: formatMessage(note), author: identityOf(note.actor.name), at_ms };
  });
  const object_ref = drafts.map(({ note }) => note.object_ref).join(',');
  const request = { ref: main.ref, head: true, commits, object_ref };
  const { hashes } = await writer.commit(request).catch((error: unknown) => {
    if (!(error instanceof WriterError)) throw gitError(error);
    if (error.kind === 'branch') throw main.wrongBranch(error.message);
    throw error.kind === 'edited' ? error : gitError(error);
  });
  // Git keeps whole seconds.
  const timestamp = new Date(Math.floor(at_ms / 1000) * 1000).toISOString();
  return drafts.map(({ note, files }, n) =>
    commitOf(note, { hash: hashes[n] ?? '', timestamp, files: files.map(({ path }) => path) }),
  );
}

/**
 * Commits files as they stand on the disk, or with the given texts, while the disk stays as it is.
 * GIT_OPERATION_FAILED, STORAGE_FAILED.
 */
export async function commitFiles(
  context: IntentContext,
  note: CommitNote,
  files: readonly string[],
  texts?: ReadonlyMap<string, string>,
): Promise<RegistryCommit> {
  const changes = files.map((path) => {
    const content = texts?.get(path);
    return content === undefined ? { path } : { path, content };
  });
  const [commit] = await commitDrafts(context, [{ note, files: changes }]);
  if (commit === undefined) throw new TypeError('a draft without a commit');
  return commit;
}

/** Commits what a person edited; agents that they added get their times first, and `edits` then has that version. */
export async function commitEdits(
  context: IntentContext,
  files: readonly IntentFile[],
  edits: Map<IntentFile, Document>,
): Promise<RegistryCommit> {
  const agents = edits.get('agents.toml');
  const table = agents === undefined ? undefined : stamped(agents.table, context.clock.iso());
  if (agents !== undefined && table !== undefined && table !== agents.table) {
    const text = editToml(agents.text, agents.table, table);
    const old = await context.folder.replace('agents.toml', text).catch(rethrowAs(storageError));
    // Saved once more meanwhile: that version stays and is adopted by the next write.
    await (old.old_text === agents.text ? old.forget() : old.undo());
    if (old.old_text === agents.text) edits.set('agents.toml', { ...agents, text, table });
  }
  const object_ref = `file:${files.join(',')}`;
  const note = { area: 'registry', action: 'edit', object: files.join(', '), object_ref, actor: EXTERNAL } as const;
  return commitFiles(context, note, [...files]);
}

/** What a file on the disk holds, or why it does not fit. */
export function readFrom(
  file: IntentFile,
  texts: ReadonlyMap<IntentFile, string>,
  problems: readonly FileProblem[],
): Document | FileProblem {
  const text = texts.get(file);
  if (text !== undefined) return readDocument(file, text);
  return problems.find((problem) => problem.file === file) ?? { file, line: 1, field: '', message: 'cannot be read' };
}

/** For `catch`: the same failure in words for callers. */
export function rethrowAs(translate: (error: unknown) => NoxError): (error: unknown) => never {
  return (error) => {
    throw translate(error);
  };
}
