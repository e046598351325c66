import type { EditConflict, RegistryCommit } from '../contracts/registry.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { NoxError } from '../shared/nox-error.js';
import { gitError } from './git/git-process.js';
import { blobOid } from './git/writer/git-object.js';
import { WriterError } from './git/writer/writer-error.js';
import { afterWrite } from './hand/adoption.js';
import type { HeldField } from './hand/held.js';
import { readSettled, type SettleOptions } from './hand/settled.js';
import { takeUp, type TakenUp } from './hand/take-up.js';
import { WorkingFiles } from './hand/working-files.js';
import type { Base, Change } from './intent-change.js';
import { commitDrafts, type Draft, type IntentContext, readFrom, rethrowAs } from './intent-commit.js';
import { storageError } from './intent-folder.js';
import { openIntent } from './intent-opening.js';
import type { KeyConflict } from './merge.js';
import { refuseSecrets } from './secrets.js';
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
  /** A hand edit waits for a person. */
  held(file: IntentFile): void;
  /** Nothing of the file is out of force any more. */
  mended(file: IntentFile): void;
  conflict(conflict: EditConflict): void;
  /** A person's edit is in force now. */
  adopted(before: Intent, after: Intent): void;
}

const SILENT: StoreListeners = {
  committed: () => undefined,
  invalid: () => undefined,
  held: () => undefined,
  mended: () => undefined,
  conflict: () => undefined,
  adopted: () => undefined,
};

/** So many changes at most share one flush: those at its end wait no longer than this takes. */
const MAX_GROUP = 100;
/** How often a write begins anew because somebody saved a file in the instant in which it was to be replaced. */
const MAX_ATTEMPTS = 5;

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

/** A file's version on the disk after a write. */
interface NextOnDisk {
  readonly document: Document;
  readonly held: readonly HeldField[];
  readonly conflicts: readonly KeyConflict[];
}

/**
 * The intent in force, and its one writer. Promises: a change is in memory only when it is committed; a change that
 * fails leaves files, index and memory as they were; a person's edit is adopted first. What of it only a person may decide
 * waits on the disk; where it does not fit, it is left alone there while the last version that fits stays in force.
 */
export class IntentStore {
  private readonly queue = new KeyedQueue<'write'>();
  private readonly jobs: Job[] = [];
  private documents: DocumentSet = new Map();
  private current: Intent = intentOf(this.documents);
  private working = new WorkingFiles(this.documents);
  /** Files that somebody is writing all the time; nothing is known of what they will be. */
  private restless: ReadonlySet<IntentFile> = new Set();
  listeners: StoreListeners = SILENT;
  /** Throws while nothing may be written. */
  guard: () => void = () => undefined;

  constructor(
    private readonly context: IntentContext,
    private readonly settle: SettleOptions = { quiet_ms: 0, at_most_ms: 0 },
  ) {}

  get intent(): Intent {
    return this.current;
  }

  /** Each file's version in force. */
  get versions(): DocumentSet {
    return this.documents;
  }

  /** The files as they stand on the disk. */
  get onDisk(): WorkingFiles {
    return this.working;
  }

