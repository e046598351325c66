import type { Usage } from '../../contracts/turn.js';
import type { Confine, ExitFacts, ProcessIdentity } from '../process/process-host.js';

/** What an agent's process tells, parsed once at the pipe's edge. */
export type RuntimeEvent =
  /** A turn began at the CLI (`system/init`). `failed_mcp` names servers that did not connect. */
  | { type: 'turn_init'; session_id: string; model: string; failed_mcp: string[] }
  /** Receipt of a prompt by its uuid (`command_lifecycle`). */
  | { type: 'prompt_state'; prompt_uuid: string; state: 'queued' | 'started' | 'completed' | 'cancelled' }
  | { type: 'text_delta'; text: string }
  /** A whole text block of the reply. `parent_tool_use_id` is set when a sub-agent wrote it. */
  | { type: 'text'; text: string; parent_tool_use_id: string | null }
  | { type: 'tool_call'; tool_use_id: string; name: string; input: unknown; parent_tool_use_id: string | null }
  | { type: 'tool_result'; tool_use_id: string; is_error: boolean; result: string }
  | { type: 'api_retry'; attempt: number; max_retries: number; delay_ms: number; status: number | null; error: string }
  /** How near the login is to a limit of its use, and when that limit begins anew. */
  | {
      type: 'rate_limit';
      status: 'allowed' | 'allowed_warning' | 'rejected';
      resets_ms: number | null;
      window: string | null;
    }
  /** The turn's end. Decide by `is_error`, never by the CLI's `subtype` (it says "success" for API errors). */
  | {
      type: 'result';
      is_error: boolean;
      terminal_reason: string;
      text: string;
      usage: Usage;
      /** Only after an error of the API: its HTTP status, and the CLI's word for it. */
      api_error?: { status: number | null; kind: string | null };
    }
  /** A line beside the protocol: stderr, or stdout that is not a known frame. Cut to 8 KiB. */
  | { type: 'log'; stream: 'stderr' | 'stdout' | 'nox'; line: string };

/** A tool call before it runs. */
export interface ToolCall {
  readonly tool_use_id: string;
  readonly tool_name: string;
  readonly input: Record<string, unknown>;
  readonly session_id: string | null;
  readonly cwd: string;
  /** Calls of the same assistant message so far. It grows while the message streams, so read it when it matters. */
  readonly batch_size: number;
  /**
   * The CLI itself wants a person's answer (AskUserQuestion, ExitPlanMode). To a question, allow with `updated_input` =
   * the input and `answers: {[question]: label}`.
   */
  readonly requires_user_interaction: boolean;
  /** Alone in its message, of the agent itself, asked by the hook of a CLI that knows how. Read it when it matters. */
  readonly can_defer?: boolean;
}

export type ToolDecision =
  /** The turn ends, and the same question comes again when the session is resumed. Only for a call that `can_defer`. */
  | { readonly behavior: 'defer' }
  | { readonly behavior: 'allow'; readonly updated_input?: Record<string, unknown> }
  | { readonly behavior: 'deny'; readonly reason: string };

/**
 * An MCP server inside Nox that one process speaks to over its own pipe: who calls is known by the pipe, without port
 * or token.
 */
export interface ToolServer {
  /** The agent sees its tools as `mcp__<name>__<tool>`. */
  readonly name: string;
  /** Answers one JSON-RPC message; undefined when it wants no answer. The signal aborts when nobody waits any more. */
  handle(message: JsonRpcMessage, signal: AbortSignal): Promise<object | undefined>;
  /** The process is gone. */
  close(): void;
}

/** The servers of one process. The set, and what each of them offers, may change while it runs. */
export interface ToolServers {
  current(): readonly ToolServer[];
  /** Told of every change: of the set itself, and the names of servers that offer other tools than before. */
  onChange(listener: (tools_of: readonly string[]) => void): () => void;
  /** The process is gone. */
  close(): void;
}

