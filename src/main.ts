import 'reflect-metadata';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { PinoLogger } from 'nestjs-pino';
import { pino } from 'pino';
import { resolveReferences, WORKSPACES } from './agents/workspace.js';
import { createProcessHost } from './agents/process/native-process-host.js';
import { AppModule } from './app.module.js';
import { assertAdminPassword } from './auth/auth.service.js';
import { assertBindAllowed } from './auth/bind.js';
import { configureRealtime } from './realtime/realtime.module.js';
import { excludeFromOuterRepository } from './registry/outer-repository.js';
import { SETTLE } from './registry/hand/settled.js';
import { RegistryService } from './registry/registry.service.js';
import { StateDb } from './shared/db/state-db.js';
import { armFailpoints } from './shared/failpoint.js';
import { FrameworkLog } from './shared/framework-log.js';
import { configureHttp } from './shared/http/configure-http.js';
import { NoxHttpAdapter } from './shared/http/http-adapter.js';
import { OriginGuard } from './shared/http/origin-guard.js';
import { errnoOf, NoxError } from './shared/nox-error.js';
import { openFolders, packageRoot } from './shared/paths.js';
import { openClock } from './shared/stepped-clock.js';
import { refuseHalfRestored } from './system/backup/unfinished.js';
import { serveDocs } from './system/docs-page.js';
import { shutdown, shutdownOnSignals } from './shutdown.js';
import { startWork, wire } from './wiring.js';
import { welcome } from './welcome.js';

export interface ServeOptions {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly home?: string | undefined;
  readonly registry_path?: string | undefined;
  readonly repair_registry?: boolean | undefined;
}

/** A Nox that is built and wired, and not yet at work. */
export interface Nox {
  readonly app: NestFastifyApplication;
  readonly host: string;
  readonly port: number;
}

/** Opens the folders and builds the application. Rejects with what a person must mend. */
export async function createNox(options: ServeOptions, given_env: NodeJS.ProcessEnv): Promise<Nox> {
  const env = withoutEmpty(given_env);
  armFailpoints(env['NOX_FAILPOINTS']);
  const password = env['NOX_ADMIN_PASSWORD'];
  if (password !== undefined) assertAdminPassword(password);
  const clock = openClock(env['NOX_TEST_CLOCK']);
  const base = process.cwd();
  const folders = await openFolders({
    home: options.home || env['NOX_HOME'],
    registry: options.registry_path || env['NOX_REGISTRY_PATH'],
  });
  refuseHalfRestored(folders.home);
  // Its try-out of this machine goes on while the rest is opened; `startWork` waits for it.
  const processes = createProcessHost();
  processes.ready().catch(() => undefined);
  const template_path = join(packageRoot(), 'registry-template');
  const early = pino({ level: env['NOX_LOG_LEVEL'] ?? 'info' });
  const warn = (message: string, fields: object): void => early.warn(fields, message);
  const secret = async (reference: string): Promise<string> => {
    const sources = { env: given_env, secrets: join(folders.home, 'secrets') };
    return (await resolveReferences({ reference }, sources))['reference'] ?? '';
  };
  const registry = await RegistryService.open({
    path: folders.registry,
    template_path,
    clock,
    warn,
    settle: SETTLE,
    bundle: join(folders.home, 'registry.bundle'),
    repair: options.repair_registry === true,
    secret,
  });
  await excludeFromOuterRepository(folders.home);
  await excludeFromOuterRepository(join(base, WORKSPACES));
  const db = new StateDb(join(folders.home, 'state.db'));
  const { server, logging } = registry.config();
  const host = options.host || (env['NOX_HOST'] ?? server.host);
  const port = options.port ?? portOf(env['NOX_PORT']) ?? server.port;
  assertBindAllowed(host, server);

  const guard = new OriginGuard({ ...server, host, port });
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.on({
      clock,
      db,
      registry,
      guard,
      processes,
      secret,
      public_url: () => registry.config().server.public_url.replace(/\/$/, '') || `http://${host}:${port}`,
      log_level: env['NOX_LOG_LEVEL'] ?? logging.level,
      surroundings: { base, home: await realpath(folders.home), registry: await realpath(folders.registry), env },
    }),
    new NoxHttpAdapter(guard),
    { bufferLogs: true, abortOnError: false },
  );
  app.useLogger(new FrameworkLog(PinoLogger.root));
  configureHttp(app, { dashboard_dir: join(packageRoot(), 'dist', 'dashboard') });
  serveDocs(app);
  configureRealtime(app, guard);
  wire(app);
  return { app, host, port };
}

/** Serves until a signal ends it. */
export async function serve(options: ServeOptions = {}): Promise<void> {
  const { app, host, port } = await createNox(options, process.env);
  shutdownOnSignals(app);
  try {
    await startWork(app);
    await app.listen(port, host);
  } catch (error) {
    // Agents may run already: without a server nobody could end them.
    await shutdown(app, 'the start failed');
    throw listenError(error, host, port);
  }
  await welcome(app);
}

/** A variable that is set to nothing, as compose files do it, counts as not set. */
const withoutEmpty = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name, value]) => !(name.startsWith('NOX_') && value === '')));

function listenError(error: unknown, host: string, port: number): unknown {
  const code = errnoOf(error);
  if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') return error;
  const why = {
    EADDRINUSE: 'is taken',
    EACCES: 'is not allowed to this user',
    EADDRNOTAVAIL: 'is not of this machine',
  }[code];
  return new NoxError(
    'INVALID_STATE',
    `${host}:${port} ${why}. Choose another with NOX_PORT and NOX_HOST, or "nox serve --port".`,
  );
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new NoxError('VALIDATION_ERROR', `NOX_PORT is "${text}"; it must be a port, 0 to 65535.`, [
    { field: 'NOX_PORT', message: 'must be a port' },
  ]);
}