  /** See openIntent. Answers the commits that it made. */
  async open(after_crash: boolean): Promise<readonly RegistryCommit[]> {
    const { documents, working, commits } = await openIntent(this.context, after_crash);
    this.documents = documents;
    this.current = intentOf(documents);
    this.working = working;
    for (const { file, state, problem } of working.edits) {
      const why = problem === null ? 'waits for a person' : describeProblem({ file, ...problem });
      this.context.warn('an edit of a registry file is not in force', { file, state, why });
    }
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

  /** Puts a branch's version in force; see switchBranch. REGISTRY_INVALID, EDIT_HELD while the disk holds what is not in force. */
  switchTo(branch: string, version: () => Promise<DocumentSet>): Promise<{ before: Intent; after: Intent }> {
    return this.apart(async () => {
      this.refuseInvalid(INTENT_FILES);
      const waiting = this.working.edits.map(({ file }) => file);
      if (waiting.length > 0)
        throw new NoxError(
          'EDIT_HELD',
          `${waiting.join(', ')}: a hand edit waits for a person, and the other branch would take its place. Accept or reject it first.`,
          { files: waiting },
        );
      const before = this.current;
      const documents = await version();
      const texts = new Map([...documents].map(([file, { text }]) => [file, text]));
      const seen = new Map(INTENT_FILES.map((file) => [file, this.working.seen(file)]));
      await switchBranch(this.context, branch, seen, texts).catch(rethrowAs(storageError));
      this.documents = documents;
      this.current = intentOf(documents);
      for (const [file, document] of documents) this.working.stands(file, document, [], this.now());
      return { before, after: this.current };
    });
  }

  /** Takes up what a person changed on the disk. */
  refresh(): Promise<void> {
    return this.queue.run('write', () => this.again(() => this.adoptEdits()));
  }

  /** Runs something that must not meet a write, after what a person changed was taken up. */
  apart<T>(job: () => Promise<T>): Promise<T> {
    return this.queue.run('write', () =>
      this.again(async () => {
        await this.adoptEdits();
        this.guard();
        return job();
      }),
    );
  }

  /** A person had a file's text in force put on the disk again. Within `apart`. */
  broughtBack(file: IntentFile, document: Document): void {
    // By hand: whoever then saves once more what was rejected means it, and is no editor that had not seen a write.
    this.stands(file, document, [], { kept: null, saved: undefined });
  }

  /** While the job runs, nothing is written. */
  alone<T>(job: () => Promise<T>): Promise<T> {
    return this.queue.run('write', job);
  }

  /** Takes up what is on the disk now, as at a start; only inside `alone`. */
  async reopen(): Promise<void> {
    const before = this.current;
    const commits = await this.open(false);
    for (const commit of commits) this.listeners.committed(commit);
    this.listeners.adopted(before, this.current);
  }

  /** Resolves when the writes asked for so far have ended. */
  idle(): Promise<void> {
    return this.queue.idle();
  }

  private now = (): { ms: number; iso: string } => ({ ms: this.context.clock.now(), iso: this.context.clock.iso() });

  private takeGroup(): Job[] {
    const at = this.jobs.findIndex(({ alone }) => alone);
    return this.jobs.splice(0, at === 0 ? 1 : Math.min(at < 0 ? MAX_GROUP : at, MAX_GROUP));
  }

  /** Never rejects: each job is told what became of it. */
  private async group(jobs: readonly Job[]): Promise<void> {
    if (jobs.length === 0) return;
    try {
      await this.again(async () => {
        await this.adoptEdits();
        const { decisions, base } = await this.decideAll(jobs);
        const commits = await this.apply(decisions, base);
        for (const decision of decisions) {
          if ('error' in decision) decision.job.reject(decision.error);
          else decision.job.resolve(commits.get(decision.job) ?? null);
        }
      });
    } catch (error) {
      for (const job of jobs) job.reject(error);
    }
  }

  /** An editor saved a file in the instant in which it was to be replaced: its version is in place, and all begins anew. */
  private async again<T>(job: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await job();
      } catch (error) {
        if (!(error instanceof WriterError)) throw storageError(error);
        if (attempt >= MAX_ATTEMPTS) throw gitError(error);
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
        this.refuseInvalid(change?.documents.keys() ?? []);
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

  /** REGISTRY_INVALID, naming file, line and field; INVALID_STATE while the file is being written. */
  private refuseInvalid(files: Iterable<IntentFile>): void {
    for (const file of files) {
      if (this.restless.has(file))
        throw new NoxError('INVALID_STATE', `${file} is being written by somebody all the time. Try again.`, { file });
      const problem = this.working.edit(file)?.problem;
      if (problem === null || problem === undefined) continue;
      const where = { file, ...problem };
      throw new NoxError('REGISTRY_INVALID', `Mend this first, or reject it: ${describeProblem(where)}`, where);
    }
  }

  private async apply(decisions: readonly Decision[], after: Base): Promise<Map<Job, RegistryCommit>> {
    const changes = decisions.flatMap((made) => ('change' in made && made.change !== null ? [made] : [])) as {
      readonly job: Job;
      readonly change: Change;
    }[];
    if (changes.length === 0) return new Map();
    this.guard();
    const replaces = (file: IntentFile): string => blobOid(Buffer.from(this.working.seen(file) ?? ''));
    const next = new Map<IntentFile, NextOnDisk>();
    let before = this.documents;
    const drafts: Draft[] = changes.map(({ change: { note, documents } }) => {
      const files = [...documents].map(([path, document]) => {
        const step = this.step(path, before.get(path) ?? document, document, next.get(path));
        next.set(path, step);
        const folder = step.document.text === document.text ? {} : { folder: step.document.text };
        return { path, content: document.text, replaces: replaces(path), ...folder };
      });
      before = new Map([...before, ...documents]);
      return { note, files };
    });
    const commits = await commitDrafts(this.context, drafts);
    this.documents = after.versions;
    this.current = after.intent;
    for (const [file, { document, held }] of next) this.stands(file, document, held);
    commits.forEach((commit) => this.listeners.committed(commit));
    for (const [file, { conflicts }] of next) this.tellConflicts(file, conflicts, 'ours');
    return new Map(changes.map(({ job }, n) => [job, commits[n] as RegistryCommit]));
  }

  /** What the disk is to hold after one change, on top of those before it in the same flush. */
  private step(file: IntentFile, before: Document, after: Document, last: NextOnDisk | undefined): NextOnDisk {
    const on_disk = last?.document ?? this.working.document(file) ?? before;
    const merged = afterWrite(file, before, after, on_disk);
    const conflicts = [...(last?.conflicts ?? []), ...merged.conflicts];
    return { document: merged.on_disk, held: merged.held, conflicts };
  }

  private async adoptEdits(): Promise<void> {
    const differs = (file: IntentFile, text: string | undefined): boolean => text !== this.working.seen(file);
    const { folder, clock, writer } = this.context;
    const { texts, problems, restless } = await readSettled(folder, differs, this.settle, clock);
    this.restless = restless;
    const changed = INTENT_FILES.filter((file) => !restless.has(file) && differs(file, texts.get(file)));
    if (changed.length === 0) return;
    this.guard();
    await writer.idle();
    const edits = changed.flatMap((file) => {
      const in_force = this.documents.get(file);
      if (in_force === undefined) return [];
      const standing = { in_force, versions: this.working.versions(file) };
      return [{ file, text: texts.get(file), read: readFrom(file, texts, problems), standing }];
    });
    const { taken, commits } = await takeUp(this.context, edits);
    const before = this.current;
    const live = taken.flatMap(({ file, result }) => (isProblem(result) ? [] : [[file, result.live] as const]));
    this.documents = new Map([...this.documents, ...live]);
    this.current = intentOf(this.documents);
    for (const each of taken) this.note(each);
    for (const commit of commits) this.listeners.committed(commit);
    if (live.some(([file, { text }]) => text !== before.files.get(file))) this.listeners.adopted(before, this.current);
  }

  private note({ file, text, kept, saved, result }: TakenUp): void {
    if (isProblem(result)) {
      this.working.fails(file, text, result, this.now().iso, kept);
      this.context.warn('a registry file does not fit; its last good version stays in force', { ...result });
      this.listeners.invalid(result);
      return;
    }
    this.stands(file, result.on_disk, result.held, { kept, saved });
    if (result.held.length > 0) this.listeners.held(file);
    this.tellConflicts(file, result.conflicts, 'theirs');
  }

  private stands(
    file: IntentFile,
    document: Document,
    held: readonly HeldField[],
    by_hand?: Pick<TakenUp, 'kept' | 'saved'>,
  ): void {
    const was = this.working.edit(file);
    this.working.stands(file, document, held, this.now(), by_hand);
    if (was !== undefined && held.length === 0) this.listeners.mended(file);
  }

  private tellConflicts(file: IntentFile, conflicts: readonly KeyConflict[], taken: 'ours' | 'theirs'): void {
    if (conflicts.length === 0) return;
    const keys = conflicts.map(({ key, base, ours, theirs }) => {
      return { key, base: base ?? null, ours: ours ?? null, theirs: theirs ?? null };
    });
    this.listeners.conflict({ file, conflicts: keys, taken, at: this.now().iso });
  }
}
