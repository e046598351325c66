import type { z } from 'zod';
import {
  type CommitView as CommitViewSchema,
  type DiffQuery,
  type History as HistorySchema,
  type HistoryQuery,
  type RegistryCommit,
  type RegistryDiff,
  type RollbackRequest,
} from '../contracts/registry.js';
import type { Clock } from '../shared/clock.js';
import { NoxError } from '../shared/nox-error.js';
import type { GitHistory } from './git/git-history.js';
import { gitError } from './git/git-process.js';
import type { MainBranch } from './git/main-branch.js';
import type { IndexedHistory } from './indexed-history.js';
import { diffFiles } from './intent-diff.js';
import { INTENT_FILES } from './intent.js';

export type History = z.output<typeof HistorySchema>;
export type CommitView = z.output<typeof CommitViewSchema>;

/** Answers what changed, when and by whom, from git, by way of an index where that is quicker. */
export class HistoryReader {
  constructor(
    private readonly main: MainBranch,
    private readonly git: GitHistory,
    private readonly clock: Clock,
    private readonly index: IndexedHistory,
  ) {}

  /** Brings the index up to date, so that the first question does not wait for it. */
  warmUp(): Promise<void> {
    return this.index.catchUp(this.main.branch);
  }

  close(): Promise<void> {
    return this.index.close();
  }

  async history(query: z.output<typeof HistoryQuery>): Promise<History> {
    const ref = query.ref === 'main' ? this.main.branch : query.ref;
    const { before, path, agent } = query;
    const object = agent === undefined ? query.object : `agent:${agent}`;
    const since_ms = query.since === undefined ? undefined : Date.parse(query.since);
    const limit = query.limit + 1;
    const commits =
      (await this.index.find({ ref, limit, before, path, object, since_ms })) ??
      (await this.git.log({ ...query, object, ref, limit }));
    return { commits: commits.slice(0, query.limit), has_more: commits.length > query.limit };
  }

  async commit(hash: string): Promise<CommitView> {
    const commit = await this.git.commit(hash);
    return { commit, ...(await this.between(await this.main.firstParent(hash), hash)) };
  }

  /** The commit alone. COMMIT_NOT_FOUND. */
  one(hash: string): Promise<RegistryCommit> {
    return this.git.commit(hash);
  }

  /** A commit and those before it, newest first. */
  newest(hash: string, limit: number): Promise<RegistryCommit[]> {
    return this.git.upTo(hash, limit);
  }

  /** Default: the newest commit against the one before it. */
  async diff(query: z.output<typeof DiffQuery>): Promise<RegistryDiff> {
    const to = query.to ?? (await this.main.head());
    if (to === null) throw new NoxError('COMMIT_NOT_FOUND');
    // Both must exist before git compares them: its own words for a stranger are no answer.
    const named = [query.from, query.to].filter((hash) => hash !== undefined);
    await Promise.all(named.map((hash) => this.git.commit(hash)));
    return this.between(query.from ?? (await this.main.firstParent(to)), to);
  }

  /** The commit of `main` that a request means. COMMIT_NOT_FOUND when there is none. */
  async resolveTarget(request: RollbackRequest): Promise<RegistryCommit> {
    const hash = await this.targetHash(request);
    if (hash === null || !(await this.main.contains(hash))) {
      throw new NoxError('COMMIT_NOT_FOUND', 'The registry has no version that this names.', { ...request });
    }
    return this.git.commit(hash);
  }

  private async targetHash(request: RollbackRequest): Promise<string | null> {
    if (request.commit_hash !== undefined) return request.commit_hash;
    if (request.at !== undefined) return this.main.commitAt(Date.parse(request.at));
    if (request.hours !== undefined) return this.main.commitAt(this.clock.now() - request.hours * 3_600_000);
    const head = await this.main.head();
    return head === null ? null : this.main.firstParent(head);
  }

  private async between(from: string | null, to: string): Promise<RegistryDiff> {
    const [before, after, patch] = await Promise.all([
      from === null ? new Map<string, string>() : this.main.filesAt(from, INTENT_FILES),
      this.main.filesAt(to, INTENT_FILES),
      this.git.patch(from, to),
    ]).catch((error: unknown) => {
      throw gitError(error);
    });
    return { from, to, objects: diffFiles(before, after), patch };
  }
}
