import { mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { AgentConfig } from '../contracts/agent.js';
import { errnoOf, NoxError } from '../shared/nox-error.js';

const inside = (path: string, root: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

/** Below the folder in which Nox was started: one folder for each agent that has no `cwd`. */
export const WORKSPACES = 'workspaces';

export interface WorkspaceRules {
  /** The folder in which Nox was started: relative paths are below it. */
  readonly base: string;
  readonly allowed_roots: readonly string[];
  /** Nox's own folders: no agent works in them. */
  readonly forbidden: readonly string[];
}

/**
 * The folder in which an agent works, links resolved. Without a `cwd` it is `workspaces/<id>`, made on demand. Throws
 * VALIDATION_ERROR for `cwd` when it does not exist or lies outside the allowed roots.
 */
export async function resolveWorkspace(id: string, cwd: string | undefined, rules: WorkspaceRules): Promise<string> {
  const wanted = resolve(rules.base, cwd ?? join(WORKSPACES, id));
  if (cwd === undefined) await mkdir(wanted, { recursive: true });
  const path = await realFolder(wanted, cwd ?? wanted);
  const roots = await Promise.all(
    rules.allowed_roots.map((root) => realpath(resolve(rules.base, root)).catch(() => undefined)),
  );
  if (!roots.some((root) => root !== undefined && inside(path, root))) {
    throw refuse(
      `${path} is outside the allowed roots (${rules.allowed_roots.join(', ')}); agents.allowed_roots in system-config.toml lists them`,
    );
  }
  const forbidden = rules.forbidden.find((folder) => inside(path, folder));
  if (forbidden !== undefined)
    throw refuse(`${relative(rules.base, forbidden) || forbidden} belongs to Nox; choose another folder`);
  return path;
}

async function realFolder(path: string, shown: string): Promise<string> {
  try {
    const real = await realpath(path);
    if (!(await stat(real)).isDirectory()) throw refuse(`${shown} is not a folder`);
    return real;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw refuse(`${shown} does not exist; make it first`);
    throw error;
  }
}

const refuse = (message: string): NoxError =>
  new NoxError('VALIDATION_ERROR', `cwd: ${message}`, [{ field: 'cwd', message }]);

/** The values behind an agent's references; AGENT_START_FAILED names a reference that leads nowhere, never a value. */
export async function resolveReferences(
  references: AgentConfig['env'],
  sources: { readonly env: Readonly<Record<string, string | undefined>>; readonly secrets: string },
): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [name, reference] of Object.entries(references ?? {})) {
    const [kind, target] = [reference.slice(0, reference.indexOf(':')), reference.slice(reference.indexOf(':') + 1)];
    const value = kind === 'env' ? sources.env[target] : await secretFile(join(sources.secrets, target));
    if (value === undefined) {
      throw new NoxError(
        'AGENT_START_FAILED',
        `env.${name} refers to ${reference}, which is not set${kind === 'file' ? ' (no such file in .nox/secrets)' : ''}.`,
      );
    }
    values[name] = value;
  }
  return values;
}

async function secretFile(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
