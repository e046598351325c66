import { Inject, Injectable } from '@nestjs/common';
import { ProcessHost } from '../agents/process/process-host.js';
import { Surroundings } from '../agents/surroundings.js';
import type { Actor } from '../contracts/auth.js';
import type { RouteReply } from '../contracts/routes.js';
import type {
  CallToolReply,
  EngineState,
  Service,
  ServiceConfig,
  ToolInfo,
  UpdateService,
} from '../contracts/service.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { Catalogue } from './catalogue/catalogue.js';
import { AgentPipes, type Offer } from './agent-pipes.js';
import { Gateway } from './gateway.js';
import { createMachinery, type Machinery } from './machinery.js';
import { logsOf, statsOf } from './insight.js';
import { Leftovers, leaves } from './leftovers.js';
import { offersTo } from './offers.js';
import { ServicePool } from './service-pool.js';
import { shownService } from './service-view.js';
import { toolAllowed } from './tool-rules.js';

/**
 * The MCP services that agents use: kept in `mcp-services.toml`, made to run as the intent says, reached through one
 * gateway. Without a container engine everything else of Nox works, and services say why they do not.
 */
@Injectable()
export class ServicesService {
  readonly catalogue: Catalogue;
  readonly pool: ServicePool;
  private readonly gateway: Gateway;
  private readonly machinery: Machinery;
  private readonly leftovers: Leftovers;
  /** The way of agents to their services. */
  readonly pipes: AgentPipes;
  /** Who had a service when agents were last told. */
  private users: ReadonlySet<string> = new Set();
  /** The intent that was carried out last; undefined before the first. */
  private carried: ReadonlyMap<string, ServiceConfig> | undefined;
  private readonly told = new Map<string, string>();
  private following: Promise<void> = Promise.resolve();
  /** Given at wiring. */
  warn: (message: string, fields: object) => void = () => undefined;

  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Surroundings) around: Surroundings,
    @Inject(ProcessHost) host: ProcessHost,
    @Inject(StateDb) db: StateDb,
  ) {
    this.machinery = createMachinery({
      around,
      host,
      confine: () => registry.config().agents.confine,
      warn: (message, fields) => this.warn(message, fields),
    });
    this.leftovers = new Leftovers({
      db,
      clock,
      engine: this.machinery.engine,
      guard: this.machinery.guard,
      wanted: () => registry.intent().services,
      warn: (message, fields) => this.warn(message, fields),
    });
    this.catalogue = new Catalogue(around.home, clock, () => registry.config().services);
    this.pool = new ServicePool({
      clock,
      openerOf: (config) => this.machinery.openerOf(config),
      changed: (name) => this.changed(name),
      pulled: (name, progress) => this.tell('service.pull_progress', { service: name, ...progress }),
      max_containers: () => registry.config().services.max_containers,
      hasEngine: async () => (await this.engine.state()).available,
    });
    this.gateway = new Gateway({
      clock,
      target: (service, agent_id) => {
        const { live, reason } = this.pool.connection(service, agent_id);
        return { config: this.configOf(service), connection: live, reason };
      },
      tell: async (call, agent_id) => {
        await this.events.append('service.call', call, agent_id);
      },
    });
    this.pipes = new AgentPipes({
      offered: (agent_id) => this.offered(agent_id),
      call: (request) => this.gateway.call(request),
    });
  }

  get engine(): Machinery['engine'] {
    return this.machinery.engine;
  }

  /** Starts what should run, without waiting for it, and follows the intent from now on. */
  start(): void {
    this.registry.onCommit(() => this.follow());
    this.follow();
  }

  /** Resolves when the intent of now has been carried out. */
  async settled(): Promise<void> {
    this.follow();
    await this.following;
  }

  /** Ends every server. */
  async close(): Promise<void> {
    await this.following;
    await this.leftovers.close();
    await this.pool.close();
  }

  async list(agent_id?: string): Promise<RouteReply<'services_list'>> {
    if (agent_id !== undefined) this.knownAgent(agent_id);
    const engine = await this.engine.state();
    return { services: this.views(agent_id), engine };
  }

  /** As they stand; the engine is not asked. */
  views(agent_id?: string): Service[] {
    return [...this.registry.intent().services]
      .filter(([, { agents }]) => agent_id === undefined || agents.includes(agent_id))
      .map(([name]) => this.view(name));
  }

  /** The engine that containers need; undefined while no service is one, so that nobody has to have an engine. */
  async neededEngine(): Promise<EngineState | undefined> {
    const needed = [...this.registry.intent().services.values()].some(({ image }) => image !== undefined);
    return needed ? this.engine.state() : undefined;
  }

  /** SERVICE_NOT_FOUND. */
  get(name: string): Service {
    this.configOf(name);
    return this.view(name);
  }

  /** SERVICE_NOT_FOUND, VALIDATION_ERROR. */
  async update(name: string, patch: UpdateService, actor: Actor): Promise<Service> {
    await this.registry.updateService(name, patch, actor);
    return this.get(name);
  }

  /** Starts or stops it, and keeps that as intent. */
  async setDesired(name: string, desired_state: 'active' | 'inactive', actor: Actor): Promise<Service> {
    this.configOf(name);
    const action = desired_state === 'active' ? 'start' : 'stop';
    const commit = await this.registry.updateService(name, { desired_state }, actor, action);
    if (commit === null && desired_state === 'active') await this.pool.start(name);
    await this.settled();
    return this.get(name);
  }

  async restart(name: string, actor: Actor): Promise<Service> {
    this.configOf(name);
    await this.pool.restart(name, `restarted by ${actor.name}`);
    return this.get(name);
  }

  /** Gives it to an agent. AGENT_NOT_FOUND; RESOURCE_LIMIT_EXCEEDED beyond `services.max_per_agent`. */
  async attach(name: string, agent_id: string, actor: Actor): Promise<Service> {
    const { agents } = this.configOf(name);
    this.mayHaveOneMore(agent_id, name);
    if (!agents.includes(agent_id)) {
      await this.registry.updateService(name, { agents: [...agents, agent_id] }, actor, 'attach');
      this.tell('service.attached', { service: name, actor: actor.name }, agent_id);
    }
    await this.settled();
    return this.get(name);
  }

  async detach(name: string, agent_id: string, actor: Actor): Promise<Service> {
    const { agents } = this.configOf(name);
    if (!agents.includes(agent_id)) throw new NoxError('NOT_FOUND', `${name} is not given to ${agent_id}.`);
    const left = agents.filter((id) => id !== agent_id);
    await this.registry.updateService(name, { agents: left }, actor, 'detach');
    this.tell('service.detached', { service: name, actor: actor.name }, agent_id);
    await this.settled();
    return this.get(name);
  }

  /**
   * Takes its table away and ends it, then takes its containers, its network, its rules and, if wanted, its image away;
   * as soon as there is an engine, where there is none now.
   */
  async remove(name: string, actor: Actor, with_image = false): Promise<void> {
    const { image } = this.configOf(name);
    if (image !== undefined) await this.leftovers.owe({ services: [name], images: with_image ? [image] : [] });
    await this.registry.removeService(name, actor);
    await this.settled();
    if (image !== undefined) await this.leftovers.settle();
    this.told.delete(name);
    this.tell('service.removed', { service: name, actor: actor.name });
  }

  async logs(name: string, lines: number): Promise<RouteReply<'services_logs'>> {
    this.configOf(name);
    return { lines: await logsOf(this.pool.of(name), this.engine, lines) };
  }

  async stats(name: string): Promise<RouteReply<'services_stats'>> {
    this.configOf(name);
    return statsOf(name, this.pool.of(name), this.engine);
  }

  tools(name: string): ToolInfo[] {
    const config = this.configOf(name);
    const { live } = this.pool.connection(name, config.agents[0]);
    return (live?.tools ?? []).map((tool) => ({ ...tool, allowed: toolAllowed(tool.name, config) }));
  }

  /** What an agent may call, of each of its services; while one comes back, what it offered last. */
  offered(agent_id: string): Offer[] {
    return offersTo(agent_id, this.registry.intent().services, this.pool);
  }

  /** See Gateway.call. */
  call(request: Parameters<Gateway['call']>[0]): Promise<CallToolReply> {
    return this.gateway.call(request);
  }

  private knownAgent(id: string): void {
    if (!this.registry.agents().has(id)) throw new NoxError('AGENT_NOT_FOUND', `No agent has the id ${id}.`);
  }

  /** RESOURCE_LIMIT_EXCEEDED, AGENT_NOT_FOUND. */
  mayHaveOneMore(agent_id: string, name: string): void {
    this.knownAgent(agent_id);
    const { max_per_agent } = this.registry.config().services;
    const has = [...this.registry.intent().services].filter(
      ([key, { agents }]) => key !== name && agents.includes(agent_id),
    );
    if (has.length >= max_per_agent)
      throw new NoxError(
        'RESOURCE_LIMIT_EXCEEDED',
        `${agent_id} has ${has.length} services; services.max_per_agent allows no more.`,
      );
  }

  private configOf(name: string): ServiceConfig {
    const config = this.registry.intent().services.get(name);
    if (config === undefined) throw new NoxError('SERVICE_NOT_FOUND', `No service is called ${name}.`);
    return config;
  }

  private view(name: string): Service {
    const config = this.configOf(name);
    const instances = this.pool.of(name);
    const { status, reason, since_ms, restarts } = this.pool.summary(name);
    const { live } = this.pool.connection(name, config.agents[0]);
    return shownService({
      name,
      config,
      status,
      reason,
      instances: instances.filter((instance) => instance.live !== undefined).length,
      restarts,
      since: this.clock.iso(since_ms),
      server: live?.server ?? null,
      tools: live?.tools.length ?? 0,
      pull: instances.find(({ pull }) => pull !== null)?.pull ?? null,
      approval_id: config.approval_id ?? null,
      calls: this.gateway.countsOf(name),
    });
  }

  private follow(): void {
    this.following = this.following
      .then(async () => {
        const { services } = this.registry.intent();
        await this.pool.apply(services);
        this.tellAgents(services);
        if (await this.leaveTraces(services)) void this.leftovers.settle();
      })
      .catch((error: unknown) => this.warn('services could not follow the intent', { reason: messageOf(error) }));
  }

  /** Whether something may be left at the engine now: a service went or stopped, by a request, a rollback or a hand edit. */
  private async leaveTraces(services: ReadonlyMap<string, ServiceConfig>): Promise<boolean> {
    const before = this.carried;
    this.carried = services;
    if (before === undefined) return this.leftovers.isOwed;
    const gone = [...before].filter(([name, config]) => leaves(config, services.get(name))).map(([name]) => name);
    if (gone.length > 0) await this.leftovers.owe({ services: gone });
    return gone.length > 0;
  }

  /** Agents that have, or had, services may have other ones now. */
  private tellAgents(services: ReadonlyMap<string, ServiceConfig>): void {
    const users = new Set([...services.values()].flatMap(({ agents }) => agents));
    this.pipes.changed(new Set([...this.users, ...users]));
    this.users = users;
  }

  private changed(name: string): void {
    const { services } = this.registry.intent();
    const { status, reason } = this.pool.summary(name);
    this.pipes.changed(services.get(name)?.agents ?? []);
    const state = `${status} ${reason ?? ''}`;
    if (this.told.get(name) === state) return;
    this.told.set(name, state);
    this.tell('service.changed', { service: name, status, reason });
  }

  private tell(...event: Parameters<EventLog['append']>): void {
    this.events
      .append(...event)
      .catch((error: unknown) => this.warn('an event was not stored', { reason: messageOf(error) }));
  }
}
