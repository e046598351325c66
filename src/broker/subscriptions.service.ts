import { Inject, Injectable } from '@nestjs/common';
import type { Subscription, SubscriptionFilter } from '../contracts/message.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { NoxError } from '../shared/nox-error.js';

interface Row {
  agent_id: string;
  topic: string;
  filter_json: string;
  created_ms: number;
}

const fromRow = ({ agent_id, topic, filter_json, created_ms }: Row): Subscription => ({
  agent_id,
  topic,
  filter: JSON.parse(filter_json) as SubscriptionFilter,
  created_at: new Date(created_ms).toISOString(),
});

/** Which agents hear of which topics. */
@Injectable()
export class SubscriptionsService {
  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(RegistryService) private readonly registry: RegistryService,
  ) {}

  /** AGENT_NOT_FOUND. */
  list(agent_id: string): Subscription[] {
    if (!this.registry.agents().has(agent_id))
      throw new NoxError('AGENT_NOT_FOUND', `No agent has the id ${agent_id}.`);
    return this.db.all<Row>('SELECT * FROM subscriptions WHERE agent_id = ? ORDER BY topic', agent_id).map(fromRow);
  }

  subscribers(topic: string): Subscription[] {
    return this.db.all<Row>('SELECT * FROM subscriptions WHERE topic = ? ORDER BY agent_id', topic).map(fromRow);
  }

  /** A topic that the agent has already gets the new filter. AGENT_NOT_FOUND. */
  async add(agent_id: string, topics: readonly string[], filter: SubscriptionFilter): Promise<Subscription[]> {
    this.list(agent_id);
    await this.db.write((tx) => {
      for (const topic of topics) {
        tx.run(
          `INSERT INTO subscriptions (agent_id, topic, filter_json, created_ms) VALUES (?, ?, ?, ?)
           ON CONFLICT (topic, agent_id) DO UPDATE SET filter_json = excluded.filter_json`,
          agent_id,
          topic,
          JSON.stringify(filter),
          this.clock.now(),
        );
      }
    });
    return this.list(agent_id);
  }

  /** Ends these, or all. AGENT_NOT_FOUND. */
  async remove(agent_id: string, topics?: readonly string[]): Promise<Subscription[]> {
    this.list(agent_id);
    await this.forget(agent_id, topics);
    return this.list(agent_id);
  }

  /** The same, also for an agent that is gone. */
  forget(agent_id: string, topics?: readonly string[]): Promise<void> {
    return this.db.write((tx) => {
      if (topics === undefined) tx.run('DELETE FROM subscriptions WHERE agent_id = ?', agent_id);
      else
        for (const topic of topics)
          tx.run('DELETE FROM subscriptions WHERE agent_id = ? AND topic = ?', agent_id, topic);
    });
  }
}
