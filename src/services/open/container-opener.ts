import { createHash } from 'node:crypto';
import type { ServiceConfig } from '../../contracts/service.js';
import { NoxError } from '../../shared/nox-error.js';
import type { DockerEngine } from '../docker/engine.js';
import type { Attached } from '../docker/engine-facts.js';
import { containerSpec, looseness } from '../docker/container-spec.js';
import type { NetworkGuard, ServiceNetworkPlace } from '../docker/network-guard.js';
import { StreamTransport } from '../mcp/stream-transport.js';
import { httpTransport, reachable } from '../mcp/http-transport.js';
import type { Opened, Opener, OpenRequest } from './opener.js';

const STOP_GRACE_S = 2;

type Secrets = (env: ServiceConfig['env']) => Promise<Record<string, string>>;

/** What a container is made from; when it changes, the container is made anew. Secrets count by reference and by value. */
function configHash(config: ServiceConfig, env: Readonly<Record<string, string>>): string {
  const { image, args, transport, port, path, network, egress_hosts, limits, env: references } = config;
  const { memory_mb, cpus, pids } = limits;
  const made_from = [image, args, transport, port, path, network, egress_hosts, memory_mb, cpus, pids, references, env];
  return createHash('sha256').update(JSON.stringify(made_from)).digest('hex').slice(0, 16);
}

/** Services in containers. One that runs already, made by an earlier Nox from the same configuration, is taken over. */
export class ContainerOpener implements Opener {
  constructor(
    private readonly engine: DockerEngine,
    private readonly guard: NetworkGuard,
    private readonly registry_id: string,
    private readonly secrets: Secrets,
  ) {}

  async open(request: OpenRequest): Promise<Opened> {
    const { name, config, holder } = request;
    const image = config.image ?? '';
    if ((await this.engine.image(image)) === null) await this.engine.pull(image, (p) => request.onPull(p));
    const place = await this.guard.place(name, config);
    const env = { ...(await this.secrets(config.env)), ...place.env };
    const spec = containerSpec({
      name,
      config,
      registry_id: this.registry_id,
      config_hash: configHash(config, env),
      holder,
      network: place.network,
      env,
    });
    const id = (await this.takeOver(request, spec)) ?? (await this.engine.create(spec));
    try {
      return await this.connect(id, request, place);
    } catch (error) {
      await this.engine.remove(id).catch(() => undefined);
      throw error;
    }
  }

  /** The id of one that runs and is confined as it should be; another of that name is taken away. */
  private async takeOver(
    { name, holder }: OpenRequest,
    spec: ReturnType<typeof containerSpec>,
  ): Promise<string | undefined> {
    let found: string | undefined;
    for (const known of await this.engine.list()) {
      if (known.service !== name || known.holder !== holder) continue;
      const same = known.running && known.config_hash === spec.Labels?.['nox.config'];
      const loose = same ? looseness(await this.engine.inspect(known.id), spec) : ['it is another one'];
      if (loose.length === 0 && found === undefined) found = known.id;
      else await this.engine.remove(known.id);
    }
    return found;
  }

  private async connect(id: string, request: OpenRequest, place: ServiceNetworkPlace): Promise<Opened> {
    const { config } = request;
    // Attached before it starts: what a server says first would be lost otherwise.
    const attached = config.transport === 'stdio' ? await this.engine.attach(id) : undefined;
    if (attached !== undefined) lines(attached, request.onLine);
    await this.engine.start(id);
    const ended = this.engine.wait(id).then(
      (code) => (code === null ? 'its container is gone' : `its container ended with code ${code}`),
      (error: unknown) => `its container is lost: ${error instanceof Error ? error.message : String(error)}`,
    );
    const transport =
      attached === undefined ? await this.reach(id, config, place, ended) : new StreamTransport(attached);
    return {
      transport,
      container_id: id,
      ended,
      end: async () => {
        await this.engine.remove(id, STOP_GRACE_S);
      },
      leave: () => attached?.close(),
    };
  }

  private async reach(id: string, config: ServiceConfig, place: ServiceNetworkPlace, ended: Promise<string>) {
    if (place.network === undefined)
      throw new NoxError('MCP_SERVICE_UNAVAILABLE', 'A service with transport = "http" needs a network.');
    const address = await this.engine.addressOf(id, place.network);
    const url = new URL(`http://${address}:${config.port}${config.path}`);
    await reachable(url, ended);
    return httpTransport(url, {});
  }
}

function lines({ stderr }: Attached, onLine: (line: string) => void): void {
  let rest = '';
  stderr.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('utf8')).split('\n');
    rest = (parts.pop() ?? '').slice(0, 65_536);
    for (const part of parts) onLine(part.slice(0, 65_536));
  });
}
