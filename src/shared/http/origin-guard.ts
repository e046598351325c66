import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { SystemConfig } from '../../contracts/config.js';
import { NoxError } from '../nox-error.js';
import { compileOriginPolicy, judgeOrigin, type OriginPolicy } from './origin-policy.js';

export type ServerConfig = Pick<SystemConfig['server'], 'host' | 'port' | 'allowed_hosts' | 'allowed_origins'>;

/** Guards every request, upgrade and poll by one policy, which follows the configuration and the bound port. */
export class OriginGuard {
  private policy: OriginPolicy;

  constructor(private config: ServerConfig) {
    this.policy = this.compile();
  }

  /** Takes a changed configuration; the bound host and port stay as they are until a restart. */
  update(config: ServerConfig): void {
    this.config = { ...config, host: this.config.host, port: this.config.port };
    this.policy = this.compile();
  }

  /** Takes the address that the server really listens on, once it does. */
  listening(address: AddressInfo): void {
    this.config = { ...this.config, port: address.port };
    this.policy = this.compile();
  }

  /** Throws FORBIDDEN_ORIGIN when the request is not addressed to this server, or comes from a foreign page. */
  check(headers: IncomingHttpHeaders): void {
    const verdict = judgeOrigin(this.policy, headers);
    if (verdict === 'allowed') return;
    throw new NoxError(
      'FORBIDDEN_ORIGIN',
      verdict === 'foreign_host'
        ? 'Nox does not answer to this Host. If it is a name of yours, add it to server.allowed_hosts in system-config.toml.'
        : 'Nox does not answer to this Origin. If the page is yours, add it to server.allowed_origins in system-config.toml.',
    );
  }

  private compile(): OriginPolicy {
    const { host, port, allowed_hosts, allowed_origins } = this.config;
    const bound_hosts = host === '0.0.0.0' || host === '::' ? ownAddresses() : [host];
    return compileOriginPolicy({ port, bound_hosts, allowed_hosts, allowed_origins });
  }
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
}
