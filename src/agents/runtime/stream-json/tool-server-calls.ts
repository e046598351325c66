import { messageOf } from '../../../shared/nox-error.js';
import { mcpToolName } from '../mcp-tool-name.js';
import type { ToolServer, ToolServers } from '../runtime.js';
import type { AgentLog } from './agent-log.js';
import { successResponse } from './answers.js';
import { McpCancellation, McpMessage, McpToolCall } from './frames.js';

interface Parts {
  readonly servers: ToolServers | undefined;
  readonly log: AgentLog;
  /** Takes the run of a call that has been allowed; false when it was not, or has run. */
  readonly takeRun: (tool_use_id: string, tool_name: string, input: unknown) => boolean;
  readonly write: (frame: object) => Promise<void>;
}

interface Open {
  readonly server: string | undefined;
  readonly id: JsonRpc['id'];
  readonly controller: AbortController;
}

/**
 * What the agent process says to Nox's own MCP servers over its pipe. Every message is answered, whatever it holds; a
 * tool runs only if the hook asked for this very call and it was allowed.
 */
export class ToolServerCalls {
  /** Messages that are being answered, by the id of their control request. */
  private readonly open = new Map<string, Open>();

  constructor(private readonly parts: Parts) {}

  /** Answers one `mcp_message`; rejects when the answer cannot be written. */
  async answer(request_id: string, request: unknown): Promise<void> {
    const { servers, write } = this.parts;
    const { data } = McpMessage.safeParse(request);
    const controller = new AbortController();
    this.open.set(request_id, { server: data?.server_name, id: data?.message.id, controller });
    if (data !== undefined) this.readCancellation(data.server_name, data.message);
    try {
      const server = servers?.current().find(({ name }) => name === data?.server_name);
      const reply =
        data === undefined || server === undefined
          ? refusal(data?.message, 'Nox has no such MCP server.')
          : await this.ask(server, data.message, controller.signal);
      // What was withdrawn is answered all the same: the process ignores it, or else waits for it.
      await write(successResponse(request_id, { mcp_response: reply }));
    } finally {
      this.open.delete(request_id);
    }
  }

  /** The process waits no longer (interrupt). What the tool has done stays done. */
  cancel(request_id: string): void {
    this.open.get(request_id)?.controller.abort();
  }

  /** The process is gone. */
  close(): void {
    for (const { controller } of this.open.values()) controller.abort();
    this.parts.servers?.close();
  }

  /** The CLI does not withdraw the control request of an interrupted call, it tells the server as MCP has it. */
  private readCancellation(server: string, { method, params }: JsonRpc): void {
    if (method !== 'notifications/cancelled') return;
    const { data } = McpCancellation.safeParse(params);
    for (const open of this.open.values())
      if (open.server === server && data?.requestId === open.id) open.controller.abort();
  }

  private async ask(server: ToolServer, message: JsonRpc, signal: AbortSignal): Promise<object> {
    try {
      if (message['method'] === 'tools/call' && !this.mayRun(server.name, message)) {
        this.parts.log.write('nox', `A call of ${server.name} came without its approval and was refused.`);
        return refusal(message, 'This call has not been approved.');
      }
      // A notification wants no answer, but the control request that carries it does.
      return (await server.handle(message, signal)) ?? { jsonrpc: '2.0', id: message.id ?? 0, result: {} };
    } catch (error) {
      this.parts.log.write('nox', `A call of a Nox tool failed: ${messageOf(error)}`);
      return refusal(message, messageOf(error));
    }
  }

  private mayRun(server: string, message: JsonRpc): boolean {
    const { data } = McpToolCall.safeParse(message['params']);
    if (data === undefined) return false;
    return this.parts.takeRun(data._meta['claudecode/toolUseId'], mcpToolName(server, data.name), data.arguments);
  }
}

type JsonRpc = Parameters<ToolServer['handle']>[0];

const refusal = (message: JsonRpc | undefined, text: string): object => ({
  jsonrpc: '2.0',
  id: message?.id ?? null,
  error: { code: -32_603, message: text },
});
