import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { VERSION } from '../../shared/version.js';
import type { JsonRpcMessage, ToolServer } from './runtime.js';

/** A call as it came in. */
export interface ToolCallRequest {
  readonly tool: string;
  readonly input: unknown;
  readonly tool_use_id: string | null;
}

/** MCP's result of a call: blocks of content, as they are handed to the model. */
export interface ToolResult {
  readonly content: readonly unknown[];
  readonly isError: boolean;
  readonly [key: string]: unknown;
}

export interface ListedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: { readonly type: 'object' };
  readonly _meta?: Record<string, unknown>;
}

/** What a server offers. `list` is asked each time; `use` answers also what went wrong, for the model to read. */
export interface Tools {
  list(): readonly ListedTool[];
  use(call: ToolCallRequest, signal: AbortSignal): Promise<ToolResult>;
}

export const textResult = (text: string, is_error: boolean): ToolResult => ({
  content: [{ type: 'text', text }],
  isError: is_error,
});

/** An MCP server with these tools, not yet connected. MCP's SDK is loaded by the first one: a start does without it. */
export async function toolServer(name: string, tools: Tools): Promise<Server> {
  const [{ Server: McpServer }, { CallToolRequestSchema, ListToolsRequestSchema }] = await Promise.all([
    import('@modelcontextprotocol/sdk/server/index.js'),
    import('@modelcontextprotocol/sdk/types.js'),
  ]);
  const server = new McpServer({ name, version: VERSION }, { capabilities: { tools: { listChanged: true } } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [...tools.list()] }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
    const tool_use_id = params._meta?.['claudecode/toolUseId'];
    const call = {
      tool: params.name,
      input: params.arguments,
      tool_use_id: typeof tool_use_id === 'string' ? tool_use_id : null,
    };
    return { ...(await tools.use(call, signal)) };
  });
  return server;
}

/** The server at the other end of one process's pipe: each message in is answered by the message out with its id. */
export class PipeServer implements ToolServer {
  private readonly pipe = new PipeTransport();
  private readonly connected: Promise<void>;

  constructor(
    readonly name: string,
    tools: Tools,
  ) {
    this.connected = toolServer(name, tools).then((server) => server.connect(this.pipe));
  }

  async handle(message: JsonRpcMessage, signal: AbortSignal): Promise<object | undefined> {
    await this.connected;
    return this.pipe.exchange(message, signal);
  }

  close(): void {
    void this.pipe.close();
  }
}

/**
 * Messages get ids of its own: when the set of servers changes, the CLI begins anew with each of them and counts its ids
 * from 0 again, while calls of the connection before are still open.
 */
class PipeTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  private readonly waiting = new Map<number, (answer: object | undefined) => void>();
  private last_id = 0;

  start(): Promise<void> {
    return Promise.resolve();
  }

  /** The answer of the server; undefined when none is due, when nobody waits any more, or when it is closed first. */
  async exchange(message: JsonRpcMessage, signal: AbortSignal): Promise<object | undefined> {
    // A cancellation names an id of the other side; it comes as the abort of that call's signal.
    if (message['method'] === 'notifications/cancelled') return undefined;
    if (message.id === undefined) {
      this.onmessage?.(message as JSONRPCMessage);
      return undefined;
    }
    const id = (this.last_id += 1);
    const withdraw = (): void => {
      const params = { requestId: id };
      this.onmessage?.({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
      this.settle(id, undefined);
    };
    const answered = new Promise<object | undefined>((resolve) => this.waiting.set(id, resolve));
    signal.addEventListener('abort', withdraw, { once: true });
    try {
      this.onmessage?.({ ...message, id } as JSONRPCMessage);
      if (signal.aborted) withdraw();
      const answer = await answered;
      return answer === undefined ? undefined : { ...answer, id: message.id };
    } finally {
      signal.removeEventListener('abort', withdraw);
    }
  }

  send(message: JSONRPCMessage): Promise<void> {
    if ('id' in message && typeof message.id === 'number') this.settle(message.id, message);
    return Promise.resolve();
  }

  close(): Promise<void> {
    for (const id of this.waiting.keys()) this.settle(id, undefined);
    this.onclose?.();
    return Promise.resolve();
  }

  private settle(id: number, answer: object | undefined): void {
    this.waiting.get(id)?.(answer);
    this.waiting.delete(id);
  }
}
