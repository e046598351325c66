import type { SimpleGit } from 'simple-git';
import type { RegistryCommit } from '../../contracts/registry.js';
import { NoxError } from '../../shared/nox-error.js';
import { LOG_ARGS, parseLog } from '../commit-message.js';
import { gitEnvironment, PINNED_CONFIG } from './git-process.js';

export interface LogQuery {
  /** A branch: the one in force, or `record`. */
  readonly ref: string;
  readonly limit: number;
  readonly before?: string | undefined;
  readonly path?: string | undefined;
  readonly since?: string | undefined;
  /** What the commit says that it changed. */
  readonly object?: string | undefined;
}

/** Characters of a patch that are shown; the rest is in git. */
const MAX_PATCH = 1024 * 1024;
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/** Reads history for people: log and patches. Hashes are checked by the caller's grammar and again by git. */
export class GitHistory {
  private git: Promise<SimpleGit> | undefined;

  constructor(private readonly root: string) {}

  /** Newest first. COMMIT_NOT_FOUND when `before` is not a commit. */
  async log(query: LogQuery): Promise<RegistryCommit[]> {
    const start = query.before === undefined ? [`refs/heads/${query.ref}`] : [`${query.before}^@`];
    const since = query.since === undefined ? [] : [`--since=${query.since}`];
    const path = query.path === undefined ? [] : [query.path];
    const object = query.object === undefined ? [] : [`--grep=^Nox-Object: ${query.object.replaceAll('.', '\\.')}$`];
    return this.readLog(
      [`--max-count=${query.limit}`, ...since, ...object, '--end-of-options', ...start, '--', ...path],
      query.before,
    );
  }

  /** One commit. COMMIT_NOT_FOUND when there is none. */
  async commit(hash: string): Promise<RegistryCommit> {
    const [commit] = await this.readLog(['--max-count=1', '--end-of-options', hash, '--'], hash);
    if (commit === undefined) throw notFound(hash);
    return commit;
  }

  /** A commit and those before it, newest first. COMMIT_NOT_FOUND. */
  upTo(hash: string, limit: number): Promise<RegistryCommit[]> {
    return this.readLog([`--max-count=${limit}`, '--end-of-options', hash, '--'], hash);
  }

  /** The unified diff from one commit (null: from nothing) to another, cut at 1 MiB. */
  async patch(from: string | null, to: string, files: readonly string[] = []): Promise<string> {
    const options = ['--no-color', '--no-ext-diff', '--no-textconv', '--no-renames'];
    const patch = await this.raw(['diff', ...options, '--end-of-options', from ?? EMPTY_TREE, to, '--', ...files]);
    return patch.length <= MAX_PATCH ? patch : `${patch.slice(0, MAX_PATCH)}\n… cut: the whole diff is in git\n`;
  }

  /** The links of the ledger that commits of the record name, newest first; none without a record. */
  async ledgerLinks(): Promise<{ seq: number; sha256: string }[]> {
    const format = '--format=%(trailers:key=Nox-Ledger,valueonly,separator=%x20)';
    const output = await this.raw(['log', format, '--end-of-options', 'refs/heads/record', '--']).catch(() => '');
    return [...output.matchAll(/^(\d{1,15}):([0-9a-f]{64})$/gm)].map(([, seq = '', sha256 = '']) => ({
      seq: Number(seq),
      sha256,
    }));
  }

  private async readLog(args: readonly string[], hash: string | undefined): Promise<RegistryCommit[]> {
    try {
      return parseLog(await this.raw(['log', ...LOG_ARGS, ...args]));
    } catch (error) {
      const text = String(error);
      if (/bad revision 'refs\/heads\/[^']*'/.test(text)) return [];
      if (hash !== undefined && /bad object|bad revision|unknown revision|not a tree/.test(text)) throw notFound(hash);
      throw new NoxError('GIT_OPERATION_FAILED', 'Git could not read the history.', undefined, { cause: error });
    }
  }

  private async raw(args: string[]): Promise<string> {
    this.git ??= this.load();
    return (await this.git).raw(args);
  }

  /** Loaded when first needed: starting Nox does not wait for it. */
  private async load(): Promise<SimpleGit> {
    const { simpleGit } = await import('simple-git');
    const env = gitEnvironment(this.root);
    const git = simpleGit({
      baseDir: this.root,
      config: [...PINNED_CONFIG],
      allowEnvironment: Object.keys(env),
      // Its guards are for settings that others choose; these are Nox's own, and they take power away.
      unsafe: {
        allowUnsafeConfigPaths: true,
        allowUnsafeHooksPath: true,
        allowUnsafeFsMonitor: true,
        allowUnsafePager: true,
        allowUnsafeEditor: true,
        allowUnsafeAskPass: true,
        allowUnsafeSshCommand: true,
        allowUnsafeDiffExternal: true,
        allowUnsafeProtocolOverride: true,
        allowUnsafeCredentialHelper: true,
      },
    });
    return git.env(env);
  }
}

const notFound = (hash: string): NoxError => new NoxError('COMMIT_NOT_FOUND', undefined, { commit_hash: hash });
