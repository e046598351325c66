import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { textResult, toolServer } from '../agents/runtime/pipe-server.js';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { RouteInput } from '../contracts/routes.js';
import { TOOLBOX } from '../contracts/toolbox.js';
import { Actor, Input, type NoxRequest, Route } from '../shared/http/route.js';
import { NoxError } from '../shared/nox-error.js';
import { toolsFor, ToolboxService } from './toolbox.service.js';

/**
 * The toolbox for MCP clients outside, over streamable HTTP: each request stands for itself (no session), its answer is
 * JSON. Who calls is known by the token; Host and Origin have been judged before, as for every request.
 */
@Controller()
export class McpController {
  constructor(@Inject(ToolboxService) private readonly toolbox: ToolboxService) {}

  @Route('mcp')
  async serve(
    @Input('mcp') { query, body }: RouteInput<'mcp'>,
    @Actor() actor: ActorType,
    @Req() request: NoxRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const caller = { kind: 'user', name: actor.name, role: actor.role, agent_id: query.agent } as const;
    const gone = new AbortController();
    const { StreamableHTTPServerTransport } = await import('@modelcontextprotocol/sdk/server/streamableHttp.js');
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    const server = await toolServer(TOOLBOX, {
      list: () => toolsFor(caller),
      use: async (call) => {
        const { text, is_error } = await this.toolbox.useByUser(caller, call, gone.signal);
        return textResult(text, is_error);
      },
    });
    reply.raw.on('close', () => {
      gone.abort();
      void server.close();
    });
    await server.connect(transport);
    reply.hijack();
    await transport.handleRequest(request.raw, reply.raw, body);
  }

  @Route('mcp_stream')
  stream(@Res({ passthrough: true }) reply: FastifyReply): never {
    reply.header('allow', 'POST');
    throw new NoxError('METHOD_NOT_ALLOWED', 'Nox pushes nothing over MCP: send each message with POST.');
  }
}
