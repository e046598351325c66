import type { JsonRpcMessage, ToolServer } from '../../src/agents/runtime/runtime.js';

interface CallParams {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
  readonly _meta?: Record<string, unknown>;
}

const listed = (name: string) => ({ name, description: name, inputSchema: { type: 'object' } });

/** An MCP server that is played by the suite: `greet` answers, `fail` throws, `wait` never answers. */
export class PlayedTools implements ToolServer {
  listed = ['greet', 'fail', 'wait'];
  /** How often it was asked for its tools. */
  lists = 0;
  onCall: () => void = () => undefined;
  readonly calls: { tool_use_id: unknown; input: object }[] = [];
  closed = false;
  private tellWaiting!: (signal: AbortSignal) => void;
  /** The signal of the first call of `wait`. */
  readonly waiting = new Promise<AbortSignal>((resolve) => (this.tellWaiting = resolve));

  constructor(readonly name = 'nox') {}

  async handle(message: JsonRpcMessage, signal: AbortSignal): Promise<object | undefined> {
    const { id } = message;
    if (id === undefined) return undefined;
    return { jsonrpc: '2.0', id, result: await this.answer(message, signal) };
  }

  close(): void {
    this.closed = true;
  }

  private async answer({ method, params }: JsonRpcMessage, signal: AbortSignal): Promise<object> {
    switch (method) {
      case 'initialize':
        return {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {} },
          serverInfo: { name: 'played', version: '1' },
        };
      case 'tools/list':
        this.lists += 1;
        return { tools: this.listed.map(listed) };
      case 'tools/call':
        return await this.call(params as CallParams, signal);
      default:
        throw new Error(`no such method: ${String(method)}`);
    }
  }

  private async call({ name, arguments: input, _meta }: CallParams, signal: AbortSignal): Promise<object> {
    this.onCall();
    if (name === 'fail') throw new Error('the tool is broken');
    if (name === 'wait') {
      this.tellWaiting(signal);
      return await new Promise<never>(() => undefined);
    }
    this.calls.push({ tool_use_id: _meta?.['claudecode/toolUseId'], input });
    return { content: [{ type: 'text', text: `Hello, ${String(input['who'])}.` }] };
  }
}
