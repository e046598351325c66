import { mcpToolName } from '../agents/runtime/mcp-tool-name.js';
import type { ListedTool } from '../agents/runtime/pipe-server.js';
import type { ServiceConfig } from '../contracts/service.js';
import type { Offer } from './agent-pipes.js';
import type { RawTool } from './mcp/mcp-connection.js';
import type { ServicePool } from './service-pool.js';
import { toolAllowed } from './tool-rules.js';

/** What a model's API takes for a name; one longer would fail every request of the agent, not only the call. */
const MAX_NAME_CHARS = 128;
/** A server can describe itself as it likes; its words go into every request of the agent. */
const MAX_DESCRIPTION_CHARS = 2048;
const MAX_SCHEMA_CHARS = 32_768;
const MAX_TOOLS = 200;

/**
 * A service's tools as an agent is shown them: only those that its CLI can name without mixing two up, each kept to a
 * size. `unavailable` says why a call would fail now; then it is said of each tool. Pure.
 */
export function listedTools(
  service: string,
  tools: readonly RawTool[],
  unavailable: string | null,
): readonly ListedTool[] {
  const names = new Set<string>();
  const listed: ListedTool[] = [];
  for (const { name, description, input_schema } of tools) {
    const full = mcpToolName(service, name);
    if (full.length > MAX_NAME_CHARS || names.has(full) || listed.length >= MAX_TOOLS) continue;
    names.add(full);
    const said = unavailable === null ? description : `[Not available now: ${unavailable}] ${description}`;
    const fits = input_schema['type'] === 'object' && JSON.stringify(input_schema).length <= MAX_SCHEMA_CHARS;
    listed.push({
      name,
      description: said.slice(0, MAX_DESCRIPTION_CHARS),
      inputSchema: fits ? { ...input_schema, type: 'object' } : { type: 'object' },
    });
  }
  return listed;
}

/** What an agent may call, of each of its services; while one comes back, what it offered last. */
export function offersTo(
  agent_id: string,
  services: ReadonlyMap<string, ServiceConfig>,
  pool: Pick<ServicePool, 'connection'>,
): Offer[] {
  return [...services].flatMap(([service, config]) => {
    if (!config.agents.includes(agent_id) || config.desired_state !== 'active') return [];
    const { live, tools, reason } = pool.connection(service, agent_id);
    const allowed = tools.filter((tool) => toolAllowed(tool.name, config));
    const unavailable = live === undefined ? (reason ?? 'it is starting') : null;
    return [{ service, tools: listedTools(service, allowed, unavailable) }];
  });
}
