import * as z from 'zod';
import { AgentId } from '../ids.js';
import { route, type RouteDef } from './route.js';

const query = z.object({ agent: AgentId.optional() });
const Message = z.looseObject({ jsonrpc: z.literal('2.0') });

export const TOOLBOX_ROUTES = {
  mcp: route({
    method: 'POST',
    path: '/mcp',
    role: 'viewer',
    clients: true,
    status: 200,
    summary:
      'The tools of Nox over MCP (streamable HTTP, stateless), also at /mcp. Deeds need the role operator; ?agent= acts on behalf of an agent',
    query,
    body: z.union([Message, z.array(Message).min(1).max(20)]),
    response: z.unknown(),
  }),
  mcp_stream: route({
    method: 'GET',
    path: '/mcp',
    role: 'viewer',
    clients: true,
    status: 405,
    summary: 'Nothing is pushed here: always 405, as MCP has it for servers without a stream',
    query,
    response: z.unknown(),
  }),
} as const satisfies Record<string, RouteDef>;
