import type { RunRequest, ToolCall, ToolDecision } from '../runtime.js';
import type { AgentLog } from './agent-log.js';
import { hookAnswer, permissionAnswer, successResponse, unsupportedResponse } from './answers.js';
import { CanUseTool, type FrameBody, HookCallback } from './frames.js';
import { ToolGate } from './tool-gate.js';

/** The hook does not say it, only the permission request that follows an allowance without answers. */
const INTERACTIVE_TOOLS = new Set(['AskUserQuestion', 'ExitPlanMode']);

interface Parts {
  readonly request: RunRequest;
  readonly log: AgentLog;
  readonly ask: (call: ToolCall, signal: AbortSignal) => Promise<ToolDecision>;
  readonly batchSize: (tool_use_id: string) => number;
  readonly isAlone: (tool_use_id: string) => boolean;
  readonly write: (frame: object) => Promise<void>;
}

/** What the agent process asks of Nox: whether a tool may run. A question that cannot be read is answered with a denial. */
export class ToolQuestions {
  private readonly gate: ToolGate;

  constructor(private readonly parts: Parts) {
    this.gate = new ToolGate(parts.ask);
  }

  /** Answers one control request; rejects when the answer cannot be written. */
  async answer({ request_id, request }: FrameBody<'control_request'>): Promise<void> {
    if (request.subtype === 'hook_callback') {
      const { data } = HookCallback.safeParse(request);
      const call =
        data?.input.hook_event_name === 'PreToolUse'
          ? this.toolCall({
              ...data.input,
              input: data.input.tool_input,
              requires_user_interaction: false,
              by_hook: true,
            })
          : undefined;
      const decision = await this.decide(request_id, call);
      if (decision !== undefined) await this.parts.write(successResponse(request_id, hookAnswer(decision)));
    } else if (request.subtype === 'can_use_tool') {
      const { data } = CanUseTool.safeParse(request);
      const call = data === undefined ? undefined : this.toolCall(data);
      const decision = await this.decide(request_id, call);
      if (decision === undefined) return;
      await this.parts.write(successResponse(request_id, permissionAnswer(decision, call?.input ?? {})));
    } else await this.parts.write(unsupportedResponse(request_id, request.subtype));
  }

  private async decide(request_id: string, call: ToolCall | undefined): ReturnType<ToolGate['decide']> {
    if (call !== undefined) return await this.gate.decide(request_id, call);
    this.parts.log.write('nox', 'A tool call could not be read and was denied.');
    return { behavior: 'deny', reason: 'Nox could not read this tool call.' };
  }

  private toolCall(asked: {
    tool_use_id: string;
    tool_name: string;
    input: Record<string, unknown>;
    session_id?: string | null | undefined;
    cwd?: string | null | undefined;
    requires_user_interaction?: boolean | null | undefined;
    by_hook?: boolean;
  }): ToolCall {
    const { batchSize, isAlone, request } = this.parts;
    const by_claude = asked.by_hook === true && request.command === undefined;
    const { tool_use_id, tool_name, input } = asked;
    return {
      tool_use_id,
      tool_name,
      input,
      session_id: asked.session_id ?? this.parts.request.session_id,
      cwd: asked.cwd ?? this.parts.request.cwd,
      requires_user_interaction: asked.requires_user_interaction === true || INTERACTIVE_TOOLS.has(tool_name),
      get can_defer() {
        return by_claude && !INTERACTIVE_TOOLS.has(tool_name) && isAlone(tool_use_id);
      },
      get batch_size() {
        return batchSize(tool_use_id);
      },
    };
  }

  /** See ToolGate.takeRun. */
  takeRun(tool_use_id: string, tool_name: string, input: unknown): boolean {
    return this.gate.takeRun(tool_use_id, tool_name, input);
  }

  /** The process withdrew a question. */
  cancel(request_id: string): void {
    this.gate.cancel(request_id);
  }

  /** The process is gone: nothing waits any more. */
  close(): void {
    this.gate.close();
  }
}
