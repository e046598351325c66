import { spawn } from 'node:child_process';
import { syncTree } from '../../shared/atomic-file.js';
import { errnoOf, NoxError } from '../../shared/nox-error.js';

/**
 * Settings that hold whatever a person's or the repository's own configuration says: nothing runs but git itself, bytes
 * stay as they are, and what is written is on the disk before git says so.
 */
export const PINNED_CONFIG: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'core.autocrlf=false',
  'core.eol=lf',
  'core.safecrlf=false',
  'core.quotePath=false',
  'core.pager=cat',
  'core.editor=false',
  'core.askPass=false',
  'core.sshCommand=false',
  'core.alternateRefsCommand=',
  'core.fsync=committed,reference',
  'core.fsyncMethod=fsync',
  'commit.gpgSign=false',
  'commit.status=false',
  'commit.verbose=false',
  'tag.gpgSign=false',
  'log.showSignature=false',
  'log.mailmap=false',
  'diff.external=',
  'diff.noprefix=false',
  'diff.mnemonicPrefix=false',
  'gc.auto=0',
  'gc.autoDetach=false',
  'maintenance.auto=false',
  'credential.helper=',
  'protocol.allow=never',
  'submodule.recurse=false',
  'safe.bareRepository=explicit',
  'i18n.commitEncoding=UTF-8',
  'i18n.logOutputEncoding=UTF-8',
  'init.defaultBranch=main',
];

/** The whole environment of git: no configuration but the pinned one, no prompt, this repository and no outer one. */
export function gitEnvironment(root: string, git_dir = `${root}/.git`): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    LC_ALL: 'C',
    TZ: 'UTC',
    GIT_DIR: git_dir,
    GIT_WORK_TREE: root,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_DEFAULT_HASH: 'sha1',
    GIT_DEFAULT_REF_FORMAT: 'files',
  };
}

export const PIN_ARGUMENTS = PINNED_CONFIG.flatMap((setting) => ['-c', setting]);
const TIMEOUT_MS = 60_000;

/** Git ended with an error. `stderr` is for the log; it may name paths. */
export class GitFailure extends Error {
  override readonly name = 'GitFailure';

  constructor(
    readonly command: string,
    readonly exit_code: number | null,
    readonly signal: string | null,
    readonly stderr: string,
    readonly stdout = '',
  ) {
    super(`git ${command} ended with ${signal ?? exit_code}: ${stderr.trim().slice(0, 500)}`);
  }

  /** Somebody else's git has the lock at this moment. */
  get locked(): boolean {
    return /\.lock': File exists|Unable to create .*\.lock|cannot lock ref/.test(this.stderr);
  }
}

/** The error that callers of the registry see. */
export function gitError(error: unknown): NoxError {
  if (error instanceof NoxError) return error;
  const full =
    error instanceof GitFailure
      ? /No space left|quota exceeded|Input\/output error/i.test(error.stderr)
      : ['ENOSPC', 'EDQUOT', 'EIO'].includes(errnoOf(error) ?? '');
  const text = error instanceof Error ? error.message : String(error);
  if (full) return new NoxError('STORAGE_FAILED', undefined, undefined, { cause: error });
  return new NoxError('GIT_OPERATION_FAILED', `Git refused; nothing was changed: ${text}`, undefined, { cause: error });
}

export interface GitOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** An open file that gets what git writes, instead of the answer. */
  readonly output_fd?: number;
  /** Default: a minute. */
  readonly timeout_ms?: number;
}

/** Runs git on one repository: without a shell, with arguments that Nox chose. */
export class GitProcess {
  private readonly env: Record<string, string>;

  /** `git_dir`: another one than the folder's own. */
  constructor(
    readonly root: string,
    private readonly git_dir = `${root}/.git`,
  ) {
    this.env = gitEnvironment(root, git_dir);
  }

  /** As `run`, for what must outlive a loss of power: git flushes what it writes, but not the names of it. */
  async change(args: readonly [command: string, ...rest: string[]], options: GitOptions = {}): Promise<string> {
    const said = await this.run(args, options);
    await syncTree(this.git_dir, 'names');
    return said;
  }

  /** What git wrote to stdout. Rejects with GitFailure, or with the error of the system when git cannot be started. */
  run(args: readonly [command: string, ...rest: string[]], options: GitOptions = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn('git', [...PIN_ARGUMENTS, ...args], {
        cwd: this.root,
        env: { ...this.env, ...options.env },
        stdio: ['pipe', options.output_fd ?? 'pipe', 'pipe'],
        timeout: options.timeout_ms ?? TIMEOUT_MS,
        killSignal: 'SIGKILL',
      });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
      child.on('error', reject);
      child.on('close', (code, signal) => {
        if (code === 0) resolve(Buffer.concat(out).toString());
        else
          reject(new GitFailure(args[0], code, signal, Buffer.concat(err).toString(), Buffer.concat(out).toString()));
      });
      // Git may end before it has read its input; its exit says why.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(options.input ?? '');
    });
  }
}
