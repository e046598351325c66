import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import type { SystemConfig } from '../contracts/config.js';
import { newId } from '../shared/ids.js';
import { NoxError } from '../shared/nox-error.js';
import { buildAgentEnv } from './agent-env.js';
import type { ClaudeLocator } from './claude-locator.js';
import type { AgentRuntime } from './runtime/runtime.js';
import type { Surroundings } from './surroundings.js';

/**
 * Asks the CLI itself whether it has an account, with the environment that agents get; no prompt is sent. Null when
 * there is no CLI to ask.
 */
export async function canLogIn(
  runtime: AgentRuntime,
  locator: ClaudeLocator,
  around: Surroundings,
  config: SystemConfig,
): Promise<boolean | null> {
  try {
    await locator.locate();
  } catch (error) {
    if (error instanceof NoxError && error.code === 'CLAUDE_CLI_UNAVAILABLE') return null;
    throw error;
  }
  const session = await runtime.start(
    {
      run_id: newId('run'),
      agent_id: 'login-probe',
      session_id: randomUUID(),
      resume: false,
      cwd: tmpdir(),
      system_prompt: '',
      model: undefined,
      command: undefined,
      env: buildAgentEnv({
        nox_env: around.env,
        config: config.claude_cli,
        agent_env: {},
        model_env: {},
        agent_id: 'login-probe',
      }),
      disallowed_tools: config.claude_cli.disallowed_tools,
      tool_timeout_s: 60,
    },
    { onEvent: () => undefined, onToolCall: async () => ({ behavior: 'deny', reason: 'only asking for the login' }) },
  );
  try {
    return (await session.ready).logged_in;
  } finally {
    await session.end({ grace_ms: 2000 });
  }
}
