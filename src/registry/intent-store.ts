import type { RegistryCommit } from '../contracts/registry.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { NoxError } from '../shared/nox-error.js';
import { gitError } from './git/git-process.js';
import { blobOid } from './git/writer/git-object.js';
import { WriterError } from './git/writer/writer-error.js';
import type { Base, Change } from './intent-change.js';
import { commitDrafts, commitEdits, type IntentContext, readFrom, rethrowAs } from './intent-commit.js';
import { storageError } from './intent-folder.js';
import { openIntent } from './intent-opening.js';
import { refuseSecrets, secretProblem } from './secrets.js';
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

/** So many changes at most share one flush: those at its end wait no longer than this takes. */
const MAX_GROUP = 100;

type Decide = (base: Base) => Change | null | Promise<Change | null>;

/** A change that was asked for. */
interface Job {
  readonly decide: Decide;
  readonly alone: boolean;
  resolve(commit: RegistryCommit | null): void;
  reject(error: unknown): void;
}

/** What became of a job: its change, nothing to do, or why not. */
type Decision = { readonly job: Job; readonly change: Change | null } | { readonly job: Job; readonly error: unknown };

/**
 * The intent in force, and its one writer. Promises: a change is in memory only when it is committed; a change that
 * fails leaves files, index and memory as they were; a person's edit is adopted first, or, if it does not fit, is
 * left alone on the disk while the last version that fits stays in force.
 */
export class IntentStore {
  private readonly queue = new KeyedQueue<'write'>();
  private readonly jobs: Job[] = [];
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

  /**
   * Runs `decide` on the intent in force and commits what it answers, one commit per change; null: nothing to do. Changes
   * that are asked for while a flush is under way share the next one, each decided on what the one before it made.
   */
  write(decide: Decide, how: 'grouped' | 'alone' = 'grouped'): Promise<RegistryCommit | null> {
    const answer = new Promise<RegistryCommit | null>((resolve, reject) => {
      this.jobs.push({ decide, alone: how === 'alone', resolve, reject });
    });
    void this.queue.run('write', () => this.group(this.takeGroup()));
    return answer;
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

  private takeGroup(): Job[] {
    const at = this.jobs.findIndex(({ alone }) => alone);
    return this.jobs.splice(0, at === 0 ? 1 : Math.min(at < 0 ? MAX_GROUP : at, MAX_GROUP));
  }

  /** Never rejects: each job is told what became of it. */
  private async group(jobs: readonly Job[]): Promise<void> {
    if (jobs.length === 0) return;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.adoptEdits();
        const { decisions, base } = await this.decideAll(jobs);
        const commits = await this.apply(decisions, base);
        for (const decision of decisions) {
          if ('error' in decision) decision.job.reject(decision.error);
          else decision.job.resolve(commits.get(decision.job) ?? null);
        }
        return;
      } catch (error) {
        // An editor saved a file in the instant in which it was to be replaced: its version is back in place.
        if (error instanceof WriterError && attempt < 3) continue;
        for (const job of jobs) job.reject(error instanceof WriterError ? gitError(error) : storageError(error));
        return;
      }
    }
  }

  /** Nothing is in force yet of what this answers. */
  private async decideAll(jobs: readonly Job[]): Promise<{ decisions: Decision[]; base: Base }> {
    let base: Base = { intent: this.current, versions: this.documents };
    const decisions: Decision[] = [];
    for (const job of jobs) {
      try {
        const change = await job.decide(base);
        if (change !== null) refuseSecrets(change.documents, base.versions);
        for (const file of change?.documents.keys() ?? []) {
          const problem = this.invalid.get(file);
          if (problem !== undefined)
            throw new NoxError('REGISTRY_INVALID', `Mend this first: ${describeProblem(problem)}`, problem);
        }
        decisions.push({ job, change });
        if (change !== null) {
          base = { intent: change.intent, versions: new Map([...base.versions, ...change.documents]) };
        }
      } catch (error) {
        decisions.push({ job, error });
      }
    }
    return { decisions, base };
  }

  private async apply(decisions: readonly Decision[], after: Base): Promise<Map<Job, RegistryCommit>> {
    const changes = decisions.flatMap((made) => ('change' in made && made.change !== null ? [made] : [])) as {
      readonly job: Job;
      readonly change: Change;
    }[];
    if (changes.length === 0) return new Map();
    const replaces = (file: IntentFile): string => blobOid(Buffer.from(this.seen.get(file) ?? ''));
    const drafts = changes.map(({ change: { note, documents } }) => {
      const files = [...documents].map(([path, { text }]) => ({ path, content: text, replaces: replaces(path) }));
      return { note, files };
    });
    const commits = await commitDrafts(this.context, drafts);
    this.documents = after.versions;
    this.current = after.intent;
    for (const { change } of changes) for (const [file, { text }] of change.documents) this.seen.set(file, text);
    commits.forEach((commit) => this.listeners.committed(commit));
    return new Map(changes.map(({ job }, n) => [job, commits[n] as RegistryCommit]));
  }

  private async adoptEdits(): Promise<void> {
    const { folder, main, writer } = this.context;
    const { texts, problems } = await folder.read();
    const changed = INTENT_FILES.filter((file) => texts.get(file) !== this.seen.get(file));
    if (changed.length === 0) return;
    const edits = new Map<IntentFile, Document>();
    for (const file of changed) {
      const read = readFrom(file, texts, problems);
      const problem = isProblem(read) ? read : secretProblem(file, read, this.documents.get(file)?.text);
      if (problem !== undefined) {
        this.seen.set(file, texts.get(file));
        this.refuse(problem);
      } else if (!isProblem(read)) edits.set(file, read);
    }
    if (edits.size === 0) return;
    await writer.idle();
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
