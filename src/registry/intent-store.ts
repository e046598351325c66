import { access, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Actor } from '../contracts/auth.js';
import type { RegistryCommit } from '../contracts/registry.js';
import { writeFileAtomic } from '../shared/atomic-file.js';
import type { Clock } from '../shared/clock.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { commitOf, type CommitNote, formatMessage, identityOf } from './commit-message.js';
import { gitError } from './git/git-process.js';
import { removeLeftoverLocks, waitForOrphans } from './git/git-locks.js';
import type { MainBranch, TreeStatus } from './git/main-branch.js';
import { isIndexDamage } from './git/record-branch.js';
import { type IntentFolder, RECORD_PATHS, type Replaced, sha256, storageError } from './intent-folder.js';
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
  readDocument,
  stamped,
} from './intent.js';
import { editToml } from './toml/toml-edit.js';

/** A change that fits: what the files will say, what that means, and what the commit says about it. */
export interface Change {
  readonly note: CommitNote;
  readonly documents: ReadonlyMap<IntentFile, Document>;
  readonly intent: Intent;
}

export interface StoreContext {
  readonly folder: IntentFolder;
  readonly main: MainBranch;
  readonly clock: Clock;
  readonly template_path: string;
  readonly warn: (message: string, fields: object) => void;
}

export interface StoreListeners {
  committed(commit: RegistryCommit): void;
  invalid(problem: FileProblem): void;
  /** A person's edit is in force now. */
  adopted(before: Intent, after: Intent): void;
}

