import { lookup } from 'node:dns/promises';
import { createServer, type Server } from 'node:http';
import { BlockList, connect, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { EgressProxy } from './network-guard.js';

const CONNECT_MS = 10_000;
/** Of one service at once. */
const MAX_CONNECTIONS = 256;

/** Addresses that belong to this machine or its networks: a name that points there is a trick. */
// One list for both families: an IPv4 rule also fits its IPv6 form, and ::ffff:0:0/96 would fit every IPv4 address.
const PRIVATE = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  PRIVATE.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [
  ['::', 127],
  // An IPv4 address in IPv6 clothes, as a translator takes it.
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  PRIVATE.addSubnet(net, bits, 'ipv6');

export const isPrivate = (address: string): boolean => PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Is `host:port` among the hosts named (`api.example.org`, `*.example.org`, `host:8443`)? Ports other than 443 must be named. Pure. */
export function egressAllowed(authority: string, hosts: readonly string[]): boolean {
  const [host = '', port = '443'] = authority.toLowerCase().split(':');
  return hosts.some((rule) => {
    const [name = '', rule_port = '443'] = rule.toLowerCase().split(':');
    if (rule_port !== port) return false;
    return name.startsWith('*.') ? host.endsWith(name.slice(1)) && host.length > name.length - 1 : host === name;
  });
}

/** How a host's addresses are found; tests give their own. */
export type Resolve = (host: string) => Promise<readonly string[]>;

const byDns: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

interface Entry {
  readonly server: Server;
  hosts: readonly string[];
  port: number;
  /** Connections that have been let through: the server no longer knows them. */
  readonly tunnels: Set<Duplex>;
}

/** Forward proxies for CONNECT only, one for each network, each with its list of hosts. Told of what it refuses. */
export class ConnectProxy implements EgressProxy {
  private readonly open_ones = new Map<string, Entry>();

  constructor(
    private readonly onRefused: (authority: string) => void,
    private readonly resolve: Resolve = byDns,
    private readonly forbidden: (address: string) => boolean = isPrivate,
  ) {}

  async open(gateway: string, hosts: readonly string[]): Promise<{ port: number }> {
    const known = this.open_ones.get(gateway);
    if (known !== undefined) {
      known.hosts = hosts;
      return { port: known.port };
    }
    const server = createServer((_, response) => response.writeHead(405).end('Only CONNECT.\n'));
    server.maxConnections = MAX_CONNECTIONS;
    const entry: Entry = { server, hosts, port: 0, tunnels: new Set() };
    server.on('connect', ({ url = '' }, socket, head) => {
      socket.on('error', () => socket.destroy());
      entry.tunnels.add(socket);
      socket.once('close', () => entry.tunnels.delete(socket));
      const refuse = (status: string): void => {
        this.onRefused(url);
        socket.end(`HTTP/1.1 ${status}\r\n\r\n`);
      };
      if (!egressAllowed(url, entry.hosts)) return refuse('403 Forbidden');
      const [host = '', port = '443'] = url.split(':');
      this.resolve(host).then(
        (addresses) => {
          const [address] = addresses;
          // All of them: a name with one inner address among others is a trick as well.
          if (address === undefined || addresses.some(this.forbidden)) return refuse('403 Forbidden');
          const out = connect({ host: address, port: Number(port), timeout: CONNECT_MS });
          out.once('connect', () => {
            out.setTimeout(0);
            socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
            if (head.length > 0) out.write(head);
            out.pipe(socket).pipe(out);
          });
          out.once('timeout', () => out.destroy()).once('error', () => socket.destroy());
          socket.once('close', () => out.destroy());
        },
        () => refuse('502 Bad Gateway'),
      );
    });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, gateway, resolve));
    const address = server.address();
    entry.port = typeof address === 'object' && address !== null ? address.port : 0;
    server.unref();
    this.open_ones.set(gateway, entry);
    return { port: entry.port };
  }

  close(gateway: string): void {
    const known = this.open_ones.get(gateway);
    known?.server.close();
    known?.server.closeAllConnections();
    for (const tunnel of known?.tunnels ?? []) tunnel.destroy();
    this.open_ones.delete(gateway);
  }
}
