import { type Clock, SystemClock } from '../../../shared/clock.js';
import type { ProcessHost } from '../../process/process-host.js';
import { AgentRuntime, type RunRequest, type RuntimeHandlers, type RuntimeSession } from '../runtime.js';
import { startSession } from '../stream-json/start-session.js';
import { claudeArgv } from './claude-argv.js';
import type { ClaudeCli } from './find-claude.js';

export interface ClaudeRuntimeOptions {
  /** Rejects with CLAUDE_CLI_UNAVAILABLE. Asked at every start: the CLI may be installed or updated meanwhile. */
  readonly findClaude: () => Promise<ClaudeCli>;
  readonly clock?: Clock;
}

/** The real Claude CLI. */
export class ClaudeRuntime extends AgentRuntime {
  constructor(
    private readonly host: ProcessHost,
    private readonly options: ClaudeRuntimeOptions,
  ) {
    super();
  }

  async start(request: RunRequest, handlers: RuntimeHandlers): Promise<RuntimeSession> {
    const { findClaude, clock = new SystemClock() } = this.options;
    const { path } = await findClaude();
    return await startSession(this.host, claudeArgv(path, request), request, handlers, clock);
  }
}
