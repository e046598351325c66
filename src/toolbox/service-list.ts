import { Inject, Injectable } from '@nestjs/common';
import { ServicesService } from '../services/services.service.js';

/** MCP services as a model needs to know them. */
@Injectable()
export class ServiceList {
  constructor(@Inject(ServicesService) private readonly services: ServicesService) {}

  /** Those that the agent has come first, with what it can call now; of the others only that they are there. */
  forAgent(agent_id: string | undefined): object[] {
    const offered = agent_id === undefined ? [] : this.services.offered(agent_id);
    return this.services
      .views()
      .map(({ name, status, reason, agents, tools }) => {
        const yours = agent_id !== undefined && agents.includes(agent_id);
        const own = offered.find(({ service }) => service === name)?.tools ?? [];
        return {
          name,
          yours,
          status,
          ...(reason === null ? {} : { reason }),
          tools: yours ? own.map((tool) => ({ name: tool.name, description: tool.description.slice(0, 200) })) : tools,
        };
      })
      .sort((a, b) => Number(b.yours) - Number(a.yours));
  }
}
