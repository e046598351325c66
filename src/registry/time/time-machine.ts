import type { z } from 'zod';
import type { Actor } from '../../contracts/auth.js';
import {
  type MergeResult,
  type ReconcileStep,
  type RegistryCommit,
  MergeRequest,
  RollbackRequest,
  type RollbackResult,
  UndoRequest,
} from '../../contracts/registry.js';
import { failpoint } from '../../shared/failpoint.js';
import { NoxError } from '../../shared/nox-error.js';
import { confirmed } from '../confirmed.js';
import type { CommitNote } from '../commit-message.js';
import { gitError } from '../git/git-process.js';
import type { MainBranch } from '../git/main-branch.js';
import type { Refs } from '../git/refs.js';
import type { HistoryReader } from '../history.js';
import { type Base, type Change, parsed } from '../intent-change.js';
import { rethrowAs } from '../intent-commit.js';
import { diffIntents } from '../intent-diff.js';
import {
  describeProblem,
  type DocumentSet,
  type Intent,
  INTENT_FILES,
  intentOf,
  isProblem,
  readDocument,
} from '../intent.js';
import type { Reconciler } from '../reconciler.js';
import { mergeVersions, refuseConflicts, type Scope, withinScope } from './versions.js';

/** A rollback that was done, and what the live system did for it. */
export interface Rollback {
  readonly commit: RegistryCommit;
  readonly reconciled: ReconcileStep[];
}

/** What going through time needs of the registry. */
export interface TimePorts {
  readonly main: MainBranch;
  readonly refs: Refs;
  readonly reader: HistoryReader;
  /** What is in force. */
  base(): Base;
  write(decide: (base: Base) => Promise<Change | null>): Promise<RegistryCommit | null>;
  reconciler(): Reconciler | undefined;
  rolledBack(rollback: Rollback): void;
}

/** A version to come, and the words of its commit. */
interface Proposal {
  readonly documents: DocumentSet;
  readonly note: CommitNote;
}

interface Outcome {
  readonly commit: RegistryCommit | null;
  readonly before: Intent;
  readonly after: Intent;
  readonly reconciled: ReconcileStep[];
}

/** How far back an undo looks for a rollback, and a merge for an earlier one. */
const LOOK_BACK = 500;
const short = (hash: string): string => hash.slice(0, 7);

/**
 * Goes to versions that were: each time by a new commit on the branch in force, which the live system then follows. The
 * record is not touched.
 */
export class TimeMachine {
  constructor(private readonly ports: TimePorts) {}

  /**
   * Makes intent, or the part of it that the request names, equal to an older version. COMMIT_NOT_FOUND, TAG_NOT_FOUND;
   * REGISTRY_INVALID when that version does not fit today's rules; CONFIRMATION_REQUIRED.
   */
  async rollback(input: z.input<typeof RollbackRequest>, actor: Actor): Promise<RollbackResult> {
    const request = confirmed(parsed('body', RollbackRequest, input));
    const target = await this.target(request);
    const then = await this.versionAt(target.hash);
    const { agents, paths } = request;
    if (agents !== undefined) this.mustKnow(agents, then);
    return this.goTo(target, request.dry_run, actor, async ({ versions }) => ({
      documents: withinScope(versions, then, { agents, paths }),
      note: { ...scopeWords({ agents, paths }, target.hash), ...(await this.back(target.hash)), actor },
    }));
  }

