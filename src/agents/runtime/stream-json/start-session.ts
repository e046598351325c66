import type { Clock } from '../../../shared/clock.js';
import { errnoOf, messageOf, NoxError } from '../../../shared/nox-error.js';
import type { ProcessHost } from '../../process/process-host.js';
import type { RunRequest, RuntimeHandlers, RuntimeSession } from '../runtime.js';
import { StreamJsonSession } from './stream-json-session.js';

/** Spawns the program and drives it. Rejects with AGENT_START_FAILED when it cannot be spawned. */
export async function startSession(
  host: ProcessHost,
  argv: readonly [string, ...string[]],
  request: RunRequest,
  handlers: RuntimeHandlers,
  clock: Clock,
): Promise<RuntimeSession> {
  const { run_id, cwd, env, confine } = request;
  try {
    const process = await host.spawn({ run_id, argv, cwd, env, confine });
    return new StreamJsonSession(process, request, handlers, clock);
  } catch (error) {
    const message = `The agent process could not be started in ${cwd}: ${messageOf(error)}`;
    throw new NoxError('AGENT_START_FAILED', message, { errno: errnoOf(error) ?? null }, { cause: error });
  }
}
