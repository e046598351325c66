import type { PullProgress, ServiceConfig, ServiceStatus } from '../contracts/service.js';
import type { Clock } from '../shared/clock.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import type { McpConnection, RawTool } from './mcp/mcp-connection.js';
import type { Opener } from './open/opener.js';
import { ServiceInstance } from './service-instance.js';

export interface PoolWorld {
  readonly clock: Clock;
  readonly openerOf: (config: ServiceConfig) => Opener;
  readonly changed: (service: string) => void;
  readonly pulled: (service: string, progress: PullProgress) => void;
  /** How many containers may be there at once. */
  readonly max_containers: () => number;
  /** Whether there is a container engine now. Never rejects. */
  readonly hasEngine: () => Promise<boolean>;
}

/** Who serves an agent; `tools` are also those of a server that is about to come back. */
export interface ServedBy {
  readonly live: McpConnection | undefined;
  readonly tools: readonly RawTool[];
  readonly reason: string | null;
}

/** Which servers a service needs: one for all, or one for each agent. Pure. */
export const holdersOf = ({ shared, agents }: ServiceConfig): (string | undefined)[] => (shared ? [undefined] : agents);

/** What a server is started with; agents, rights and rates change while it runs. */
const LAUNCH = [
  'image',
  'command',
  'args',
  'url',
  'transport',
  'port',
  'path',
  'network',
  'egress_hosts',
  'env',
] as const;

export function mustRestart(before: ServiceConfig, after: ServiceConfig): boolean {
  const of = (config: ServiceConfig) => {
    const { memory_mb, cpus, pids } = config.limits;
    return JSON.stringify([LAUNCH.map((key) => config[key] ?? null), memory_mb, cpus, pids]);
  };
  return of(before) !== of(after);
}

const WORST: readonly ServiceStatus[] = [
  'failed',
  'unhealthy',
  'removing',
  'pulling',
  'starting',
  'stopped',
  'running',
];

/** The servers that run. `apply` makes them follow the intent; one change of a service after another. */
export class ServicePool {
  private readonly instances = new Map<string, Map<string | undefined, ServiceInstance>>();
  private configs: ReadonlyMap<string, ServiceConfig> = new Map();
  private readonly queue = new KeyedQueue();

  constructor(private readonly world: PoolWorld) {}

  /** Resolves when every change has been carried out, or has failed in a way that the status tells. */
  async apply(wanted: ReadonlyMap<string, ServiceConfig>): Promise<void> {
    const before = this.configs;
    this.configs = wanted;
    const names = new Set([...before.keys(), ...wanted.keys()]);
    await Promise.all([...names].map((name) => this.queue.run(name, () => this.follow(name, before.get(name)))));
  }

  async start(name: string): Promise<void> {
    await this.queue.run(name, () => this.ensure(name));
  }

  async stop(name: string, reason: string): Promise<void> {
    await this.queue.run(name, () => this.each(name, (instance) => instance.stop(reason)));
  }

  async restart(name: string, reason: string): Promise<void> {
    const config = this.configs.get(name);
    if (config === undefined) return;
    await this.queue.run(name, () => this.each(name, (instance) => instance.restart(config, reason)));
    await this.start(name);
  }

  of(name: string): ServiceInstance[] {
    return [...(this.instances.get(name)?.values() ?? [])];
  }

  /** The connection over which an agent is served; any for a person. */
  connection(name: string, agent_id: string | undefined): ServedBy {
    const holders = this.instances.get(name);
    const shared = holders?.get(undefined);
    const own = agent_id === undefined ? this.of(name)[0] : holders?.get(agent_id);
    const instance = shared ?? own;
    return { live: instance?.live, tools: instance?.tools ?? [], reason: instance?.reason ?? null };
  }

  /** The state of all its servers as one: the worst that is true of any. */
  summary(name: string): { status: ServiceStatus; reason: string | null; since_ms: number; restarts: number } {
    const all = this.of(name);
    const worst = WORST.find((status) => all.some((instance) => instance.status === status));
    const shown = all.find((instance) => instance.status === worst);
    if (shown === undefined) return { status: 'stopped', reason: null, since_ms: this.world.clock.now(), restarts: 0 };
    const restarts = all.reduce((sum, instance) => sum + instance.restarts, 0);
    return { status: shown.status, reason: shown.reason, since_ms: shown.since_ms, restarts };
  }

  /** Ends every server; their containers go. */
  async close(): Promise<void> {
    await Promise.all([...this.instances.keys()].map((name) => this.stop(name, 'Nox stops')));
  }

  private async follow(name: string, before: ServiceConfig | undefined): Promise<void> {
    const config = this.configs.get(name);
    if (config === undefined) {
      await this.each(name, (instance) => instance.stop('removed', 'removing'));
      this.instances.delete(name);
      return;
    }
    if (before !== undefined && config.desired_state === 'active' && mustRestart(before, config)) {
      await this.each(name, (instance) => instance.restart(config, 'its configuration changed'));
    }
    await this.ensure(name);
  }

  /** Those that are wanted run; others are ended. */
  private async ensure(name: string): Promise<void> {
    const config = this.configs.get(name);
    if (config === undefined) return;
    const known = this.instances.get(name) ?? new Map<string | undefined, ServiceInstance>();
    this.instances.set(name, known);
    const wanted = new Set(holdersOf(config));
    for (const [holder, instance] of known) {
      if (wanted.has(holder)) continue;
      await instance.stop('nobody uses it');
      known.delete(holder);
    }
    const starts: Promise<void>[] = [];
    for (const holder of wanted) {
      const instance = known.get(holder) ?? this.make(name, holder, config);
      known.set(holder, instance);
      if (config.desired_state === 'inactive') starts.push(instance.stop('should be inactive'));
      else if (this.isFull(instance, config))
        instance.refuse(`all ${this.world.max_containers()} containers that services.max_containers allows are in use`);
      else starts.push(instance.start());
    }
    await Promise.all(starts);
  }

  private isFull(next: ServiceInstance, { image }: ServiceConfig): boolean {
    if (image === undefined) return false;
    const busy = [...this.instances.values()]
      .flatMap((known) => [...known.values()])
      .filter((instance) => instance !== next && !['stopped', 'failed'].includes(instance.status));
    return busy.length >= this.world.max_containers();
  }

  private make(name: string, holder: string | undefined, config: ServiceConfig): ServiceInstance {
    const { clock, openerOf, changed, pulled, hasEngine } = this.world;
    return new ServiceInstance(name, holder, config, openerOf(config), {
      clock,
      random: Math.random,
      changed: () => changed(name),
      pulled: (progress) => pulled(name, progress),
      hasEngine,
    });
  }

  private async each(name: string, act: (instance: ServiceInstance) => Promise<void>): Promise<void> {
    await Promise.all(this.of(name).map(act));
  }
}
