import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf, NoxError } from '../../shared/nox-error.js';
import { GitFailure, type GitProcess } from './git-process.js';

export interface CommitRequest {
  readonly files: readonly string[];
  /** What to commit when it is not what stands in the folder, which then stays as it is. */
  readonly texts?: ReadonlyMap<string, string> | undefined;
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly at_ms: number;
}

export interface TreeStatus {
  readonly branch: string;
  readonly head: string | null;
  /** Files that differ from HEAD, in the index or in the folder; untracked ones too. */
  readonly dirty: readonly string[];
  /** Whether something is staged. */
  readonly staged: boolean;
}

const LOCK_RETRIES_MS = [20, 40, 80, 160, 320, 640];
/** Bytes are stored as they are, whatever attributes somebody puts into the folder. */
const ATTRIBUTES = '* -text -filter -ident -working-tree-encoding\n';

/** The branch in force and the folder in which it is checked out: the one place that writes intent to git. */
export class MainBranch {
  /** `main`, or an experiment that a person switched to. Whoever sets it has made `.git/HEAD` say the same. */
  branch = 'main';

  constructor(private readonly git: GitProcess) {}

  async init(): Promise<void> {
    const dir = join(this.git.root, '.git');
    // Git's templates would bring hooks.
    await this.git.run(['init', '--quiet', '--initial-branch=main', '--template=']);
    await mkdir(join(dir, 'info'), { recursive: true });
    await writeFile(join(dir, 'info', 'attributes'), ATTRIBUTES);
    // For the person's own git in this folder; Nox brings its settings along.
    const config = await readFile(join(dir, 'config'), 'utf8');
    if (!config.includes('[user]')) {
      await appendFile(join(dir, 'config'), '[user]\n\tname = nox\n\temail = nox@nox.invalid\n[gc]\n\tauto = 0\n');
    }
  }

  /** The newest commit, null before the first one. Throws INVALID_STATE when another branch is checked out. */
  async head(): Promise<string | null> {
    const head = (await readFile(join(this.git.root, '.git', 'HEAD'), 'utf8')).trim();
    if (head !== `ref: refs/heads/${this.branch}`) throw wrongBranch(this.git.root, head, this.branch);
    return this.readRef(this.branch);
  }

  /** Where a branch points: its own file, which a commit always leaves, else the list that git packs refs into. */
  async readRef(branch: string): Promise<string | null> {
    const loose = await readOrEmpty(join(this.git.root, '.git', 'refs', 'heads', branch));
    const packed = loose === '' ? await readOrEmpty(join(this.git.root, '.git', 'packed-refs')) : '';
    const line = packed.split('\n').find((text) => text.endsWith(` refs/heads/${branch}`));
    const hash = (loose || line || '').slice(0, 40);
    return /^[0-9a-f]{40}$/.test(hash) ? hash : null;
  }

  async status(): Promise<TreeStatus> {
    const output = await this.git.run([
      'status',
      '--porcelain=v2',
      '--branch',
      '-z',
      '--no-renames',
      '--untracked-files=all',
    ]);
    return parseStatus(output);
  }

  async add(files: readonly string[]): Promise<void> {
    await this.git.run(['add', '--force', '--', ...files]);
  }

  /**
   * Commits these files as they stand in the folder, and nothing else. Resolves with the commit when it is durable. When
   * git fails after it moved the branch, the commit counts.
   */
  async commit(request: CommitRequest): Promise<string> {
    const before = await this.head();
    for (const wait_ms of [...LOCK_RETRIES_MS, null]) {
      try {
        await (request.texts === undefined
          ? this.commitOnce(request)
          : this.commitTexts(request, request.texts, before));
      } catch (error) {
        const after = await this.readRef(this.branch);
        if (after !== null && after !== before && (await this.firstParent(after)) === before) return after;
        // A person's own git in this folder holds the lock for a moment.
        if (!(error instanceof GitFailure && error.locked) || wait_ms === null) throw error;
        await delay(wait_ms);
        continue;
      }
      break;
    }
    const after = await this.readRef(this.branch);
    if (after === null || after === before) throw new NoxError('GIT_OPERATION_FAILED', 'Git made no commit.');
    return after;
  }

  /** Makes the index equal HEAD; the folder stays. */
  async resetIndex(): Promise<void> {
    await this.git.run(['read-tree', '--reset', 'HEAD']);
  }