  /**
   * Takes back the newest rollback of this branch, by a rollback. What was changed since stays. INVALID_STATE when there is
   * none; MERGE_CONFLICT when the same keys were changed since; CONFIRMATION_REQUIRED.
   */
  async undo(input: z.input<typeof UndoRequest>, actor: Actor): Promise<RollbackResult> {
    const request = confirmed(parsed('body', UndoRequest, input));
    const { commits } = await this.ports.reader.history({ limit: LOOK_BACK, ref: 'main' });
    const undone = commits.find((commit) => commit.rollback_to !== null);
    const parent =
      undone === undefined ? null : await this.ports.main.firstParent(undone.hash).catch(rethrowAs(gitError));
    if (undone === undefined || parent === null) {
      throw new NoxError(
        'INVALID_STATE',
        `None of the newest ${LOOK_BACK} commits is a rollback that could be undone.`,
      );
    }
    const [target, after, before] = await Promise.all([
      this.ports.reader.one(parent),
      this.versionAt(undone.hash),
      this.versionAt(parent),
    ]);
    return this.goTo(target, request.dry_run, actor, async ({ versions }) => ({
      documents: refuseConflicts(mergeVersions(after, versions, before)),
      note: {
        area: 'registry',
        action: 'undo',
        object: `rollback ${short(undone.hash)}`,
        object_ref: `commit:${undone.hash}`,
        ...(await this.back(parent)),
        actor,
      },
    }));
  }

  /**
   * Brings what a branch changed into the one in force, by one commit. With conflicts nothing is changed: a dry run answers
   * them, else MERGE_CONFLICT names them. BRANCH_NOT_FOUND, CONFIRMATION_REQUIRED, REGISTRY_INVALID.
   */
  async merge(name: string, tip: string, input: z.input<typeof MergeRequest>, actor: Actor): Promise<MergeResult> {
    const request = confirmed(parsed('body', MergeRequest, input));
    const theirs = await this.versionAt(tip);
    const decide = async (base: Base) => {
      const from = await this.mergeBase(tip);
      const old = from === null ? emptyVersion() : await this.versionAt(from);
      return mergeVersions(old, base.versions, theirs, request);
    };
    if (request.dry_run) {
      const now = this.ports.base();
      const { documents, conflicts } = await decide(now);
      const { objects, reconciled } = this.preview(now.intent, documents);
      return { dry_run: true, from: name, conflicts: [...conflicts], commit: null, objects, reconciled };
    }
    const { commit, before, after, reconciled } = await this.carryOut(actor, async (base) => ({
      documents: refuseConflicts(await decide(base)),
      note: {
        area: 'registry',
        action: 'merge',
        object: `branch ${name} at ${short(tip)}`,
        object_ref: `branch:${name}`,
        merge_of: tip,
        actor,
      },
    }));
    return { dry_run: false, from: name, conflicts: [], commit, objects: diffIntents(before, after), reconciled };
  }

  /** All files as a commit has them. REGISTRY_INVALID when they do not fit today's rules. */
  async versionAt(hash: string): Promise<DocumentSet> {
    const texts = await this.ports.main.filesAt(hash, INTENT_FILES).catch(rethrowAs(gitError));
    return new Map(
      INTENT_FILES.map((file) => {
        const read = readDocument(file, texts.get(file) ?? '');
        if (!isProblem(read)) return [file, read];
        throw new NoxError('REGISTRY_INVALID', `That version does not fit: ${describeProblem(read)}`, read);
      }),
    );
  }

  /** The newest of: what both branches share, what of the one was merged into the other before. */
  async mergeBase(tip: string): Promise<string | null> {
    const { refs, reader, main } = this.ports;
    const head = (await main.head().catch(rethrowAs(gitError))) ?? '';
    const found = [await refs.mergeBase(head, tip).catch(rethrowAs(gitError))];
    for (const [side, other] of [
      [tip, head],
      [head, tip],
    ] as const) {
      const commits = await reader.newest(side, LOOK_BACK);
      for (const { merge_of } of commits) {
        if (merge_of === null || !(await refs.isAncestor(merge_of, other))) continue;
        found.push(merge_of);
        break;
      }
    }
    const hashes = [...new Set(found.filter((hash) => hash !== null))];
    const commits = await Promise.all(hashes.map((hash) => reader.one(hash)));
    return commits.reduce<RegistryCommit | null>(newer, null)?.hash ?? null;
  }

