import { Inject, Injectable } from '@nestjs/common';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { NoxError } from '../shared/nox-error.js';
import { mayDescend, mayStart, type SpawnVerdict } from './spawn-limits.js';

/**
 * Keeps agents from making too many others: `max_spawn_rate` an hour, `max_depth` levels. Only agents that have a parent
 * count; what a person makes for itself does not. The spawns of the last hour are read from the events, so that neither a
 * restart of Nox nor a deletion forgets one.
 */
@Injectable()
export class SpawnLimits {
  private readonly queue = new KeyedQueue();

  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Runs `spawn`, which appends `agent.created`; spawns of one parent one after another. RESOURCE_LIMIT_EXCEEDED. */
  spawned<T>(parent_id: string | undefined, spawn: () => Promise<T>): Promise<T> {
    if (parent_id === undefined) return spawn();
    return this.queue.run(parent_id, async () => {
      this.assertAllowed(parent_id);
      return spawn();
    });
  }

  private assertAllowed(parent_id: string): void {
    const agents = this.registry.agents();
    if (!agents.has(parent_id)) {
      const message = `is not the id of an agent: ${parent_id}`;
      throw new NoxError('VALIDATION_ERROR', `parent_id: ${message}`, [{ field: 'parent_id', message }]);
    }
    refuse(
      parent_id,
      mayDescend(parent_id, agents, (id) => this.limit(id, 'max_depth')),
      this.clock,
    );
    const max_spawn_rate = this.limit(parent_id, 'max_spawn_rate');
    refuse(parent_id, mayStart(this.history(parent_id), { max_spawn_rate }, this.clock.now()), this.clock);
  }

  private history(parent_id: string): number[] {
    const rows = this.db.all<{ at_ms: number }>(
      `SELECT at_ms FROM events WHERE at_ms > ? AND type = 'agent.created' AND json_extract(payload_json, '$.parent_id') = ?`,
      this.clock.now() - 3_600_000,
      parent_id,
    );
    return rows.map(({ at_ms }) => at_ms);
  }

  private limit(id: string, name: 'max_depth' | 'max_spawn_rate'): number {
    return this.registry.agents().get(id)?.resource_limits?.[name] ?? this.registry.config().agents.limits[name];
  }
}

function refuse(parent_id: string, verdict: SpawnVerdict, clock: Clock): void {
  if (verdict.allowed) return;
  const { limit, max, frees_at_ms } = verdict;
  const frees_at = frees_at_ms === null ? undefined : clock.iso(frees_at_ms);
  const text =
    limit === 'max_depth'
      ? `Agents below ${parent_id} may be ${max} levels deep at most (resource_limits.max_depth).`
      : `Agent ${parent_id} may have ${max} agents made in an hour (resource_limits.max_spawn_rate)${frees_at === undefined ? '' : `; the next one from ${frees_at}`}.`;
  throw new NoxError('RESOURCE_LIMIT_EXCEEDED', text, {
    agent_id: parent_id,
    limit,
    max,
    ...(frees_at === undefined ? {} : { frees_at }),
  });
}
