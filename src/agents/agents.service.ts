import { Inject, Injectable } from '@nestjs/common';
import type {
  Agent,
  AgentConfig,
  AgentStatus,
  CreateAgent,
  InterruptOptions,
  ReplaceAgent,
  StopOptions,
  UpdateAgent,
} from '../contracts/agent.js';
import type { Actor } from '../contracts/auth.js';
import type { RegistryCommit } from '../contracts/registry.js';
import { AgentId } from '../contracts/ids.js';
import type { RouteInput, RouteReply } from '../contracts/routes.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { AgentListing } from './agent-listing.js';
import { AgentsReconciler } from './agents-reconciler.js';
import { isAtRest, isLive } from './agent-state.js';
import { Fleet } from './fleet.js';
import { Launcher } from './launcher.js';
import { profileGuard } from './permissions.js';
import { ProcessHost } from './process/process-host.js';
import { launchChanges } from './reconcile.js';
import { RunStore } from './run-store.js';
import { SpawnLimits } from './spawn-limits.service.js';

/**
 * What people and programs ask of agents. Intent is committed before the live system follows it, except a stop: that
 * must work also when disk or git is broken, so the process is ended first.
 */
@Injectable()
export class AgentsService {
  private readonly listing: AgentListing;

  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(Fleet) private readonly fleet: Fleet,
    @Inject(Launcher) private readonly launcher: Launcher,
    @Inject(RunStore) private readonly store: RunStore,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(SpawnLimits) private readonly spawns: SpawnLimits,
    @Inject(StateDb) db: StateDb,
    @Inject(ProcessHost) private readonly host: ProcessHost,
    @Inject(AgentsReconciler) private readonly reconciler: AgentsReconciler,
  ) {
    this.listing = new AgentListing({
      now_ms: () => clock.now(),
      generation: () => [registry.intent(), fleet.generation, db.generation],
      list: (query) => this.list(query),
    });
  }

  /** `list` as JSON, from memory while nothing changes. */
  listJson(query: RouteInput<'agents_list'>['query']): string {
    return this.listing.json(query);
  }

  list(query: RouteInput<'agents_list'>['query']): RouteReply<'agents_list'> {
    const all = this.ids()
      .map((id) => this.view(id))
      .filter((agent) => {
        if (query.status !== undefined && agent.status !== query.status) return false;
        return query.capability === undefined || agent.capabilities.includes(query.capability);
      });
    const from = (query.page - 1) * query.limit;
    return {
      agents: all.slice(from, from + query.limit),
      pagination: { page: query.page, limit: query.limit, total: all.length },
    };
  }

  async get(id: string): Promise<Agent> {
    this.known(id);
    await this.fleet.resources.usage(id);
    return this.view(id);
  }

  /** For the live snapshot: without a new measurement. */
  all(): Agent[] {
    return this.ids().map((id) => this.view(id));
  }

  /** AGENT_ALREADY_EXISTS; RESOURCE_LIMIT_EXCEEDED: too many agents, or too many or too deep for its parent. */
  create(body: CreateAgent, actor: Actor): Promise<Agent> {
    return this.spawns.spawned(body.parent_id, () => this.createAllowed(body, actor));
  }

  private async createAllowed(body: CreateAgent, actor: Actor): Promise<Agent> {
    const id = body.id ?? idFromName(body.name);
    if (this.registry.agents().has(id))
      throw new NoxError('AGENT_ALREADY_EXISTS', `An agent with the id ${id} exists already.`);
    const { max_agents } = this.registry.config().agents;
    if (this.registry.agents().size >= max_agents) {
      throw new NoxError(
        'RESOURCE_LIMIT_EXCEEDED',
        `There are ${max_agents} agents; agents.max_agents allows no more.`,
      );
    }
    await this.launcher.check(id, body);
    if (body.start) {
      this.fleet.assertMayStart();
      await this.launcher.checkProgram(body.runtime);
    }
    const now = this.clock.iso();
    const { id: _, start, ...given } = body;
    await this.fleet.serially(id, async () => {
      await this.registry.createAgent(
        id,
        {
          ...given,
          capabilities: given.capabilities ?? [],
          priority: given.priority ?? 'medium',
          mcp_services: [],
          desired_state: start ? 'active' : 'inactive',
          created_at: now,
          last_modified: now,
        },
        actor,
      );
      this.fleet.add(id);
      await this.store.forgetSession(id);
    });
    await this.registry.record.ensureAgent(id);
    const parent = body.parent_id === undefined ? {} : { parent_id: body.parent_id };
    await this.events.append('agent.created', { name: body.name, actor: actor.name, ...parent }, id);
    if (start) await this.fleet.serially(id, () => this.fleet.start(id, `started by ${actor.name}`));
    return this.get(id);
  }

  /** A live agent restarts when what it was started with has changed: at once when idle, else after its turn. */
  async update(id: string, patch: UpdateAgent, actor: Actor): Promise<Agent> {
    const before = this.known(id);
    await this.launcher.check(id, {
      cwd: patch.cwd ?? undefined,
      runtime: before.runtime,
      command: patch.command ?? before.command,
    });
    const commit = await this.registry.updateAgent(id, patch, actor);
    return this.follow(id, before, commit, { fields: Object.keys(patch), actor: actor.name });
  }

  /** As an update, but what is not named has its default again. */
  async replace(id: string, settings: ReplaceAgent, actor: Actor): Promise<Agent> {
    const before = this.known(id);
    await this.launcher.check(id, { ...settings, runtime: before.runtime });
    const commit = await this.registry.replaceAgent(id, settings, actor);
    return this.follow(id, before, commit, { fields: Object.keys(settings), actor: actor.name });
  }

  /** What a change of the settings means for the agent; nothing was changed without a commit. */
  private async follow(
    id: string,
    before: AgentConfig,
    commit: RegistryCommit | null,
    told: { fields: string[]; actor: string },
  ): Promise<Agent> {
    if (commit !== null) {
      await this.events.append('agent.updated', told, id);
      const changed = launchChanges(before, this.known(id));
      if (changed.length > 0 && isLive(this.fleet.get(id).process_state)) {
        await this.reconciler.restartWhenIdle(id, `changed: ${changed.join(', ')}`);
      }
    }
    return this.get(id);
  }

  async remove(id: string, actor: Actor): Promise<Record<string, never>> {
    this.known(id);
    const reason = `deleted by ${actor.name}`;
    await this.fleet.stop(id, reason);
    this.fleet.retire(id, reason);
    await this.fleet.serially(id, async () => {
      // A start may have been under way.
      await this.fleet.stop(id, reason);
      await this.registry.deleteAgent(id, actor);
      this.fleet.forget(id);
    });
    await this.events.append('agent.deleted', { actor: actor.name }, id);
    return {};
  }

  status(id: string): Promise<AgentStatus> {
    this.known(id);
    return this.fleet.status(id);
  }

  async start(id: string, actor: Actor): Promise<AgentStatus> {
    const config = this.known(id);
    return this.fleet.serially(id, async () => {
      const state = this.fleet.get(id).process_state;
      if (isLive(state)) throw new NoxError('INVALID_STATE', `Agent ${id} is ${state} already.`);
      this.fleet.assertMayStart();
      await this.launcher.checkProgram(config.runtime);
      await this.registry.updateAgent(id, { desired_state: 'active' }, actor, 'start');
      const reason = `started by ${actor.name}`;
      try {
        await this.fleet.groups.startTree(id, reason, () => this.fleet.start(id, reason));
      } catch (error) {
        // A group that did not start as a whole stands as it stood before.
        if (this.fleet.get(id).process_state === 'stopped') {
          await this.registry.updateAgent(id, { desired_state: config.desired_state }, actor, 'stop');
        }
        throw error;
      }
      return this.fleet.status(id);
    });
  }

  async stop(id: string, options: StopOptions, actor: Actor): Promise<AgentStatus> {
    const config = this.known(id);
    if (config.desired_state === 'inactive' && this.fleet.get(id).process_state === 'stopped') {
      throw new NoxError('INVALID_STATE', `Agent ${id} is stopped already.`);
    }
    // Not queued: a stop must overtake a start that hangs.
    const reason = `stopped by ${actor.name}`;
    try {
      await this.fleet.groups.stopBelow(id, `${reason} with ${id}`, options);
      await this.fleet.stop(id, reason, options);
      this.fleet.retire(id, reason, options);
      return await this.fleet.serially(id, async () => {
        await this.registry.updateAgent(id, { desired_state: 'inactive' }, actor, 'stop');
        return this.fleet.status(id);
      });
    } catch (error) {
      this.fleet.hold(id, `${reason}, but this could not be stored (${messageOf(error)}): a restart of Nox starts it`);
      throw error;
    }
  }

  async restart(id: string, options: StopOptions, actor: Actor): Promise<AgentStatus> {
    const config = this.known(id);
    if (config.desired_state === 'inactive')
      throw new NoxError('INVALID_STATE', `Agent ${id} is stopped; start it instead.`);
    await this.launcher.checkProgram(config.runtime);
    await this.fleet.stop(id, `restarted by ${actor.name}`, options);
    return this.fleet.serially(id, async () => {
      if (!isLive(this.fleet.get(id).process_state)) {
        await this.store.countRestart(id);
        await this.fleet.start(id, `restarted by ${actor.name}`);
      }
      return this.fleet.status(id);
    });
  }

  async interrupt(id: string, { requeue }: InterruptOptions): Promise<AgentStatus> {
    this.known(id);
    const { session, process_state } = this.fleet.get(id);
    if (session === undefined)
      throw new NoxError('INVALID_STATE', `Agent ${id} is ${process_state}; there is nothing to interrupt.`);
    if (requeue) this.fleet.keepMessages(id);
    await session.interrupt();
    return this.fleet.status(id);
  }

  /** Closes the breaker; if that alone kept the agent down, it starts. */
  async resetBreaker(id: string, actor: Actor): Promise<AgentStatus> {
    const { desired_state } = this.known(id);
    return this.fleet.serially(id, async () => {
      const supervisor = this.fleet.get(id);
      supervisor.resetBreaker();
      if (supervisor.process_state === 'failed' && desired_state === 'active') {
        await this.fleet.start(id, `breaker reset by ${actor.name}`);
      }
      return this.fleet.status(id);
    });
  }

  async hibernate(id: string): Promise<AgentStatus> {
    this.known(id);
    return this.fleet.serially(id, async () => {
      const { process_state, activity } = this.fleet.get(id);
      if (process_state !== 'running' || !isAtRest(activity)) {
        throw new NoxError(
          'INVALID_STATE',
          `Agent ${id} is ${process_state} and ${activity}; only an idle agent hibernates.`,
        );
      }
      await this.fleet.hibernate(id, 'asked to hibernate');
      return this.fleet.status(id);
    });
  }

  /** Restarts every live Claude agent, as after a change of the model. */
  async restartAll(reason: string): Promise<void> {
    const claude = this.fleet.all().filter((s) => this.registry.agents().get(s.id)?.runtime === 'claude');
    await Promise.all(
      claude.map(async ({ id, process_state }) => {
        if (isLive(process_state)) await this.reconciler.restartWhenIdle(id, reason);
        // What failed for want of a login may work now.
        else if (process_state === 'failed' && this.known(id).desired_state === 'active')
          await this.fleet.serially(id, () => this.fleet.start(id, reason));
      }),
    );
  }

  /** With the usage as last measured; none is shown for a process that is gone. */
  private view(id: string): Agent {
    const status = this.fleet.describe(id, this.fleet.resources.lastUsage(id));
    const config = this.known(id);
    const kept = profileGuard(config, this.host.confinement(this.registry.config().agents.confine));
    const guard = kept === undefined ? {} : { permissions_kept_by: kept };
    return { ...config, ...status, usage: this.fleet.workOf(id).usage, ...guard };
  }

  /** Those that are both wanted and known: an agent just committed comes a moment later. */
  private ids(): string[] {
    return [...this.registry.agents().keys()].filter((id) => this.fleet.has(id));
  }

  private known(id: string): AgentConfig {
    const config = this.registry.agents().get(id);
    if (config === undefined) throw new NoxError('AGENT_NOT_FOUND', `No agent has the id ${id}.`);
    return config;
  }
}

/** `Code Review!` → `code-review`, `Prüfer` → `prufer`; refused when nothing of the name can be an id. */
function idFromName(name: string): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50)
    .replace(/-+$/, '');
  const result = AgentId.safeParse(slug);
  if (!result.success) {
    const message = `no id can be made of the name (${result.error.issues[0]?.message ?? 'invalid'}); give one`;
    throw new NoxError('VALIDATION_ERROR', `id: ${message}`, [{ field: 'id', message }]);
  }
  return result.data;
}