export interface JsonRpcMessage {
  readonly jsonrpc: '2.0';
  readonly id?: string | number | undefined;
  readonly [key: string]: unknown;
}

/** Given at wiring: how a runtime calls up. */
export interface RuntimeHandlers {
  /** In the order of the process's lines. If it throws, the run is ended: an event would be lost. */
  onEvent(event: RuntimeEvent): void;
  /**
   * Asked once per tool call, before it runs; a sub-agent's call may be asked before its `tool_call` event comes. The signal aborts when the call no longer waits (turn interrupted, process
   * gone). A rejection counts as a denial: the driver fails closed.
   */
  onToolCall(call: ToolCall, signal: AbortSignal): Promise<ToolDecision>;
  /** The tools that Nox gives to this process; none without it. A call is answered only if `onToolCall` has allowed it. */
  readonly tools?: ToolServers | undefined;
}

export interface RunRequest {
  readonly run_id: string;
  readonly agent_id: string;
  /** The session to begin or to go on with. */
  readonly session_id: string;
  /** False: `--session-id` (first start). True: `--resume`, the CLI holds a transcript of it. */
  readonly resume: boolean;
  readonly cwd: string;
  readonly system_prompt: string;
  readonly model: string | undefined;
  /** For the `command` runtime: program and arguments; `--session-id=ID` or `--resume=ID` (and `--model=`) are added. */
  readonly command: readonly string[] | undefined;
  /** Whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  /** What it may not reach; see SpawnRequest. */
  readonly confine?: Confine | undefined;
  readonly disallowed_tools: readonly string[];
  /** How long a tool call may wait for its decision before the CLI itself would give up. */
  readonly tool_timeout_s: number;
}

export interface ReadyInfo {
  readonly version: string | null;
  /** Whether the CLI says it can reach an account: its `account.tokenSource`/`apiKeySource` are not both "none". */
  readonly logged_in: boolean | null;
}

/** Signs of life at the pipes, in milliseconds since the epoch. */
export interface Vitals {
  /** When the process last wrote a line of any kind; null before the first. */
  readonly last_output_ms: number | null;
  /** Since when the oldest line waits that the process has not read; null when none does. */
  readonly unread_since_ms: number | null;
}

/** A living agent process that speaks the protocol. */
export interface RuntimeSession {
  readonly identity: ProcessIdentity;
  /**
   * Resolves on the initialize reply. Rejects with AGENT_START_FAILED when the process ends or stays silent for 30 s first,
   * and nothing is left then; `details.reason` is an ExitReason.
   */
  readonly ready: Promise<ReadyInfo>;
  programPid(): number | null;
  tree(): Promise<number[]>;
  vitals(): Vitals;
  /**
   * Writes one prompt. One that comes while a tool call is under way is steered into the running turn at the end of that
   * call; any other waits for the end of the turn and runs as its own. Resolves when the pipe has taken it; rejects
   * when the pipe is gone (INVALID_STATE), or when the process does not read and too much waits (RESOURCE_LIMIT_EXCEEDED).
   */
  prompt(prompt: { uuid: string; content: string }): Promise<void>;
  /** Asks the running turn to end; resolves when the CLI has taken note. No-op when idle. */
  interrupt(): Promise<void>;
  /** Ends the process and its whole tree. With grace: close politely first (`end_session` when idle, else SIGTERM). */
  end(options: { grace_ms: number }): Promise<ExitFacts>;
  /** Resolves after the last event has been handed on. `stderr_tail` holds up to 4 KiB for classifying the exit. */
  readonly exited: Promise<ExitFacts & { readonly stderr_tail: string }>;
}

/** Drives one kind of agent process. Two adapters: the Claude CLI, and any program that speaks the same lines. */
export abstract class AgentRuntime {
  /** Starts the process. Rejects with CLAUDE_CLI_UNAVAILABLE or AGENT_START_FAILED; nothing is left behind then. */
  abstract start(request: RunRequest, handlers: RuntimeHandlers): Promise<RuntimeSession>;
}
