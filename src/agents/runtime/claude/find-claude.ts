import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { ERRORS } from '../../../contracts/errors.js';
import { messageOf, NoxError } from '../../../shared/nox-error.js';
import { candidates, realProgram } from '../programs.js';
import { parseVersion, versionWarning } from './claude-version.js';

export interface ClaudeSearch {
  /** `claude_cli.path` of the configuration; empty when not set. */
  readonly config_path: string;
  /** NOX_CLAUDE_PATH. */
  readonly env_path: string | undefined;
  /** PATH. */
  readonly path: string | undefined;
  /** Further files to try, last. */
  readonly extra?: readonly string[];
}

export interface ClaudeCli {
  /** Absolute, symlinks resolved. */
  readonly path: string;
  readonly version: string | null;
  /** For people: why this version may not work. */
  readonly warning: string | null;
}

/** Runs `<path> --version`; rejects when that fails. */
export type VersionProbe = (path: string, search: ClaudeSearch) => Promise<string>;

const PROBE_TIMEOUT_MS = 10_000;

/**
 * The Claude CLI to use: the configured path, else NOX_CLAUDE_PATH (only that one then, a wrong setting must not be
 * hidden), else the first working one on PATH or among the extra files. Rejects with CLAUDE_CLI_UNAVAILABLE, whose
 * message says the remedy and whose details name what was tried.
 */
export async function findClaude(search: ClaudeSearch, probe: VersionProbe = runVersion): Promise<ClaudeCli> {
  const named = search.config_path || search.env_path || undefined;
  const files = candidates(named ?? 'claude', search.path);
  if (named === undefined) files.push(...(search.extra ?? []));
  const tried: { path: string; problem: string }[] = [];
  for (const file of files) {
    for (const path of await programsOf(file)) {
      try {
        const version = parseVersion(await probe(path, search));
        return { path, version, warning: versionWarning(version) };
      } catch (error) {
        tried.push({ path, problem: messageOf(error).split('\n')[0] ?? '' });
      }
    }
  }
  const where = named === undefined ? '' : ` The configured path is ${named}.`;
  throw new NoxError('CLAUDE_CLI_UNAVAILABLE', ERRORS.CLAUDE_CLI_UNAVAILABLE.message + where, { tried });
}

/** The real program behind a candidate, and the platform's own binary for which npm's launcher may be a stub. */
async function programsOf(candidate: string): Promise<string[]> {
  const program = await realProgram(candidate);
  if (program === undefined) return [];
  const package_folder = dirname(dirname(program));
  const names = [
    `claude-code-${process.platform}-${process.arch}`,
    `claude-code-${process.platform}-${process.arch}-musl`,
  ];
  const folders = package_folder.endsWith(join('@anthropic-ai', 'claude-code'))
    ? [dirname(package_folder), join(package_folder, 'node_modules', '@anthropic-ai')]
    : [];
  const binaries = folders.flatMap((folder) => names.map((name) => realProgram(join(folder, name, 'claude'))));
  return [program, ...(await Promise.all(binaries)).filter((path) => path !== undefined)];
}

const runVersion: VersionProbe = (path, search) =>
  new Promise((resolve, reject) => {
    const env = { PATH: search.path ?? '', DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' };
    execFile(path, ['--version'], { env, timeout: PROBE_TIMEOUT_MS, killSignal: 'SIGKILL' }, (error, stdout) => {
      if (error) reject(error);
      else resolve(stdout);
    });
  });
