import type { ToolServer, ToolServers } from './runtime.js';

/** The servers of one process, as their owner sets them. Servers that leave the set are closed. */
export class ToolServerSet implements ToolServers {
  private readonly listeners = new Set<(tools_of: readonly string[]) => void>();

  constructor(private servers: readonly ToolServer[]) {}

  current(): readonly ToolServer[] {
    return this.servers;
  }

  /** From now on these, by name; `tools_of` names those that offer other tools than before. */
  change(servers: readonly ToolServer[], tools_of: readonly string[]): void {
    const gone = this.servers.filter((server) => !servers.includes(server));
    this.servers = servers;
    for (const listener of this.listeners) listener(tools_of);
    for (const server of gone) server.close();
  }

  onChange(listener: (tools_of: readonly string[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    for (const server of this.servers) server.close();
    this.listeners.clear();
    this.onClosed();
  }

  /** Set by its owner. */
  onClosed: () => void = () => undefined;
}