  private async goTo(
    target: RegistryCommit,
    dry_run: boolean,
    actor: Actor,
    propose: (base: Base) => Promise<Proposal>,
  ): Promise<RollbackResult> {
    if (dry_run) {
      const now = this.ports.base();
      const { documents } = await propose(now);
      const { after, objects, reconciled } = this.preview(now.intent, documents);
      const patch = await this.ports.refs.patch(now.intent.files, after.files).catch(rethrowAs(gitError));
      return { dry_run, target, commit: null, objects, reconciled, patch };
    }
    const { commit, before, after, reconciled } = await this.carryOut(actor, propose);
    if (commit !== null) this.ports.rolledBack({ commit, reconciled });
    const patch = await this.ports.refs.patch(before.files, after.files).catch(rethrowAs(gitError));
    return { dry_run, target, commit, objects: diffIntents(before, after), reconciled, patch };
  }

  /** What would differ, and what the live system would do. */
  preview(before: Intent, documents: DocumentSet) {
    const after = intentOf(documents);
    return {
      after,
      objects: diffIntents(before, after),
      reconciled: this.ports.reconciler()?.plan(before, after) ?? [],
    };
  }

  /** One commit with what differs, then the live system. Nothing differs: no commit. */
  async carryOut(actor: Actor, propose: (base: Base) => Promise<Proposal>): Promise<Outcome> {
    let [before, after] = [this.ports.base().intent, this.ports.base().intent];
    const commit = await this.ports.write(async (base) => {
      const { documents, note } = await propose(base);
      before = base.intent;
      after = intentOf(documents);
      const changed = [...documents].filter(([file, { text }]) => text !== before.files.get(file));
      return changed.length === 0 ? null : { note, documents: new Map(changed), intent: after };
    });
    await failpoint('time.committed');
    const reconciled = commit === null ? [] : ((await this.ports.reconciler()?.apply(before, after, actor)) ?? []);
    return { commit, before, after, reconciled };
  }

  private async target(request: RollbackRequest): Promise<RegistryCommit> {
    if (request.tag === undefined) return this.ports.reader.resolveTarget(request);
    const tags = await this.ports.refs.tags().catch(rethrowAs(gitError));
    const tag = tags.find(({ name }) => name === request.tag);
    if (tag === undefined) throw new NoxError('TAG_NOT_FOUND', undefined, { tag: request.tag });
    return this.ports.reader.one(tag.commit_hash);
  }

  private async back(to: string): Promise<{ rollback_of: string; rollback_to: string }> {
    return { rollback_of: (await this.ports.main.head()) ?? '', rollback_to: to };
  }

  /** An id that neither version has is a slip of the pen. */
  private mustKnow(ids: readonly string[], then: DocumentSet): void {
    const known = intentOf(then).agents;
    const stranger = ids.find((id) => !known.has(id) && !this.ports.base().intent.agents.has(id));
    if (stranger !== undefined) throw new NoxError('AGENT_NOT_FOUND', undefined, { id: stranger });
  }
}

function scopeWords({ agents, paths }: Scope, to: string): Omit<CommitNote, 'actor'> {
  const parts = agents ?? paths;
  if (parts === undefined) {
    return { area: 'registry', action: 'roll back', object: `to ${short(to)}`, object_ref: `commit:${to}` };
  }
  const object = `${parts.join(', ')} to ${short(to)}`;
  const object_ref = `${agents === undefined ? 'file' : 'agent'}:${parts.join(',')}`;
  return { area: agents === undefined ? 'registry' : 'agent', action: 'roll back', object, object_ref };
}

const newer = (one: RegistryCommit | null, other: RegistryCommit): RegistryCommit =>
  one !== null && one.timestamp > other.timestamp ? one : other;

/** Files that say nothing. */
export function emptyVersion(): DocumentSet {
  return new Map(
    INTENT_FILES.map((file) => {
      const read = readDocument(file, '');
      if (isProblem(read)) throw new NoxError('REGISTRY_INVALID', describeProblem(read), read);
      return [file, read];
    }),
  );
}
