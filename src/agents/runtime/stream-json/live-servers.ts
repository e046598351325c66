import { messageOf } from '../../../shared/nox-error.js';
import type { ToolServers } from '../runtime.js';
import type { AgentLog } from './agent-log.js';

/**
 * The CLI's own limit on a call, beyond every limit of Nox's: who waits for how long is for Nox to say. It is read when a
 * server is first named, never again.
 */
const CALL_TIMEOUT_MS = 7_200_000;
const TELL_TIMEOUT_MS = 10_000;

interface Parts {
  readonly servers: ToolServers | undefined;
  readonly log: AgentLog;
  readonly send: (request: { readonly subtype: string }, timeout_ms: number) => Promise<unknown>;
}

/**
 * Keeps the process's list of MCP servers equal to Nox's, without a restart. One telling after another; changes that
 * come meanwhile become one. A process that does not take it keeps what it had, and it is logged.
 */
export class LiveServers {
  private told = '';
  private readonly stale = new Set<string>();
  private telling: Promise<void> = Promise.resolve();
  private waiting = false;
  private unsubscribe: () => void = () => undefined;

  constructor(private readonly parts: Parts) {}

  /** The part of the initialize request that names them. */
  opening(): object {
    const { servers } = this.parts;
    if (servers === undefined) return {};
    const names = this.names();
    this.told = names.join();
    const settings = { timeout: CALL_TIMEOUT_MS, disableAutoBackground: true };
    return {
      sdkMcpServers: names,
      sdkMcpServerConfigs: Object.fromEntries(names.map((name) => [name, settings])),
    };
  }

  /** The process is ready: from now on it is told of changes, also of those since `opening`. */
  follow(): void {
    const { servers } = this.parts;
    if (servers === undefined) return;
    this.unsubscribe = servers.onChange((tools_of) => this.changed(tools_of));
    this.changed([]);
  }

  close(): void {
    this.unsubscribe();
  }

  private names(): string[] {
    return (this.parts.servers?.current() ?? []).map(({ name }) => name);
  }

  private changed(tools_of: readonly string[]): void {
    for (const name of tools_of) this.stale.add(name);
    if (this.waiting) return;
    this.waiting = true;
    this.telling = this.telling.then(() => this.tell());
  }

  private async tell(): Promise<void> {
    this.waiting = false;
    const names = this.names();
    const stale = [...this.stale].filter((name) => names.includes(name));
    this.stale.clear();
    try {
      if (names.join() !== this.told) {
        const named = names.map((name) => [
          name,
          { type: 'sdk', name, timeout: CALL_TIMEOUT_MS, disableAutoBackground: true },
        ]);
        const before = this.told.split(',');
        await this.send({ subtype: 'mcp_set_servers', servers: Object.fromEntries(named) as object });
        this.told = names.join();
        // With a server more, the CLI begins anew with all of them and asks each for its tools.
        if (names.some((name) => !before.includes(name))) return;
      }
      for (const server_name of stale) {
        const message = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
        await this.send({ subtype: 'mcp_message', server_name, message });
      }
    } catch (error) {
      this.parts.log.write('nox', `The agent was not told of its services: ${messageOf(error)}`);
    }
  }

  private send(request: { readonly subtype: string; readonly [key: string]: unknown }): Promise<unknown> {
    return this.parts.send(request, TELL_TIMEOUT_MS);
  }
}
