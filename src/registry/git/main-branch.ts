import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryCommit } from '../../contracts/registry.js';
import { makeFolder, syncTree, writeFileAtomic } from '../../shared/atomic-file.js';
import { errnoOf, NoxError } from '../../shared/nox-error.js';
import { LOG_FORMAT, parseLog } from '../commit-message.js';
import { GitFailure, type GitProcess } from './git-process.js';
import { isIndexDamage } from './index-damage.js';

export interface TreeStatus {
  readonly branch: string;
  readonly head: string | null;
  /** Files that differ from HEAD, in the index or in the folder; untracked ones too. */
  readonly dirty: readonly string[];
  /** Whether something is staged. */
  readonly staged: boolean;
}

/** Bytes are stored as they are, whatever attributes somebody puts into the folder. */
const ATTRIBUTES = '* -text -filter -ident -working-tree-encoding\n';

/** The branch in force and the folder in which it is checked out, as git sees them. Commits are made by a GitWriter. */
export class MainBranch {
  /** `main`, or an experiment that a person switched to. Whoever sets it has made `.git/HEAD` say the same. */
  branch = 'main';

  constructor(private readonly git: GitProcess) {}

  /** Makes the repository, unless it is there; what a loss of power left of one is made anew. */
  async init(): Promise<void> {
    const dir = join(this.git.root, '.git');
    const attributes = join(dir, 'info', 'attributes');
    // The last that is written: where it is, all is on the disk.
    if ((await readOrEmpty(join(dir, 'HEAD'))) !== '' && (await readOrEmpty(attributes)) !== '') return;
    for (const name of ['HEAD', 'config']) if (await isTorn(join(dir, name))) await rm(join(dir, name));
    // Git's templates would bring hooks.
    await this.git.run(['init', '--quiet', '--initial-branch=main', '--template=']);
    // For the person's own git in this folder; Nox brings its settings along.
    const config = await readFile(join(dir, 'config'), 'utf8');
    if (!config.includes('[user]')) {
      await appendFile(join(dir, 'config'), '[user]\n\tname = nox\n\temail = nox@nox.invalid\n[gc]\n\tauto = 0\n');
    }
    // Git flushes nothing of it.
    await syncTree(dir);
    await makeFolder(join(dir, 'info'));
    await writeFileAtomic(attributes, ATTRIBUTES);
  }

  /** The newest commit, null before the first one. Throws INVALID_STATE when another branch is checked out. */
  async head(): Promise<string | null> {
    const head = (await readFile(join(this.git.root, '.git', 'HEAD'), 'utf8')).trim();
    if (head !== `ref: refs/heads/${this.branch}`) throw this.wrongBranch(head);
    return this.readRef(this.branch);
  }

  /** Where a branch points: its own file, which a commit always leaves, else the list that git packs refs into. */
  readRef(branch: string): Promise<string | null> {
    return this.resolve(`refs/heads/${branch}`);
  }

  /** Where a ref points, by its whole name. */
  async resolve(ref: string): Promise<string | null> {
    const loose = await readOrEmpty(join(this.git.root, '.git', ref));
    const packed = loose === '' ? await readOrEmpty(join(this.git.root, '.git', 'packed-refs')) : '';
    const line = packed.split('\n').find((text) => text.endsWith(` ${ref}`));
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

  /** Makes the index equal HEAD; the folder stays. */
  async resetIndex(): Promise<void> {
    const reset = ['read-tree', '--reset', 'HEAD'] as const;
    try {
      await this.git.run(reset);
    } catch (error) {
      // A loss of power may have torn it.
      if (!isIndexDamage(error)) throw error;
      await rm(join(this.git.root, '.git', 'index'), { force: true });
      await this.git.run(reset);
    }
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

  /** The newest commit before, or at, a commit that Nox made: it says who asked for it. Null when there is none. */
  async newestOwn(hash: string): Promise<string | null> {
    const own = ['--max-count=1', '--first-parent', '--grep=^Nox-Actor: '];
    const output = await this.git.run(['rev-list', ...own, '--end-of-options', hash, '--']);
    return output.trim() === '' ? null : output.trim();
  }

  get ref(): string {
    return `refs/heads/${this.branch}`;
  }

  /** Moves the branch on to a commit that a crash left behind it; answers what came. Null when it is not whole. */
  async recover(from: string, tip: string): Promise<RegistryCommit[] | null> {
    try {
      const chain = await this.git.run(['rev-list', '--parents', '--end-of-options', tip, `^${from}`, '--']);
      if (!chain.trimEnd().endsWith(` ${from}`)) return null;
      await this.git.run(['rev-list', '--objects', '--quiet', '--end-of-options', tip, `^${from}`, '--']);
    } catch (error) {
      if (error instanceof GitFailure) return null;
      throw error;
    }
    await this.git.change(['update-ref', '-m', 'commit: recovered', this.ref, tip, from]);
    const log = ['log', '-z', '--name-only', '--no-renames', '--reverse', `--format=${LOG_FORMAT}`] as const;
    return parseLog(await this.git.run([...log, '--end-of-options', tip, `^${from}`, '--']));
  }

  /** For when another one is checked out than the one in force. */
  wrongBranch(head: string): NoxError {
    return wrongBranch(this.git.root, head, this.branch);
  }
}

function wrongBranch(root: string, head: string, branch: string): NoxError {
  return new NoxError(
    'INVALID_STATE',
    `The registry ${root} has ${head.replace('ref: refs/heads/', 'branch ')} checked out; run: git -C ${root} switch ${branch}`,
  );
}

/** Whether a loss of power left nothing, or zeros, of what was in a small file. */
async function isTorn(path: string): Promise<boolean> {
  try {
    const text = await readFile(path, 'utf8');
    return text === '' || text.includes('\0');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
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
