import type { GitProcess } from './git-process.js';
import type { MainBranch } from './main-branch.js';
import type { GitWriter, NewCommit } from './writer/commit-request.js';

/** Ref `record`: never checked out, and without an index, so that branch `main` does not notice it. */
export class RecordBranch {
  readonly ref = 'refs/heads/record';

  constructor(
    private readonly git: GitProcess,
    private readonly main: MainBranch,
    private readonly writer: GitWriter,
  ) {}

  /** The newest commit, null before the first one. */
  head(): Promise<string | null> {
    return this.main.readRef('record');
  }

  /** Files of the newest commit. */
  async known(): Promise<string[]> {
    const head = await this.main.readRef('record');
    if (head === null) return [];
    const output = await this.git.run(['ls-tree', '-r', '-z', '--name-only', '--full-tree', '--end-of-options', head]);
    return output.split('\0').filter((path) => path !== '');
  }

  /** Commits these files as they are now, missing ones as removed. Null when nothing differs. */
  async commit(files: readonly string[], commit: Omit<NewCommit, 'files'>): Promise<string | null> {
    const commits = [{ ...commit, files: files.map((path) => ({ path })) }];
    const { hashes } = await this.writer.commit({ ref: this.ref, commits, allow_empty: false });
    return hashes[0] ?? null;
  }
}
