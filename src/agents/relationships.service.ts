import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '../contracts/auth.js';
import type { AddRelationship, RemoveRelationship } from '../contracts/relationship.js';
import type { RouteReply } from '../contracts/routes.js';
import { RegistryService } from '../registry/registry.service.js';
import { NoxError } from '../shared/nox-error.js';

/** Who works with whom. What changes here is in force at once: the groups read the intent at every death. */
@Injectable()
export class RelationshipsService {
  constructor(@Inject(RegistryService) private readonly registry: RegistryService) {}

  /** All, in the order of the file. */
  all(): RouteReply<'relationships_all'> {
    return { relationships: [...this.registry.intent().relationships] };
  }

  /** Those from and to the agent. AGENT_NOT_FOUND. */
  list(id: string): RouteReply<'relationships_list'> {
    this.known(id);
    return { relationships: this.registry.intent().relationships.filter(({ from, to }) => from === id || to === id) };
  }

  /** AGENT_NOT_FOUND; VALIDATION_ERROR for a circle of supervisors, a second supervisor, or what is there already. */
  async add(id: string, body: AddRelationship, actor: Actor): Promise<RouteReply<'relationships_add'>> {
    this.known(id);
    this.known(body.target_agent_id);
    const { target_agent_id: to, type, strategy } = body;
    await this.registry.addRelationship({ from: id, to, type, ...(strategy === undefined ? {} : { strategy }) }, actor);
    return this.list(id);
  }

  /** NOT_FOUND when there is no such relationship. The other agent may be gone already. */
  async remove(id: string, body: RemoveRelationship, actor: Actor): Promise<RouteReply<'relationships_remove'>> {
    this.known(id);
    const commit = await this.registry.removeRelationship(id, body, actor);
    if (commit === null) {
      const what = body.type === undefined ? 'no relationship' : `no relationship of type ${body.type}`;
      throw new NoxError('NOT_FOUND', `${id} has ${what} to ${body.target_agent_id}.`);
    }
    return this.list(id);
  }

  private known(id: string): void {
    if (!this.registry.agents().has(id)) throw new NoxError('AGENT_NOT_FOUND', `No agent has the id ${id}.`);
  }
}
