import type Dockerode from 'dockerode';
import type { ContainerCreateOptions } from 'dockerode';
import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import { PassThrough } from 'node:stream';
import type { EngineState, PullProgress } from '../../contracts/service.js';
import { NoxError } from '../../shared/nox-error.js';
import { LABELS } from './container-spec.js';
import { engineAddress, engineError, engineReason, pullError, statusOf, within } from './engine-errors.js';
import type { Attached, ImageFacts, Listed, Network, Usage } from './engine-facts.js';
import { framesOf } from './log-frames.js';
import { PullMeter } from './pull-meter.js';

const PING_MS = 3000;

interface Distribution {
  readonly Descriptor: { readonly digest: string };
}

/**
 * A Docker Engine, and only what services need of it. The client is loaded at first use: most starts of Nox need none.
 * Every method rejects with ENGINE_UNAVAILABLE when the engine does not answer.
 */
export class DockerEngine {
  private client: Promise<Dockerode> | undefined;

  constructor(
    private readonly docker_host: string | undefined,
    private readonly registry_id: string,
  ) {}

  /** Never rejects. */
  async state(): Promise<EngineState> {
    try {
      const docker = await this.docker();
      const { Version: version } = await within(PING_MS, docker.version());
      return { available: true, version, reason: null };
    } catch (error) {
      return { available: false, version: null, reason: engineReason(error) };
    }
  }

