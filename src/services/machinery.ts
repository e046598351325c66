import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { controlsOf } from '../agents/process/controls.js';
import type { ConfineMode, ProcessHost } from '../agents/process/process-host.js';
import type { Surroundings } from '../agents/surroundings.js';
import { resolveReferences } from '../agents/workspace.js';
import type { ServiceConfig } from '../contracts/service.js';
import { DockerEngine } from './docker/engine.js';
import { ConnectProxy } from './docker/egress-proxy.js';
import { NetworkGuard } from './docker/network-guard.js';
import { CommandOpener } from './open/command-opener.js';
import { ContainerOpener } from './open/container-opener.js';
import type { Opener } from './open/opener.js';
import { RemoteOpener } from './open/remote-opener.js';

interface Parts {
  readonly around: Surroundings;
  readonly host: ProcessHost;
  /** How agents are confined; programs that serve them are confined as they are. */
  readonly confine: () => ConfineMode;
  readonly warn: (message: string, fields: object) => void;
}

/** What services run on: the engine, the guard of their networks, and a way to open each kind of server. */
export interface Machinery {
  readonly engine: DockerEngine;
  readonly guard: NetworkGuard;
  openerOf(config: ServiceConfig): Opener;
}

/** Starts nothing: each part is used first when a service needs it. */
export function createMachinery({ around, host, confine, warn }: Parts): Machinery {
  const { base, home, registry, env: nox_env } = around;
  const registry_id = createHash('sha256').update(registry).digest('hex').slice(0, 8);
  const secrets = (env: ServiceConfig['env']) =>
    resolveReferences(env, { env: nox_env, secrets: join(home, 'secrets') });
  const engine = new DockerEngine(nox_env['DOCKER_HOST'], registry_id);
  const proxy = new ConnectProxy((authority) =>
    warn('a service asked for a host that it may not reach', { authority }),
  );
  const guard = new NetworkGuard(engine, registry_id, proxy);
  const container = new ContainerOpener(engine, guard, registry_id, secrets);
  const place = {
    cwd: base,
    env: nox_env,
    confine: (env: Readonly<Record<string, string>>) =>
      controlsOf({ mode: confine(), home, registry, nox_env, env, cwd: base }),
  };
  const command = new CommandOpener(host, place, secrets);
  const remote = new RemoteOpener(secrets);
  return {
    engine,
    guard,
    openerOf: ({ image, command: program }) =>
      image !== undefined ? container : program !== undefined ? command : remote,
  };
}
