import { type ListedTool, PipeServer, textResult, type ToolResult } from '../agents/runtime/pipe-server.js';
import type { ToolServer, ToolServers } from '../agents/runtime/runtime.js';
import { ToolServerSet } from '../agents/runtime/tool-servers.js';
import type { CallToolReply } from '../contracts/service.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import type { CallRequest } from './gateway.js';

/** One service in the hands of an agent, with the tools that it may call. */
export interface Offer {
  readonly service: string;
  readonly tools: readonly ListedTool[];
}

export interface PipesWorld {
  /** The services of an agent, as they are now. */
  readonly offered: (agent_id: string) => readonly Offer[];
  readonly call: (request: CallRequest) => Promise<CallToolReply>;
}

/**
 * Brings services to the processes of agents, over each one's own pipe: who calls is known by the pipe, no credential and
 * no port is given away. What is attached, detached, or offers other tools is told to a process while it runs.
 */
export class AgentPipes {
  private readonly open = new Map<string, Set<Pipe>>();

  constructor(private readonly world: PipesWorld) {}

  /** The servers for a new process of the agent; `own` are there in any case, first. */
  serversFor(agent_id: string, own: readonly ToolServer[]): ToolServers {
    const pipes = this.open.get(agent_id) ?? new Set<Pipe>();
    this.open.set(agent_id, pipes);
    const pipe = new Pipe(agent_id, own, this.world);
    pipes.add(pipe);
    pipe.set.onClosed = () => {
      pipes.delete(pipe);
      if (pipes.size === 0 && this.open.get(agent_id) === pipes) this.open.delete(agent_id);
    };
    return pipe.set;
  }

  /** Their services, or what these offer, may have changed. */
  changed(agent_ids: Iterable<string>): void {
    for (const id of agent_ids) for (const pipe of this.open.get(id) ?? []) pipe.refresh();
  }
}

class Pipe {
  readonly set: ToolServerSet;
  private servers = new Map<string, { readonly server: ToolServer; readonly seen: string }>();
  private offers: ReadonlyMap<string, Offer> = new Map();

  constructor(
    private readonly agent_id: string,
    private readonly own: readonly ToolServer[],
    private readonly world: PipesWorld,
  ) {
    this.set = new ToolServerSet(own);
    this.refresh();
  }

  refresh(): void {
    const before = this.servers;
    const offers = this.world.offered(this.agent_id);
    this.offers = new Map(offers.map((offer) => [offer.service, offer]));
    this.servers = new Map(
      offers.map(({ service, tools }) => {
        const server = before.get(service)?.server ?? this.serverOf(service);
        return [service, { server, seen: JSON.stringify(tools) }];
      }),
    );
    const tools_of = [...this.servers]
      .filter(([service, { seen }]) => before.has(service) && before.get(service)?.seen !== seen)
      .map(([service]) => service);
    const same = before.size === this.servers.size && [...before.keys()].every((service) => this.servers.has(service));
    if (same && tools_of.length === 0) return;
    this.set.change([...this.own, ...[...this.servers.values()].map(({ server }) => server)], tools_of);
  }

  private serverOf(service: string): ToolServer {
    return new PipeServer(service, {
      list: () => this.offers.get(service)?.tools ?? [],
      use: ({ tool, input }, signal) =>
        this.use({ service, tool, input: (input ?? {}) as CallRequest['input'], signal }),
    });
  }

  private async use(call: Omit<CallRequest, 'agent_id'>): Promise<ToolResult> {
    try {
      const { is_error, content } = await this.world.call({ ...call, agent_id: this.agent_id });
      return { content, isError: is_error };
    } catch (error) {
      const text = error instanceof NoxError ? `${error.code}: ${error.message}` : `Nox failed: ${messageOf(error)}`;
      return textResult(text, true);
    }
  }
}