  /** Files as a commit holds them; those that it lacks are left out. `hash` is checked by the caller. */
  async filesAt(hash: string, files: readonly string[]): Promise<Map<string, string>> {
    const input = files.map((file) => `${hash}:${file}\n`).join('');
    const output = Buffer.from(await this.git.run(['cat-file', '--batch'], { input }));
    const found = new Map<string, string>();
    let at = 0;
    for (const file of files) {
      const line_end = output.indexOf('\n', at);
      const [, type, size] = output.toString('utf8', at, line_end).split(' ');
      at = line_end + 1;
      if (type !== 'blob' || size === undefined) continue;
      found.set(file, output.toString('utf8', at, at + Number(size)));
      at += Number(size) + 1;
    }
    return found;
  }

  async firstParent(hash: string): Promise<string | null> {
    const output = await this.git.run(['rev-list', '--max-count=1', '--parents', '--end-of-options', hash, '--']);
    return output.trim().split(' ')[1] ?? null;
  }

  /** Whether a commit is the newest of the branch in force or one before it. */
  async contains(hash: string): Promise<boolean> {
    try {
      await this.git.run(['merge-base', '--is-ancestor', '--end-of-options', hash, this.ref]);
      return true;
    } catch (error) {
      // 1: is not; 128: there is no such commit.
      if (error instanceof GitFailure && (error.exit_code === 1 || error.exit_code === 128)) return false;
      throw error;
    }
  }

  /** The newest commit that is not younger than a time. */
  async commitAt(at_ms: number): Promise<string | null> {
    const before = `--before=${Math.floor(at_ms / 1000)}`;
    const output = await this.git.run(['rev-list', '--max-count=1', '--first-parent', before, this.ref, '--']);
    return output.trim() === '' ? null : output.trim();
  }

  /** Commits that changed a file, newest first. */
  async commitsOf(file: string, limit: number): Promise<string[]> {
    const output = await this.git.run(['rev-list', `--max-count=${limit}`, this.ref, '--', file]);
    return output.split('\n').filter((line) => line !== '');
  }

  private get ref(): string {
    return `refs/heads/${this.branch}`;
  }

  private async commitTexts(
    request: CommitRequest,
    texts: ReadonlyMap<string, string>,
    head: string | null,
  ): Promise<void> {
    const rows: string[] = [];
    for (const [file, input] of texts) {
      const blob = await this.git.run(['hash-object', '-w', '--stdin', '--no-filters'], { input });
      rows.push(`100644 ${blob.trim()}\t${file}\n`);
    }
    const input = rows.join('');
    const index = { GIT_INDEX_FILE: join(this.git.root, '.git', 'nox-texts.index') };
    await this.git.run(head === null ? ['read-tree', '--empty'] : ['read-tree', head], { env: index });
    await this.git.run(['update-index', '--add', '--index-info'], { env: index, input });
    const tree = (await this.git.run(['write-tree'], { env: index })).trim();
    const parent = head === null ? [] : ['-p', head];
    const made = await this.git.run(['commit-tree', tree, ...parent], {
      input: request.message,
      env: identityEnvironment(request),
    });
    await this.git.run(['update-ref', 'HEAD', made.trim(), head ?? '0'.repeat(40)]);
    await this.git.run(['update-index', '--add', '--index-info'], { input });
  }

  private async commitOnce(request: CommitRequest): Promise<void> {
    const { files, message: input } = request;
    await this.git.run(
      [
        'commit',
        '--quiet',
        '--no-verify',
        '--no-status',
        '--no-post-rewrite',
        '--cleanup=verbatim',
        '--file=-',
        '--only',
        '--',
        ...files,
      ],
      { input, env: identityEnvironment(request) },
    );
  }
}

function identityEnvironment({ author, at_ms }: CommitRequest): Record<string, string> {
  const date = `@${Math.floor(at_ms / 1000)} +0000`;
  return {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
    GIT_COMMITTER_DATE: date,
  };
}

function wrongBranch(root: string, head: string, branch: string): NoxError {
  return new NoxError(
    'INVALID_STATE',
    `The registry ${root} has ${head.replace('ref: refs/heads/', 'branch ')} checked out; run: git -C ${root} switch ${branch}`,
  );
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

/** Reads `git status --porcelain=v2 --branch -z`. */
export function parseStatus(output: string): TreeStatus {
  let [branch, head, staged] = ['', null as string | null, false];
  const dirty: string[] = [];
  for (const line of output.split('\0')) {
    if (line.startsWith('# branch.head ')) branch = line.slice(14);
    else if (line.startsWith('# branch.oid ')) head = /^[0-9a-f]{40}$/.test(line.slice(13)) ? line.slice(13) : null;
    else if (line.startsWith('1 ') || line.startsWith('u ')) {
      staged ||= line[2] !== '.';
      dirty.push(
        line
          .split(' ')
          .slice(line.startsWith('1 ') ? 8 : 10)
          .join(' '),
      );
    } else if (line.startsWith('? ')) dirty.push(line.slice(2));
  }
  return { branch, head, dirty, staged };
}
