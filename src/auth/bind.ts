import type { SystemConfig } from '../contracts/config.js';
import { NoxError } from '../shared/nox-error.js';

/** Whether only this machine can reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Throws unless the host is loopback or the operator has said that open traffic is meant. */
export function assertBindAllowed(host: string, server: Pick<SystemConfig['server'], 'insecure_bind'>): void {
  if (isLoopback(host) || server.insecure_bind) return;
  throw new NoxError(
    'INVALID_STATE',
    `Nox does not listen on ${host}: passwords and tokens would cross the network unencrypted. Listen on 127.0.0.1 ` +
      '(NOX_HOST or server.host), or, when a proxy with TLS stands in front, set server.insecure_bind = true in ' +
      'system-config.toml.',
    { host },
  );
}
