import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import * as z from 'zod';
import { messageOf, NoxError } from '../../shared/nox-error.js';
import { VERSION } from '../../shared/version.js';

const HANDSHAKE_MS = 30_000;
const PING_MS = 5000;

export interface RawTool {
  readonly name: string;
  readonly description: string;
  readonly input_schema: Record<string, unknown>;
}

export interface CallOutcome {
  readonly is_error: boolean;
  readonly content: unknown[];
}

const Result = z.looseObject({
  isError: z.boolean().optional(),
  content: z.array(z.unknown()).default([]),
  structuredContent: z.unknown().optional(),
});

/** A live MCP session with one server. `closed` resolves when it is over, whoever ended it. */
export class McpConnection {
  readonly closed: Promise<void>;
  /** Told when the server says that its tools changed; `tools` is new already. */
  onToolsChanged: () => void = () => undefined;

  private constructor(
    private readonly client: Client,
    private listed: readonly RawTool[],
  ) {
    this.closed = new Promise((resolve) => {
      client.onclose = resolve;
    });
  }

  /** The handshake, then the list of tools. MCP_SERVICE_UNAVAILABLE when either fails; the transport is closed then. */
  static async open(transport: Transport, onError: (error: Error) => void): Promise<McpConnection> {
    const [{ Client }, types] = await Promise.all([
      import('@modelcontextprotocol/sdk/client/index.js'),
      import('@modelcontextprotocol/sdk/types.js'),
    ]);
    const client = new Client({ name: 'nox', version: VERSION }, { capabilities: {} });
    client.onerror = onError;
    try {
      await client.connect(transport, { timeout: HANDSHAKE_MS });
      const connection = new McpConnection(client, await listTools(client));
      client.setNotificationHandler(types.ToolListChangedNotificationSchema, async () => {
        connection.listed = await listTools(client);
        connection.onToolsChanged();
      });
      return connection;
    } catch (error) {
      await transport.close();
      throw new NoxError('MCP_SERVICE_UNAVAILABLE', `The MCP handshake failed: ${messageOf(error)}`);
    }
  }

  get tools(): readonly RawTool[] {
    return this.listed;
  }

  get server(): { name: string; version: string } | null {
    const found = this.client.getServerVersion();
    return found === undefined ? null : { name: found.name, version: found.version };
  }

  /** What the server answers. Rejects when it does not within `timeout_ms`, when `signal` aborts (the server is told), or when it is gone. */
  async call(
    tool: string,
    input: Record<string, unknown>,
    { timeout_ms, signal }: { readonly timeout_ms: number; readonly signal?: AbortSignal | undefined },
  ): Promise<CallOutcome> {
    const reply = await this.client.callTool({ name: tool, arguments: input }, undefined, {
      timeout: timeout_ms,
      maxTotalTimeout: timeout_ms,
      ...(signal === undefined ? {} : { signal }),
    });
    const { isError = false, content, structuredContent: structured } = Result.parse(reply);
    // Servers should say it in words as well; those that do not are still to be understood.
    if (content.length > 0 || structured === undefined) return { is_error: isError, content };
    return { is_error: isError, content: [{ type: 'text', text: JSON.stringify(structured) }] };
  }

  /** Rejects when the server does not answer a ping. */
  async ping(): Promise<void> {
    await this.client.ping({ timeout: PING_MS });
  }

  async close(): Promise<void> {
    await this.client.close();
  }
}

async function listTools(client: Client): Promise<RawTool[]> {
  if (client.getServerCapabilities()?.tools === undefined) return [];
  const tools: RawTool[] = [];
  let cursor: string | undefined;
  // A server that pages for ever must not hold Nox.
  for (let page = 0; page < 100; page += 1) {
    const reply = await client.listTools(cursor === undefined ? {} : { cursor }, { timeout: HANDSHAKE_MS });
    for (const { name, description, inputSchema } of reply.tools)
      tools.push({ name, description: description ?? '', input_schema: { ...inputSchema } });
    cursor = reply.nextCursor;
    if (cursor === undefined) break;
  }
  return tools;
}
