import { access, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { GitFailure, type GitProcess } from './git-process.js';
import type { CommitRequest, MainBranch } from './main-branch.js';

const NOTHING = '0'.repeat(40);

/** Ref `record`: it has an index of its own and is never checked out, so that branch `main` does not notice it. */
export class RecordBranch {
  private readonly env: Readonly<Record<string, string>>;
  private readonly index: string;

  constructor(
    private readonly git: GitProcess,
    private readonly main: MainBranch,
  ) {
    this.index = join(git.root, '.git', 'record.index');
    this.env = { GIT_INDEX_FILE: this.index };
  }

  head(): Promise<string | null> {
    return this.main.readRef('record');
  }

  /** Files of the newest commit and of a commit that was not finished. */
  async known(): Promise<string[]> {
    await this.ensureIndex();
    const output = await this.git.run(['ls-files', '-z'], { env: this.env });
    return output.split('\0').filter((path) => path !== '');
  }

  /** Commits these files as they are now, missing ones as removed. Null when nothing differs. */
  async commit({ files, message, author, at_ms }: CommitRequest): Promise<string | null> {
    await this.ensureIndex();
    const input = files.map((file) => `${file}\0`).join('');
    await this.git.run(['update-index', '-z', '--add', '--remove', '--stdin'], { input, env: this.env });
    const [tree, parent] = await Promise.all([this.git.run(['write-tree'], { env: this.env }), this.head()]);
    if (parent !== null && (await this.treeOf(parent)) === tree.trim()) return null;
    const date = `@${Math.floor(at_ms / 1000)} +0000`;
    const made = await this.git.run(
      ['commit-tree', tree.trim(), ...(parent === null ? [] : ['-p', parent]), '-F', '-'],
      {
        input: message,
        env: {
          GIT_AUTHOR_NAME: author.name,
          GIT_AUTHOR_EMAIL: author.email,
          GIT_AUTHOR_DATE: date,
          GIT_COMMITTER_NAME: author.name,
          GIT_COMMITTER_EMAIL: author.email,
          GIT_COMMITTER_DATE: date,
        },
      },
    );
    await this.git.run(['update-ref', 'refs/heads/record', made.trim(), parent ?? NOTHING]);
    return made.trim();
  }

  /** Forgets a damaged index; the next commit makes it anew from the ref. */
  async dropIndex(): Promise<void> {
    await unlink(this.index);
  }

  private async treeOf(commit: string): Promise<string> {
    return (await this.git.run(['rev-parse', '--verify', '--quiet', '--end-of-options', `${commit}^{tree}`])).trim();
  }

  private async ensureIndex(): Promise<void> {
    const present = await access(this.index).then(
      () => true,
      () => false,
    );
    const head = present ? null : await this.head();
    if (head !== null) await this.git.run(['read-tree', head], { env: this.env });
  }
}

/** Whether git could not read its index: it can be made anew. */
export const isIndexDamage = (error: unknown): boolean =>
  error instanceof GitFailure && /index file (corrupt|smaller)|bad (index|signature)|index uses/i.test(error.stderr);
