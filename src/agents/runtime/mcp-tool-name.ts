/** How the CLI, and so every question of its hook, calls a tool of a server. Pure. */
export const mcpToolName = (server: string, tool: string): string =>
  `mcp__${server}__${tool.replaceAll(/[^a-zA-Z0-9_-]/g, '_')}`;
