import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolRequestSchema, type JSONRPCMessage, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { JsonRpcMessage, ToolServer } from '../agents/runtime/runtime.js';
import { VERSION } from '../shared/version.js';

/** A call as it came in. */
export interface ToolCallRequest {
  readonly tool: string;
  readonly input: unknown;
  readonly tool_use_id: string | null;
}

export interface ToolAnswer {
  readonly text: string;
  readonly is_error: boolean;
}

export interface ListedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: { type: 'object' };
  readonly _meta?: Record<string, unknown>;
}

type Use = (call: ToolCallRequest) => Promise<ToolAnswer>;

/** An MCP server with these tools, not yet connected. */
export function toolServer(name: string, tools: readonly ListedTool[], use: Use): Server {
  const server = new Server({ name, version: VERSION }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [...tools] }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const tool_use_id = params._meta?.['claudecode/toolUseId'];
    const { text, is_error } = await use({
      tool: params.name,
      input: params.arguments,
      tool_use_id: typeof tool_use_id === 'string' ? tool_use_id : null,
    });
    return { content: [{ type: 'text' as const, text }], isError: is_error };
  });
  return server;
}

/** The server at the other end of one process's pipe: each message in is answered by the message out with its id. */
export class PipeServer implements ToolServer {
  private readonly pipe = new PipeTransport();
  private readonly connected: Promise<void>;

  constructor(
    readonly name: string,
    tools: readonly ListedTool[],
    use: Use,
  ) {
    this.connected = toolServer(name, tools, use).connect(this.pipe);
  }

  async handle(message: JsonRpcMessage): Promise<object | undefined> {
    await this.connected;
    return this.pipe.exchange(message);
  }

  close(): void {
    void this.pipe.close();
  }
}

class PipeTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  private readonly waiting = new Map<string | number, (answer: object | undefined) => void>();

  start(): Promise<void> {
    return Promise.resolve();
  }

  /** The answer of the server; undefined when none is due, or when it is closed first. */
  exchange(message: JsonRpcMessage): Promise<object | undefined> {
    const { id } = message;
    const answered =
      id === undefined
        ? Promise.resolve(undefined)
        : new Promise<object | undefined>((resolve) => this.waiting.set(id, resolve));
    this.onmessage?.(message as JSONRPCMessage);
    return answered;
  }

  send(message: JSONRPCMessage): Promise<void> {
    if ('id' in message && message.id !== undefined) {
      this.waiting.get(message.id)?.(message);
      this.waiting.delete(message.id);
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    for (const answer of this.waiting.values()) answer(undefined);
    this.waiting.clear();
    this.onclose?.();
    return Promise.resolve();
  }
}
