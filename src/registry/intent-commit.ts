import type { Actor } from '../contracts/auth.js';
import type { RegistryCommit } from '../contracts/registry.js';
import type { Clock } from '../shared/clock.js';
import type { NoxError } from '../shared/nox-error.js';
import { commitOf, type CommitNote, formatMessage, identityOf } from './commit-message.js';
import { gitError } from './git/git-process.js';
import type { MainBranch } from './git/main-branch.js';
import type { CommitRequest, GitWriter } from './git/writer/commit-request.js';
import { WriterError } from './git/writer/writer-error.js';
import type { IntentFolder } from './intent-folder.js';
import { type Document, type FileProblem, type IntentFile, readDocument } from './intent.js';

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

/** What a file on the disk holds, or why it does not fit. */
export function readFrom(
  file: IntentFile,
  texts: ReadonlyMap<IntentFile, string>,
  problems: readonly FileProblem[],
): Document | FileProblem {
  const text = texts.get(file);
  // An editor that was ended while it saved leaves nothing; nobody means "no agents" by that.
  if (text?.trim() === '') return { file, line: 1, field: '', message: 'is empty; "git restore" brings it back' };
  if (text !== undefined) return readDocument(file, text);
  return problems.find((problem) => problem.file === file) ?? { file, line: 1, field: '', message: 'cannot be read' };
}

/** For `catch`: the same failure in words for callers. */
export function rethrowAs(translate: (error: unknown) => NoxError): (error: unknown) => never {
  return (error) => {
    throw translate(error);
  };
}
