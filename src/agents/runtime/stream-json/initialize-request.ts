/** A longer timer would fire at once in the CLI. */
const MAX_TIMER_S = 2_000_000;

export interface InitializeOptions {
  readonly system_prompt: string;
  readonly tool_timeout_s: number;
  /** Says which MCP servers are on the same pipe. */
  readonly tool_servers?: object;
}

/**
 * The first word to the process: every tool call is asked for by a hook, and a hook that fails blocks. What the gate's
 * canary proves, it proves of this very request.
 */
export function initializeRequest({ system_prompt, tool_timeout_s, tool_servers = {} }: InitializeOptions): {
  readonly subtype: string;
} {
  const hook = {
    matcher: '',
    hookCallbackIds: ['nox_pre_tool_use'],
    timeout: Math.min(tool_timeout_s, MAX_TIMER_S),
    onFailure: 'block', // without it, a hook that fails counts as no hook
  };
  const request = {
    subtype: 'initialize',
    hooks: { PreToolUse: [hook] },
    ...tool_servers,
    // Here rather than in argv: it may be long, and every user of the machine can read an argv.
    ...(system_prompt === '' ? {} : { appendSystemPrompt: system_prompt }),
  };
  return request;
}
