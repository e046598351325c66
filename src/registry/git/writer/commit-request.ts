/**
 * How the registry's commits are made: give a GitWriter (`RegistryService` has the one of a registry) a CommitRequest, get
 * the commits' hashes when all is on the disk.
 *
 *   await writer.commit({
 *     ref: 'refs/heads/experiment',
 *     parent: 'e3c1…',                       // optional: refuse with kind `moved` when the ref is elsewhere
 *     commits: [{ files: [{ path: 'agents.toml', content: '…' }], message, author, at_ms, more_parents: ['9af0…'] }],
 *   });
 *
 * Each element of `commits` becomes one commit on top of the one before; the ref moves once, for all of them or none. A
 * file's `content` is its whole text, `null` takes it away, `undefined` takes what stands in the folder. Files that are not
 * named stay as the parent has them. With `start` the ref is made there when it does not exist.
 *
 * When the ref is the branch that HEAD names, the index follows; a file with `replaces` is written to the folder, too, if
 * what stands there is still that version (else kind `edited`, and nothing has changed). With `folder` the folder gets that
 * text instead: where a person's edit is not all in force, what is on the disk and what is committed are two things.
 */
export interface CommitRequest {
  /** Whole name, as `refs/heads/main`. */
  readonly ref: string;
  /** Where the ref must be; null: must not be. Left out: wherever it is. */
  readonly parent?: string | null;
  /** Refuse with kind `branch` when HEAD does not name the ref. Must be set where files have `replaces`. */
  readonly head?: boolean;
  /** A new ref begins on this commit. */
  readonly start?: string;
  readonly commits: readonly NewCommit[];
  /** Whether a commit may equal its parent in all files. Default true; false: such commits are left out. */
  readonly allow_empty?: boolean;
  /** What a start after a crash is told about files in the folder that were replaced and not committed. */
  readonly object_ref?: string;
}

export interface NewCommit {
  readonly files: readonly FileChange[];
  /** Ends with a newline. */
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly at_ms: number;
  /** Of a merge: the other sides. */
  readonly more_parents?: readonly string[];
}

export interface FileChange {
  readonly path: string;
  readonly content?: string | null;
  /** The version in the folder that `content` is put in place of: the hash of its blob (see blobOid). */
  readonly replaces?: string;
  /** What is put into the folder, where that is not `content`. */
  readonly folder?: string;
}

export interface CommitReply {
  /** One per commit, in order; empty when all of them were left out. */
  readonly hashes: readonly string[];
}

/** Makes commits, one request after another. Rejects with WriterError. */
export interface GitWriter {
  commit(request: CommitRequest): Promise<CommitReply>;
  /** Resolves when nothing is left to clear away: some ms after the answer. */
  idle(): Promise<void>;
  /** Forgets what it knows of refs, trees and index, and leaves the packs that are there to others, as gc. */
  forget(): Promise<void>;
  close(): Promise<void>;
}
