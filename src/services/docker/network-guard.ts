import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ServiceConfig } from '../../contracts/service.js';
import { messageOf, NoxError } from '../../shared/nox-error.js';
import type { DockerEngine } from './engine.js';

const run = promisify(execFile);

export interface ServiceNetworkPlace {
  /** Name of the network; undefined: none at all. */
  readonly network: string | undefined;
  /** What the container must be told of it. */
  readonly env: Readonly<Record<string, string>>;
}

/** Lets named hosts through, and nothing else; see `egress-proxy.ts`. */
export interface EgressProxy {
  /** The address that the container is to use. */
  open(gateway: string, hosts: readonly string[]): Promise<{ port: number }>;
  close(gateway: string): void;
}

/**
 * Networks for services: each service has its own, internal to the engine. An internal network of Docker still reaches
 * every port of the host (seen on 20.10), so a packet-filter rule drops what comes from its bridge, except the proxy's port.
 * Where no such rule can be set, the network is refused: better none than one that reaches the host.
 */
export class NetworkGuard {
  constructor(
    private readonly engine: DockerEngine,
    private readonly registry_id: string,
    private readonly proxy: EgressProxy,
  ) {}

  async place(name: string, config: ServiceConfig): Promise<ServiceNetworkPlace> {
    if (config.network === 'none') return { network: undefined, env: {} };
    const network = this.networkOf(name);
    const { bridge, gateway } = await this.engine.network(network, true);
    const port = config.network === 'egress' ? (await this.proxy.open(gateway, config.egress_hosts)).port : undefined;
    await this.dropToHost(bridge, gateway, port);
    if (port === undefined) return { network, env: {} };
    const url = `http://${gateway}:${port}`;
    return { network, env: { HTTP_PROXY: url, HTTPS_PROXY: url, http_proxy: url, https_proxy: url } };
  }

  private async dropToHost(bridge: string, gateway: string, proxy_port: number | undefined): Promise<void> {
    const drop = ['-i', bridge, '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'DROP'];
    const pass = ['-i', bridge, '-p', 'tcp', '-d', gateway, '--dport', String(proxy_port), '-j', 'ACCEPT'];
    try {
      await ensureRule(drop);
      if (proxy_port !== undefined) await ensureRule(pass);
    } catch (error) {
      throw new NoxError(
        'MCP_SERVICE_UNAVAILABLE',
        `Its network could reach this machine, and the rule against that cannot be set (${messageOf(error)}). Run Nox as root with iptables, or use network = "none".`,
      );
    }
  }

  private readonly networkOf = (name: string): string => `nox-${this.registry_id}-${name}`;

  /** Takes a network away with its rules. */
  async forget(name: string): Promise<void> {
    const known = await this.engine.findNetwork(this.networkOf(name));
    if (known === undefined) return;
    this.proxy.close(known.gateway);
    const { stdout } = await run('iptables', ['-w', '5', '-S', 'INPUT']);
    for (const line of stdout.split('\n')) {
      const words = line.split(' ');
      if (words[0] === '-A' && words[words.indexOf('-i') + 1] === known.bridge)
        await run('iptables', ['-w', '5', '-D', ...words.slice(1).map((word) => word.replaceAll('"', ''))]);
    }
    await this.engine.removeNetwork(known.id);
  }
}

/** Puts a rule first in INPUT, unless it is there. */
async function ensureRule(rule: readonly string[]): Promise<void> {
  const there = await run('iptables', ['-w', '5', '-C', 'INPUT', ...rule]).then(
    () => true,
    () => false,
  );
  if (!there) await run('iptables', ['-w', '5', '-I', 'INPUT', ...rule]);
}
