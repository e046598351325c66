/** Which Hosts and Origins a server answers to, as written in its configuration and found at its start. */
export interface OriginSettings {
  readonly port: number;
  /** Names and addresses the server is bound to, beside loopback. */
  readonly bound_hosts: readonly string[];
  /** `name` (at the own port, or at a proxy's default port) or `name:port`. */
  readonly allowed_hosts: readonly string[];
  /** Whole origins, such as `https://tools.example.org`. */
  readonly allowed_origins: readonly string[];
}

/** The same, ready to be looked up: lower-case authorities and origins. */
export interface OriginPolicy {
  readonly hosts: ReadonlySet<string>;
  readonly origins: ReadonlySet<string>;
}

export type OriginVerdict = 'allowed' | 'foreign_host' | 'foreign_origin';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Names every Host and Origin that is the server itself or was allowed by its operator. All else is foreign: that is
 * what stops DNS rebinding (a foreign name that resolves to loopback) and cross-site requests and sockets.
 */
export function compileOriginPolicy(settings: OriginSettings): OriginPolicy {
  const hosts = new Set<string>();
  const origins = new Set<string>();
  for (const name of [...LOOPBACK, ...settings.bound_hosts.map(bracketed)]) {
    for (const authority of ownAuthorities(name, settings.port)) {
      hosts.add(authority);
      origins.add(`http://${authority}`);
    }
  }
  for (const entry of settings.allowed_hosts) {
    for (const authority of allowedAuthorities(entry, settings.port)) {
      hosts.add(authority);
      // A name of its own usually stands for a proxy with TLS in front of Nox.
      origins.add(`http://${authority}`).add(`https://${authority}`);
    }
  }
  for (const origin of settings.allowed_origins) origins.add(new URL(origin).origin);
  return { hosts, origins };
}

/**
 * Judges one request by its headers. A missing Origin is fine here: command lines send none, and browsers leave it out
 * only where nothing can be changed or read across sites. `Origin: null` is foreign.
 */
export function judgeOrigin(
  policy: OriginPolicy,
  headers: { readonly host?: string | undefined; readonly origin?: string | undefined },
): OriginVerdict {
  if (headers.host === undefined || !policy.hosts.has(headers.host.toLowerCase())) return 'foreign_host';
  if (headers.origin !== undefined && !policy.origins.has(headers.origin.toLowerCase())) return 'foreign_origin';
  return 'allowed';
}

function ownAuthorities(name: string, port: number): string[] {
  const authority = name.toLowerCase();
  return port === 80 ? [authority, `${authority}:80`] : [`${authority}:${port}`];
}

function allowedAuthorities(entry: string, port: number): string[] {
  const authority = entry.toLowerCase();
  return /:\d+$/.test(authority) ? [authority] : [authority, `${authority}:${port}`];
}

/** An IPv6 address stands in brackets in a Host header. */
const bracketed = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);
