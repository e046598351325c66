import { type Clock, SystemClock } from '../../../shared/clock.js';
import { NoxError } from '../../../shared/nox-error.js';
import type { ProcessHost } from '../../process/process-host.js';
import { candidates, isProgram } from '../programs.js';
import { AgentRuntime, type RunRequest, type RuntimeHandlers, type RuntimeSession } from '../runtime.js';
import { startSession } from '../stream-json/start-session.js';

/**
 * Any program that speaks the CLI's lines. It is started with its own arguments, then `--session-id=ID` or
 * `--resume=ID` and, if one is set, `--model=NAME`; the system prompt comes by initialize.
 */
export class CommandRuntime extends AgentRuntime {
  constructor(
    private readonly host: ProcessHost,
    private readonly clock: Clock = new SystemClock(),
  ) {
    super();
  }

  async start(request: RunRequest, handlers: RuntimeHandlers): Promise<RuntimeSession> {
    const { session_id, resume, model, cwd, env } = request;
    const [name, ...args] = request.command ?? [];
    if (name === undefined) throw new NoxError('AGENT_START_FAILED', 'This agent has no command to start.');
    const program = await firstProgram(candidates(name, env['PATH'], cwd));
    if (program === undefined) throw new NoxError('AGENT_START_FAILED', `There is no program ${name} for this agent.`);
    const session = resume ? `--resume=${session_id}` : `--session-id=${session_id}`;
    const argv = [...args, ...(model === undefined ? [] : [`--model=${model}`]), session];
    return await startSession(this.host, [program, ...argv], request, handlers, this.clock);
  }
}

async function firstProgram(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) if (await isProgram(file)) return file;
  return undefined;
}
