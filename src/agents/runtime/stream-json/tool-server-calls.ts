import type { ToolServer } from '../runtime.js';
import { messageOf } from '../../../shared/nox-error.js';
import type { AgentLog } from './agent-log.js';
import { successResponse } from './answers.js';
import { McpCancellation, McpMessage } from './frames.js';

interface Parts {
  readonly server: ToolServer | undefined;
  readonly log: AgentLog;
  readonly write: (frame: object) => Promise<void>;
}

/** What the agent process says to Nox's own MCP server over its pipe. Every message is answered, whatever it holds. */
export class ToolServerCalls {
  /** Messages that are being answered, by the id of their control request. */
  private readonly open = new Map<string, { readonly id: JsonRpc['id']; readonly controller: AbortController }>();

  constructor(private readonly parts: Parts) {}

  /** Answers one `mcp_message`; rejects when the answer cannot be written. */
  async answer(request_id: string, request: unknown): Promise<void> {
    const { server, write } = this.parts;
    const { data } = McpMessage.safeParse(request);
    const controller = new AbortController();
    this.open.set(request_id, { id: data?.message.id, controller });
    if (data !== undefined) this.readCancellation(data.message);
    try {
      const reply =
        data === undefined || server === undefined || data.server_name !== server.name
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
    this.parts.server?.close();
  }

  /** The CLI does not withdraw the control request of an interrupted call, it tells the server as MCP has it. */
  private readCancellation({ method, params }: JsonRpc): void {
    if (method !== 'notifications/cancelled') return;
    const { data } = McpCancellation.safeParse(params);
    for (const { id, controller } of this.open.values()) if (data?.requestId === id) controller.abort();
  }

  private async ask(server: ToolServer, message: JsonRpc, signal: AbortSignal): Promise<object> {
    try {
      // A notification wants no answer, but the control request that carries it does.
      return (await server.handle(message, signal)) ?? { jsonrpc: '2.0', id: 0, result: {} };
    } catch (error) {
      this.parts.log.write('nox', `A call of a Nox tool failed: ${messageOf(error)}`);
      return refusal(message, messageOf(error));
    }
  }
}

type JsonRpc = Parameters<ToolServer['handle']>[0];

const refusal = (message: JsonRpc | undefined, text: string): object => ({
  jsonrpc: '2.0',
  id: message?.id ?? null,
  error: { code: -32_603, message: text },
});
