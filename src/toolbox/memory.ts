import { Inject, Injectable } from '@nestjs/common';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';

export interface Fact {
  readonly id: string;
  readonly text: string;
  readonly tags: string[];
  readonly source: string;
  readonly created_at: string;
}

/** What agents keep for later, in `memory.toml` of the record, where people can read and edit it. */
@Injectable()
export class Memory {
  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Resolves when the fact is on the disk. The same id a second time changes nothing. */
  async add(agent_id: string, fact: Omit<Fact, 'created_at'>): Promise<{ remembered: true }> {
    const known = await this.registry.record.facts(agent_id);
    if (!known.some(({ id }) => id === fact.id)) {
      await this.registry.record.appendFact(agent_id, { ...fact, created_at: this.clock.iso() });
    }
    return { remembered: true };
  }

  /** Newest first. */
  async find(
    agent_id: string,
    query: { text?: string | undefined; tag?: string | undefined; limit: number },
  ): Promise<object[]> {
    const wanted = query.text?.toLowerCase();
    return (await this.registry.record.facts(agent_id))
      .filter(({ text }) => wanted === undefined || text.toLowerCase().includes(wanted))
      .filter(({ tags }) => query.tag === undefined || tags.includes(query.tag))
      .toReversed()
      .slice(0, query.limit)
      .map(({ text, tags, created_at }) => ({ text, tags, created_at }));
  }
}