  async pull(image: string, onProgress: (progress: PullProgress) => void): Promise<void> {
    const docker = await this.docker();
    const stream = await this.asked(() => docker.pull(image));
    const meter = new PullMeter();
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(
        stream,
        (error: Error | null, output: readonly { error?: string }[] | undefined) => {
          const refused = output?.find((line) => line.error !== undefined)?.error;
          if (error !== null) reject(pullError(image, error.message));
          else if (refused !== undefined) reject(pullError(image, refused));
          else resolve();
        },
        (line: object) => {
          const progress = meter.take(line);
          if (progress !== undefined) onProgress(progress);
        },
      );
    });
  }

  /** Null when the image is not here. */
  async image(reference: string): Promise<ImageFacts | null> {
    const docker = await this.docker();
    try {
      const facts = await docker.getImage(reference).inspect();
      const name = reference.replace(/@.*$/, '').replace(/:[^/:]+$/, '');
      const digests = facts.RepoDigests ?? [];
      return {
        reference: digests.find((digest) => digest.startsWith(`${name}@`)) ?? digests[0] ?? null,
        size_bytes: facts.Size,
        created_at: facts.Created === undefined ? null : new Date(facts.Created).toISOString(),
      };
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw engineError(error);
    }
  }

  /** The digest that an image's own registry has for it; null when the registry does not say. The image is not pulled. */
  async remoteDigest(reference: string): Promise<string | null> {
    const docker = await this.docker();
    try {
      const { Descriptor: descriptor } = (await docker.getImage(reference).distribution()) as Distribution;
      return descriptor.digest;
    } catch (error) {
      if (statusOf(error) === undefined) throw engineError(error);
      return null;
    }
  }

  /** Makes it, in place of an older one of that name. Answers its id. */
  async create(spec: ContainerCreateOptions & { name: string }): Promise<string> {
    const docker = await this.docker();
    try {
      return (await docker.createContainer(spec)).id;
    } catch (error) {
      if (statusOf(error) !== 409) throw engineError(error);
      await this.remove(spec.name);
      return (await this.asked(() => docker.createContainer(spec))).id;
    }
  }

  async start(id: string): Promise<void> {
    const docker = await this.docker();
    await this.asked(() => docker.getContainer(id).start(), 304);
  }

  /** Ends it within `grace_s`, then by force, and takes it away with its anonymous volumes. Gone already: fine. */
  async remove(id: string, grace_s = 0): Promise<void> {
    const docker = await this.docker();
    const container = docker.getContainer(id);
    if (grace_s > 0) await this.asked(() => container.stop({ t: grace_s }), 304, 404);
    await this.asked(() => container.remove({ force: true, v: true }), 404, 409);
  }

  async inspect(id: string): Promise<Dockerode.ContainerInspectInfo> {
    const docker = await this.docker();
    return this.asked(() => docker.getContainer(id).inspect());
  }

  /** Its standard streams; closing them leaves it running. */
  async attach(id: string): Promise<Attached> {
    const docker = await this.docker();
    const options = { stream: true, stdin: true, stdout: true, stderr: true, hijack: true };
    const stdin = (await this.asked(() => docker.getContainer(id).attach(options))) as unknown as Duplex;
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    docker.modem.demuxStream(stdin, stdout, stderr);
    const end = (): void => void [stdout.end(), stderr.end()];
    stdin.once('end', end).once('close', end);
    stdin.on('error', () => stdin.destroy());
    return { stdin, stdout, stderr, close: () => void stdin.destroy() };
  }

  /** Resolves with its exit code when it ends; when it is gone already, with null. */
  async wait(id: string): Promise<number | null> {
    const docker = await this.docker();
    try {
      const { StatusCode } = (await docker.getContainer(id).wait()) as { StatusCode: number };
      return StatusCode;
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw engineError(error);
    }
  }

  async logs(id: string, lines: number): Promise<{ stream: 'stdout' | 'stderr'; line: string }[]> {
    const docker = await this.docker();
    const raw = await this.asked(() => docker.getContainer(id).logs({ stdout: true, stderr: true, tail: lines }), 404);
    return raw === undefined ? [] : framesOf(raw).slice(-lines);
  }

  async usage(id: string): Promise<Usage> {
    const docker = await this.docker();
    const stats = await this.asked(() => docker.getContainer(id).stats({ stream: false }));
    // Of a container that has just ended the engine answers with holes, whatever its types say.
    const { cpu_stats: now, precpu_stats: before, memory_stats: memory } = stats as Partial<typeof stats>;
    const cpu = (now?.cpu_usage?.total_usage ?? 0) - (before?.cpu_usage?.total_usage ?? 0);
    const system = (now?.system_cpu_usage ?? 0) - (before?.system_cpu_usage ?? 0);
    const inactive = memory?.stats?.total_inactive_file ?? memory?.stats?.inactive_file ?? 0;
    return {
      memory_bytes: Math.max(0, (memory?.usage ?? 0) - inactive),
      memory_limit_bytes: memory?.limit ?? 0,
      cpu_percent: system > 0 ? (Math.max(0, cpu) / system) * (now?.online_cpus ?? 1) * 100 : 0,
      pids: stats.pids_stats?.current ?? 0,
    };
  }

  /** The containers of this Nox, running or not. */
  async list(): Promise<Listed[]> {
    const docker = await this.docker();
    const filters = { label: [`${LABELS.registry}=${this.registry_id}`] };
    const found = await this.asked(() => docker.listContainers({ all: true, filters }));
    return found.map(({ Id: id, Labels: labels, State: state }) => ({
      id,
      service: labels[LABELS.service] ?? '',
      holder: labels[LABELS.holder],
      config_hash: labels[LABELS.config] ?? '',
      running: state === 'running',
    }));
  }

  /** An own network of that name, made if there is none. An internal one reaches nothing outside; see `network-guard.ts` for the host. */
  async network(name: string, internal: boolean): Promise<Network> {
    const found = await this.findNetwork(name);
    if (found !== undefined) return found;
    const docker = await this.docker();
    const labels = { [LABELS.registry]: this.registry_id };
    const wanted = { Name: name, Driver: 'bridge', Internal: internal, Labels: labels, CheckDuplicate: true };
    await this.asked(() => docker.createNetwork(wanted), 409);
    const made = await this.findNetwork(name);
    if (made === undefined) throw new NoxError('MCP_SERVICE_UNAVAILABLE', `The network ${name} could not be made.`);
    return made;
  }

  async findNetwork(name: string): Promise<Network | undefined> {
    const docker = await this.docker();
    const labels = [`${LABELS.registry}=${this.registry_id}`];
    const known = await this.asked(() => docker.listNetworks({ filters: { name: [name], label: labels } }));
    const found = known.find((network) => network.Name === name);
    if (found === undefined) return undefined;
    return { id: found.Id, bridge: `br-${found.Id.slice(0, 12)}`, gateway: found.IPAM?.Config?.[0]?.Gateway ?? '' };
  }

  /** Gone already, or still in use: left as it is. */
  async removeNetwork(id: string): Promise<void> {
    const docker = await this.docker();
    await this.asked(() => docker.getNetwork(id).remove(), 403, 404, 409);
  }

  /** Gone already, or used by something else: left as it is. */
  async removeImage(reference: string): Promise<void> {
    const docker = await this.docker();
    await this.asked(() => docker.getImage(reference).remove(), 404, 409);
  }

  /** Where a container of one network can be reached from here. */
  async addressOf(id: string, network: string): Promise<string> {
    const { NetworkSettings } = await this.inspect(id);
    const address = NetworkSettings.Networks[network]?.IPAddress ?? '';
    if (address === '') throw new NoxError('MCP_SERVICE_UNAVAILABLE', 'The container has no address in its network.');
    return address;
  }

  private docker(): Promise<Dockerode> {
    this.client ??= import('dockerode').then(({ default: Docker }) => {
      // A connection that is kept open would hide that the engine is away from where it should be.
      // (The types leave out `agent`, which goes to node:http.)
      const options = { ...engineAddress(this.docker_host), timeout: 0, agent: new Agent({ keepAlive: false }) };
      return new Docker(options);
    });
    return this.client;
  }

  /** Status codes in `fine` are no failure: what was asked for is so already. */
  private async asked<T>(ask: () => Promise<T>, ...fine: number[]): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (fine.includes(statusOf(error) ?? 0)) return undefined as T;
      throw engineError(error);
    }
  }
}