const NOX: Actor = { name: 'nox', role: 'admin' };
export const EXTERNAL: Actor = { name: 'external', role: 'admin' };
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

  constructor(private readonly context: StoreContext) {}

  get intent(): Intent {
    return this.current;
  }

  document(file: IntentFile): Document {
    const document = this.documents.get(file);
    if (document === undefined) throw new NoxError('REGISTRY_INVALID', `${file} has no version that fits.`);
    return document;
  }

  /** Makes the registry if there is none, settles what a crash left, loads what is in force. Answers commits it made. */
  async open(after_crash: boolean): Promise<RegistryCommit[]> {
    const { folder, main, warn } = this.context;
    if (after_crash) await waitForOrphans(folder.root);
    const [locks] = await Promise.all([removeLeftoverLocks(folder.root), folder.removeTemporaryFiles()]);
    if (locks.length > 0) warn('removed locks of a git that is gone', { locks });
    const made = await this.initialise();
    const clean = { branch: 'main', head: made[0]?.hash ?? null, dirty: [], staged: false };
    const [{ texts, problems }, status] = await Promise.all([folder.read(), made.length > 0 ? clean : this.status()]);
    for (const file of INTENT_FILES) this.seen.set(file, texts.get(file));
    const commits = await this.settle(status, texts, problems);
    this.current = intentOf(this.documents);
    for (const [file, { unknown_keys }] of this.documents) {
      if (unknown_keys.length > 0)
        warn('a registry file holds keys that Nox does not know', { file, keys: unknown_keys });
    }
    return [...made, ...commits];
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
      await folder.promise({ head: head ?? '', object_ref: note.object_ref, sha256: sums }, files.length > 1);
      for (const [file, { text }] of documents) {
        const old = await folder.replace(file, text);
        replaced.push(old);
        if (old.old_text !== this.seen.get(file)) throw new EditedMeanwhile();
      }
      commit = await this.commit(note, files).catch(rethrowAs(gitError));
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

  private async commit(note: CommitNote, files: string[]): Promise<RegistryCommit> {
    const at_ms = this.context.clock.now();
    const author = identityOf(note.actor.name);
    const hash = await this.context.main.commit({ files, message: formatMessage(note), author, at_ms });
    // Git keeps whole seconds.
    const timestamp = new Date(Math.floor(at_ms / 1000) * 1000).toISOString();
    return commitOf(note, { hash, timestamp, files });
  }

  private async adoptEdits(): Promise<void> {
    const { folder, main } = this.context;
    const { texts, problems } = await folder.read();
    const changed = INTENT_FILES.filter((file) => texts.get(file) !== this.seen.get(file));
    if (changed.length === 0) return;
    const edits = new Map<IntentFile, Document>();
    for (const file of changed) {
      const read = this.readOne(file, texts, problems);
      if (isProblem(read)) {
        this.seen.set(file, texts.get(file));
        this.refuse(read);
      } else edits.set(file, read);
    }
    if (edits.size === 0) return;
    const { dirty } = await main.status().catch(rethrowAs(gitError));
    const open = [...edits.keys()].filter((file) => dirty.includes(file));
    const commit = open.length === 0 ? undefined : await this.commitEdits(open, edits);
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

  /** Commits what a person edited; agents that they added get their times first. */
  private async commitEdits(files: readonly IntentFile[], edits: Map<IntentFile, Document>): Promise<RegistryCommit> {
    const agents = edits.get('agents.toml');
    const table = agents === undefined ? undefined : stamped(agents.table, this.context.clock.iso());
    if (agents !== undefined && table !== undefined && table !== agents.table) {
      const text = editToml(agents.text, agents.table, table);
      const old = await this.context.folder.replace('agents.toml', text).catch(rethrowAs(storageError));
      // Saved once more meanwhile: that version stays and is adopted by the next write.
      await (old.old_text === agents.text ? old.forget() : old.undo());
      if (old.old_text === agents.text) edits.set('agents.toml', { ...agents, text, table });
    }
    const note: CommitNote = {
      area: 'registry',
      action: 'edit',
      object: files.join(', '),
      object_ref: `file:${files.join(',')}`,
      actor: EXTERNAL,
    };
    return this.commit(note, [...files]).catch(rethrowAs(gitError));
  }

  private readOne(
    file: IntentFile,
    texts: ReadonlyMap<IntentFile, string>,
    problems: readonly FileProblem[],
  ): Document | FileProblem {
    const text = texts.get(file);
    if (text !== undefined) return readDocument(file, text);
    return problems.find((problem) => problem.file === file) ?? { file, line: 1, field: '', message: 'cannot be read' };
  }

  private refuse(problem: FileProblem): void {
    if (!isIntentFile(problem.file)) return;
    this.invalid.set(problem.file, problem);
    this.context.warn('a registry file does not fit; its last good version stays in force', { ...problem });
    this.listeners.invalid(problem);
  }

  /** First start: repository, files of the template, first commit. Later: only what of the record is missing. */
  private async initialise(): Promise<RegistryCommit[]> {
    const { folder, main, template_path } = this.context;
    const dir = join(folder.root, '.git');
    const has = (name: string): Promise<boolean> =>
      access(join(dir, name)).then(
        () => true,
        () => false,
      );
    if (!(await has('HEAD'))) await main.init();
    await folder.fill(template_path, RECORD_PATHS);
    if ((await main.head()) !== null) return [];
    if (await has('refs/heads/main')) {
      throw new NoxError(
        'GIT_OPERATION_FAILED',
        `Branch main of ${folder.root} is damaged; "git reflog" shows where it was.`,
      );
    }
    await folder.fill(template_path, [...INTENT_FILES, '.gitignore']);
    const files = ['.gitignore', ...INTENT_FILES];
    await main.add(files);
    const note: CommitNote = {
      area: 'registry',
      action: 'init',
      object: 'from template',
      object_ref: 'registry',
      actor: NOX,
    };
    return [await this.commit(note, files)];
  }

  private async status(): Promise<TreeStatus> {
    const { main, folder, warn } = this.context;
    try {
      return await main.status();
    } catch (error) {
      if (!isIndexDamage(error)) throw gitError(error);
      warn('the index of the registry was damaged and is made anew', { reason: messageOf(error) });
      await unlink(join(folder.root, '.git', 'index'));
      await main.resetIndex();
      return main.status();
    }
  }

  /** Loads each file's version in force; afterwards index, HEAD and every file that fits are the same. */
  private async settle(
    status: TreeStatus,
    texts: Map<IntentFile, string>,
    problems: readonly FileProblem[],
  ): Promise<RegistryCommit[]> {
    const { main } = this.context;
    const head = status.head ?? '';
    const at_head = status.dirty.some(isIntentFile) ? await main.filesAt(head, INTENT_FILES) : texts;
    const open = INTENT_FILES.filter((file) => texts.get(file) !== at_head.get(file));
    const own = await this.ownUnfinished(head, open, texts, at_head);
    const documents = new Map<IntentFile, Document>();
    for (const file of INTENT_FILES) {
      const read = this.readOne(file, texts, problems);
      if (isProblem(read)) this.refuse(read);
      const good = isProblem(read) ? await this.lastGood(file) : read;
      documents.set(file, good);
    }
    const commits: RegistryCommit[] = [];
    const edited = open.filter(
      (file) => !this.invalid.has(file) && !own.includes(file) && texts.get(file) !== at_head.get(file),
    );
    if (own.length > 0) {
      const object_ref = (await this.context.folder.promised())?.object_ref ?? 'registry';
      const note: CommitNote = { area: 'registry', action: 'recover', object: own.join(', '), object_ref, actor: NOX };
      commits.push(await this.commit(note, own));
    }
    if (edited.length > 0) commits.push(await this.commitEdits(edited, documents));
    for (const file of edited) this.seen.set(file, documents.get(file)?.text);
    if (status.staged) await main.resetIndex();
    this.documents = documents;
    return commits;
  }

  /**
   * Files of a change that was written and not committed, when it is whole on the disk. Of a change of several files that
   * is there in part nothing was acknowledged: those files go back.
   */
  private async ownUnfinished(
    head: string,
    open: readonly IntentFile[],
    texts: Map<IntentFile, string>,
    at_head: ReadonlyMap<string, string>,
  ): Promise<IntentFile[]> {
    const promised = await this.context.folder.promised();
    if (promised === undefined || promised.head !== head) return [];
    const written = open.filter((file) => sha256(texts.get(file) ?? '') === promised.sha256[file]);
    if (written.length === Object.keys(promised.sha256).length) return written;
    for (const file of written) {
      const text = at_head.get(file) ?? '';
      await writeFileAtomic(join(this.context.folder.root, file), text);
      texts.set(file, text);
      this.seen.set(file, text);
    }
    return [];
  }

  private async lastGood(file: IntentFile): Promise<Document> {
    const { main, template_path } = this.context;
    for (const hash of await main.commitsOf(file, 50)) {
      const text = (await main.filesAt(hash, [file])).get(file);
      const read = text === undefined ? undefined : readDocument(file, text);
      if (read !== undefined && !isProblem(read)) return read;
    }
    const read = readDocument(file, await readFile(join(template_path, file), 'utf8'));
    if (isProblem(read))
      throw new NoxError('REGISTRY_INVALID', `The template does not fit: ${describeProblem(read)}`, read);
    return read;
  }
}

function rethrowAs(translate: (error: unknown) => NoxError): (error: unknown) => never {
  return (error) => {
    throw translate(error);
  };
}
