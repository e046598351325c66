import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScriptedModel } from '../../scripted-model/scripted-model.js';
import type { Clock } from '../../shared/clock.js';
import { newId } from '../../shared/ids.js';
import { messageOf } from '../../shared/nox-error.js';
import type { Confine, ProcessHost } from '../process/process-host.js';
import { claudeArgv } from '../runtime/claude/claude-argv.js';
import type { RunRequest } from '../runtime/runtime.js';
import { CanaryRun } from './canary-run.js';
import { ROUTES, type Route, wayName, type WayResult } from './ways.js';

export interface CanaryRequest {
  readonly path: string;
  /** The environment of an agent, without a model; home and configuration of the CLI are replaced. */
  readonly env: Readonly<Record<string, string>>;
  /** What a run in this workspace may not reach. */
  readonly confine: (workspace: string, env: Readonly<Record<string, string>>) => Promise<Confine>;
}

/**
 * Sends calls through every way in which the gate can break, to the real binary, confined as agents are, in a workspace of
 * its own that is thrown away. Rejects when nothing could be tried at all.
 */
export async function runCanary(
  host: ProcessHost,
  clock: Clock,
  request: CanaryRequest,
  onResult: () => void,
): Promise<WayResult[]> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'nox-canary-')));
  const api_key = `sk-canary-${randomBytes(18).toString('hex')}`;
  const model = new ScriptedModel({ api_key });
  try {
    const { url } = await model.listen();
    const model_env = { ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: api_key, ANTHROPIC_AUTH_TOKEN: '' };
    const results = await Promise.all(
      ROUTES.map((route, at) => followRoute(host, clock, request, { folder, at, route, model_env }, onResult)),
    );
    return results.flat();
  } finally {
    await model.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Stage {
  readonly folder: string;
  readonly at: number;
  readonly route: Route;
  readonly model_env: Readonly<Record<string, string>>;
}

async function followRoute(
  host: ProcessHost,
  clock: Clock,
  { path, env: given, confine }: CanaryRequest,
  { folder, at, route, model_env }: Stage,
  onResult: () => void,
): Promise<WayResult[]> {
  const workspace = join(folder, `workspace-${at}`);
  const config = join(folder, `config-${at}`);
  try {
    await Promise.all([mkdir(workspace), mkdir(config)]);
    const env = { ...given, ...model_env, HOME: config, CLAUDE_CONFIG_DIR: config };
    const run_id = newId('run');
    const argv = claudeArgv(path, canaryRequest(workspace, env, run_id));
    const process = await host.spawn({ run_id, argv, cwd: workspace, env, confine: await confine(workspace, env) });
    return await new CanaryRun(process, workspace, clock).follow(route, onResult);
  } catch (error) {
    return route.map((way) => ({ way: wayName(way), outcome: 'unclear', detail: messageOf(error) }));
  }
}

/** What an agent would be started with. */
export const canaryRequest = (cwd: string, env: Readonly<Record<string, string>>, run_id: string): RunRequest => ({
  run_id,
  agent_id: 'gate-canary',
  session_id: randomUUID(),
  resume: false,
  cwd,
  system_prompt: '',
  model: undefined,
  command: undefined,
  env,
  disallowed_tools: [],
  tool_timeout_s: 60,
});
