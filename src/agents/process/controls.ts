import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { sharedProofs } from '../canary/proofs-folder.js';
import { isBelow } from './mount-plan.js';
import type { Confine, ConfineMode } from './process-host.js';

export interface ControlsRequest {
  readonly mode: ConfineMode;
  /** NOX_HOME and the registry. */
  readonly home: string;
  readonly registry: string;
  /** Nox's own environment: says where the operator's command line keeps its logins. */
  readonly nox_env: Readonly<Record<string, string | undefined>>;
  /** The agent's environment and workspace (real path). */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/**
 * What an agent must not touch: Nox's secrets and logins are hidden, the registry is read-only, and so is what would make a
 * person's own Claude or git run something in this workspace, also while it is missing.
 */
export async function controlsOf(request: ControlsRequest): Promise<Confine> {
  const { mode, home, registry, env, cwd } = request;
  const claude = claudeConfig(env);
  const repository = await gitRepository(cwd);
  const roots = [...new Set([cwd, ...(repository === null ? [] : [repository.root])])];
  const sealed = roots.flatMap((root) => [join(root, '.claude'), join(root, '.mcp.json')]);
  const proofs = sharedProofs(request.nox_env);
  return {
    mode,
    hidden: [home, ...(proofs === undefined ? [] : [proofs]), ...operatorLogins(request.nox_env)],
    read_only: [
      registry,
      ...(repository === null ? [] : [join(repository.common, 'config'), join(repository.git, 'config.worktree')]),
      // The CLI itself must write to its own folder, but not its settings.
      ...(claude === null ? [] : [join(claude, 'settings.json'), join(claude, 'settings.local.json')]),
    ],
    sealed: [
      ...sealed.filter((path) => claude === null || !isBelow(claude, path)),
      ...(repository === null ? [] : [join(repository.common, 'hooks')]),
    ],
  };
}

/** Where `nox login` keeps logins, of the user who runs Nox. */
function operatorLogins(env: ControlsRequest['nox_env']): string[] {
  const { XDG_CONFIG_HOME: config, HOME: home } = env;
  if (config?.startsWith('/') === true) return [join(config, 'nox')];
  return home?.startsWith('/') === true ? [join(home, '.config', 'nox')] : [];
}

function claudeConfig(env: ControlsRequest['env']): string | null {
  const { CLAUDE_CONFIG_DIR: config, HOME: home } = env;
  if (config?.startsWith('/') === true) return resolve(config);
  return home?.startsWith('/') === true ? join(home, '.claude') : null;
}

interface Repository {
  readonly root: string;
  /** What belongs to this working tree only; the same as `common` but in linked ones. */
  readonly git: string;
  readonly common: string;
}

/** The git repository that this folder is in; null when in none. */
export async function gitRepository(folder: string): Promise<Repository | null> {
  for (let root = folder; ; root = dirname(root)) {
    const dot_git = join(root, '.git');
    const found = await stat(dot_git).catch(() => null);
    if (found?.isDirectory() === true) return { root, git: dot_git, common: dot_git };
    if (found?.isFile() === true) {
      const link = /^gitdir: (.*)$/m.exec(await textOf(dot_git))?.[1];
      if (link === undefined) return null;
      const git = resolve(root, link);
      return { root, git, common: resolve(git, (await textOf(join(git, 'commondir'))).trim() || '.') };
    }
    if (root === dirname(root)) return null;
  }
}

/** Empty when it cannot be read: then git could not read it either. */
const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
