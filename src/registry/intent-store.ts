import type { RegistryCommit } from '../contracts/registry.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { gitError } from './git/git-process.js';
import type { Change } from './intent-change.js';
import { commitEdits, commitFiles, type IntentContext, readFrom, rethrowAs } from './intent-commit.js';
import { type Replaced, sha256, storageError } from './intent-folder.js';
import { openIntent } from './intent-opening.js';
import { switchBranch } from './time/branch-switch.js';
import {
  describeProblem,
  type Document,
  type DocumentSet,
  type FileProblem,
  type Intent,
  INTENT_FILES,
  type IntentFile,
  intentOf,
  isProblem,
} from './intent.js';

export interface StoreListeners {
  committed(commit: RegistryCommit): void;
  invalid(problem: FileProblem): void;
  /** A person's edit is in force now. */
  adopted(before: Intent, after: Intent): void;
}

const isIntentFile = (name: string): name is IntentFile => (INTENT_FILES as readonly string[]).includes(name);

/** Thrown inside when an editor saved a file in the instant in which Nox replaced it; its version is back in place. */
class EditedMeanwhile extends Error {}

/**
 * The intent in force, and its one writer. Promises: a change is in memory only when it is committed; a change that
 * fails leaves files, index and memory as they were; a person's edit is adopted first, or, if it does not fit, is
 * left alone on the disk while the last version that fits stays in force.
 */
export class IntentStore {
  private readonly queue = new KeyedQueue<'write'>();
  private documents: DocumentSet = new Map();
  private current: Intent = intentOf(this.documents);
  /** Text of each file as it was last seen on the disk; undefined: unreadable. */
  private readonly seen = new Map<IntentFile, string | undefined>();
  readonly invalid = new Map<IntentFile, FileProblem>();
  listeners: StoreListeners = { committed: () => undefined, invalid: () => undefined, adopted: () => undefined };

  constructor(private readonly context: IntentContext) {}

  get intent(): Intent {
    return this.current;
  }

  /** Each file's version in force. */
  get versions(): DocumentSet {
    return this.documents;
  }

  /** See openIntent. Answers the commits that it made. */
  async open(after_crash: boolean): Promise<readonly RegistryCommit[]> {
    const { documents, texts, invalid, commits } = await openIntent(this.context, after_crash);
    this.documents = documents;
    this.current = intentOf(documents);
    for (const file of INTENT_FILES) this.seen.set(file, texts.get(file));
    for (const problem of invalid) this.refuse(problem);
    for (const [file, { unknown_keys: keys }] of documents) {
      if (keys.length > 0) this.context.warn('a registry file holds keys that Nox does not know', { file, keys });
    }
    return commits;
  }

  /** Runs `decide` on the intent in force and commits what it answers; one after another. Null: nothing to do. */
  write(decide: () => Change | null | Promise<Change | null>): Promise<RegistryCommit | null> {
    return this.queue.run('write', async () => {
      for (let attempt = 1; ; attempt += 1) {
        await this.adoptEdits();
        const change = await decide();
        if (change === null) return null;
        for (const file of change.documents.keys()) {
          const problem = this.invalid.get(file);
          if (problem !== undefined)
            throw new NoxError('REGISTRY_INVALID', `Mend this first: ${describeProblem(problem)}`, problem);
        }
        try {
          return await this.apply(change);
        } catch (error) {
          if (!(error instanceof EditedMeanwhile) || attempt === 3) throw error;
        }
      }
    });
  }

  /** Puts a branch's version in force; see switchBranch. REGISTRY_INVALID while a file on the disk does not fit. */
  switchTo(branch: string, version: () => Promise<DocumentSet>): Promise<{ before: Intent; after: Intent }> {
    return this.queue.run('write', async () => {
      await this.adoptEdits();
      const [problem] = this.invalid.values();
      if (problem !== undefined)
        throw new NoxError('REGISTRY_INVALID', `Mend this first: ${describeProblem(problem)}`, problem);
      const before = this.current;
      const documents = await version();
      const texts = new Map([...documents].map(([file, { text }]) => [file, text]));
      await switchBranch(this.context, branch, this.seen, texts).catch(rethrowAs(storageError));
      this.documents = documents;
      this.current = intentOf(documents);
      for (const [file, text] of texts) this.seen.set(file, text);
      return { before, after: this.current };
    });
  }

  /** Takes up what a person changed on the disk. */
  refresh(): Promise<void> {
    return this.queue.run('write', () => this.adoptEdits());
  }

  /** Resolves when the writes asked for so far have ended. */
  idle(): Promise<void> {
    return this.queue.idle();
  }

  private async apply({ note, documents, intent }: Change): Promise<RegistryCommit> {
    const { folder, main } = this.context;
    const files = [...documents.keys()];
    const sums = Object.fromEntries([...documents].map(([file, document]) => [file, sha256(document.text)]));
    const replaced: Replaced[] = [];
    let commit: RegistryCommit;
    try {
      const head = await main.head().catch(rethrowAs(gitError));
      await folder
        .promise({ head: head ?? '', object_ref: note.object_ref, sha256: sums }, files.length > 1)
        .catch(rethrowAs(gitError));
      for (const [file, { text }] of documents) {
        const old = await folder.replace(file, text);
        replaced.push(old);
        if (old.old_text !== this.seen.get(file)) throw new EditedMeanwhile();
      }
      commit = await commitFiles(this.context, note, files);
    } catch (error) {
      for (const old of replaced.toReversed()) await old.undo().catch(this.reportUndo);
      throw error instanceof EditedMeanwhile ? error : storageError(error);
    }
    this.documents = new Map([...this.documents, ...documents]);
    this.current = intent;
    for (const [file, { text }] of documents) this.seen.set(file, text);
    await Promise.all(replaced.map((old) => old.forget())).catch((error: unknown) => {
      this.context.warn('an old version of a registry file could not be removed', { reason: messageOf(error) });
    });
    this.listeners.committed(commit);
    return commit;
  }

  /** The next write then takes the file for an edit: nothing is lost, and nothing else can be done here. */
  private readonly reportUndo = (error: unknown): void => {
    this.context.warn('a registry file could not be put back after a failed write', { reason: messageOf(error) });
  };

  private async adoptEdits(): Promise<void> {
    const { folder, main } = this.context;
    const { texts, problems } = await folder.read();
    const changed = INTENT_FILES.filter((file) => texts.get(file) !== this.seen.get(file));
    if (changed.length === 0) return;
    const edits = new Map<IntentFile, Document>();
    for (const file of changed) {
      const read = readFrom(file, texts, problems);
      if (isProblem(read)) {
        this.seen.set(file, texts.get(file));
        this.refuse(read);
      } else edits.set(file, read);
    }
    if (edits.size === 0) return;
    const { dirty } = await main.status().catch(rethrowAs(gitError));
    const open = [...edits.keys()].filter((file) => dirty.includes(file));
    const commit = open.length === 0 ? undefined : await commitEdits(this.context, open, edits);
    const before = this.current;
    this.documents = new Map([...this.documents, ...edits]);
    for (const [file, { text }] of edits) {
      this.seen.set(file, text);
      this.invalid.delete(file);
    }
    this.current = intentOf(this.documents);
    if (commit !== undefined) this.listeners.committed(commit);
    this.listeners.adopted(before, this.current);
  }

  private refuse(problem: FileProblem): void {
    if (!isIntentFile(problem.file)) return;
    this.invalid.set(problem.file, problem);
    this.context.warn('a registry file does not fit; its last good version stays in force', { ...problem });
    this.listeners.invalid(problem);
  }
}
