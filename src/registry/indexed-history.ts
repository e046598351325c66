import type { RegistryCommit } from '../contracts/registry.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { messageOf } from '../shared/nox-error.js';
import { LOG_ARGS, parseLog } from './commit-message.js';
import { GitFailure, type GitProcess } from './git/git-process.js';
import { HistoryIndex, type Indexed, type IndexQuery } from './history-index.js';
import { diffFiles } from './intent-diff.js';
import { INTENT_FILES } from './intent.js';
import type { MainBranch } from './git/main-branch.js';

/** Commits taken into the index at a time, between two turns of the event loop. */
const SLICE = 500;

/**
 * The history of a ref from its index, which is first brought up to where the ref is. Undefined where git must be asked:
 * there is no such ref, or the index cannot be used.
 */
export class IndexedHistory {
  private readonly queue = new KeyedQueue();
  private index: HistoryIndex | undefined;
  private closed = false;

  constructor(
    private readonly path: string,
    private readonly git: GitProcess,
    private readonly main: MainBranch,
    private readonly warn: (message: string, fields: object) => void,
  ) {}

  /** Newest first. */
  find(query: IndexQuery): Promise<RegistryCommit[] | undefined> {
    return this.safely(query.ref, (index) => index.find(query));
  }

  /** Brings a ref up to date, so that the next question does not wait for it. */
  async catchUp(ref: string): Promise<void> {
    await this.safely(ref, () => undefined);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.queue.idle();
    this.index?.close();
    this.index = undefined;
  }

  /** An index that fails is begun anew with the next question; git is asked meanwhile. */
  private safely<T>(ref: string, use: (index: HistoryIndex) => T): Promise<T | undefined> {
    return this.queue.run('index', async () => {
      if (this.closed) return undefined;
      try {
        this.index ??= new HistoryIndex(this.path);
        return (await this.update(this.index, ref)) ? use(this.index) : undefined;
      } catch (error) {
        this.warn('git is asked instead of the index of the history', { reason: messageOf(error) });
        // What git refused says nothing about the index.
        if (!(error instanceof GitFailure)) this.discard();
        return undefined;
      }
    });
  }

  private discard(): void {
    const { index } = this;
    this.index = undefined;
    try {
      index?.discard();
    } catch (error) {
      this.warn('the index of the history could not be taken away', { reason: messageOf(error) });
    }
  }

  /** False when there is no such ref, or no time. */
  private async update(index: HistoryIndex, ref: string): Promise<boolean> {
    const tip = await this.main.readRef(ref);
    if (tip === null) return false;
    const known = index.tip(ref);
    if (known === tip) return true;
    const goes_on = known !== undefined && (await this.isLinear(known, tip));
    // Commits of a merge belong between those that are there: git says where.
    if (!goes_on) index.forget(ref);
    const range = goes_on ? [tip, `^${known}`] : [tip];
    const log = ['log', ...LOG_ARGS, '--reverse', '--end-of-options', ...range, '--'] as const;
    const commits = parseLog(await this.git.run(log));
    for (let at = 0; at < commits.length; at += SLICE) {
      if (this.closed) return false;
      const slice = commits.slice(at, at + SLICE);
      const indexed: Indexed[] = [];
      for (const commit of slice) indexed.push({ commit, objects: await this.objectsOf(commit) });
      index.append(ref, indexed, slice.at(-1)?.hash ?? tip);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return true;
  }

  /** Whether one commit leads to another, each with one parent. */
  private async isLinear(old: string, tip: string): Promise<boolean> {
    const range = ['--parents', '--end-of-options', tip, `^${old}`, '--'] as const;
    // The old one may have been pruned: then the ref begins anew.
    const chain = await this.git.run(['rev-list', ...range]).catch(() => '');
    const rows = chain.trimEnd().split('\n');
    return rows.every((row) => row.split(' ').length === 2) && rows.at(-1)?.endsWith(` ${old}`) === true;
  }

  /** What the commit says, or, when it is not about one object (a rollback, a person's edit), what differs. */
  private async objectsOf(commit: RegistryCommit): Promise<string[]> {
    const said = commit.object?.split(',') ?? [];
    const single = said.length === 1 && /^(?:agent|service|config|relationships|policy):/.test(said[0] ?? '');
    const touches = commit.files.some((file) => (INTENT_FILES as readonly string[]).includes(file));
    if ((single && commit.rollback_to === null) || !touches) return said;
    const before = await this.main.firstParent(commit.hash);
    if (before === null) return said;
    const [old, young] = await Promise.all([
      this.main.filesAt(before, INTENT_FILES),
      this.main.filesAt(commit.hash, INTENT_FILES),
    ]);
    return [...new Set([...said, ...diffFiles(old, young).map(({ kind, id }) => `${kind}:${id}`)])];
  }
}
