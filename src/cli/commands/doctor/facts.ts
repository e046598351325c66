import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { createProcessHost } from '../../../agents/process/native-process-host.js';
import { findClaude } from '../../../agents/runtime/claude/find-claude.js';
import { NoxApiError } from '../../../client/api-error.js';
import { errnoOf, messageOf } from '../../../shared/nox-error.js';
import { packageRoot } from '../../../shared/paths.js';
import { allPages } from '../../all-pages.js';
import type { Cli } from '../../cli.js';
import { publicClient, storeOf } from '../../session.js';
import type { ClaudeFacts, FolderFacts, IsolationFacts, LoginFacts, ProfileFacts, ServerFacts } from './checks.js';

const TIMEOUT_MS = 5000;

/** What `git --version` says; undefined when it cannot be run. */
export const gitVersion = (): Promise<string | undefined> =>
  new Promise((done) => {
    execFile('git', ['--version'], { timeout: TIMEOUT_MS }, (error, stdout) =>
      done(error === null ? stdout : undefined),
    );
  });

/** The Claude CLI as the server would find it when started here, or why there is none. */
export async function claudeFacts({ io: { env } }: Cli): Promise<ClaudeFacts | string> {
  const bundled = join(packageRoot(), 'node_modules', '.bin', 'claude');
  try {
    return await findClaude({ config_path: '', env_path: env['NOX_CLAUDE_PATH'], path: env['PATH'], extra: [bundled] });
  } catch (error) {
    return messageOf(error);
  }
}

/** Tries out, as the server does at its start, how agents can be confined. */
export async function isolationFacts(): Promise<IsolationFacts> {
  const host = createProcessHost();
  await host.ready();
  return { rung: host.confinement(), promise: host.describe() };
}

/** The folder's mode, and whether it or the nearest folder above it can be written to. */
export async function folderFacts(cwd: string, path: string): Promise<FolderFacts> {
  const full = resolve(cwd, path);
  const mode = await modeOf(full);
  let nearest = full;
  while ((await modeOf(nearest)) === undefined && dirname(nearest) !== nearest) nearest = dirname(nearest);
  const writable = await access(nearest, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  return { path: full, mode, writable };
}

/** Undefined for what does not exist. */
export async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

export async function serverFacts(cli: Cli): Promise<ServerFacts> {
  try {
    return { url: cli.url, answer: await publicClient(cli).call('health', {}, { timeout_ms: TIMEOUT_MS }) };
  } catch (error) {
    return { url: cli.url, answer: { error: messageOf(error) } };
  }
}

/** Whether the given token or the stored login is taken by the server. */
export async function loginFacts(cli: Cli): Promise<LoginFacts> {
  if (cli.given_token === undefined && (await storeOf(cli).get(cli.url)) === undefined) return { kind: 'none' };
  try {
    const { username, role } = await (await cli.client()).call('auth_me', {}, { timeout_ms: TIMEOUT_MS });
    return { kind: 'valid', user: username, role };
  } catch (error) {
    if (error instanceof NoxApiError && error.status === 401) return { kind: 'refused' };
    return { kind: 'unknown', reason: messageOf(error) };
  }
}

/** The profiles of all agents, or why they are not known. */
export async function profileFacts(cli: Cli): Promise<ProfileFacts> {
  try {
    const client = await cli.client();
    const { items } = await allPages(async (page) => {
      const { agents, pagination } = await client.call('agents_list', { query: page }, { timeout_ms: TIMEOUT_MS });
      return { items: agents, pagination };
    });
    return items;
  } catch (error) {
    return messageOf(error);
  }
}
