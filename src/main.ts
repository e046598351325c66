import 'reflect-metadata';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { PinoLogger } from 'nestjs-pino';
import { AppModule } from './app.module.js';
import { assertBindAllowed } from './auth/bind.js';
import { configureRealtime } from './realtime/realtime.module.js';
import { RegistryService } from './registry/registry.service.js';
import { SystemClock } from './shared/clock.js';
import { StateDb } from './shared/db/state-db.js';
import { FrameworkLog } from './shared/framework-log.js';
import { configureHttp } from './shared/http/configure-http.js';
import { NoxHttpAdapter } from './shared/http/http-adapter.js';
import { OriginGuard } from './shared/http/origin-guard.js';
import { openFolders, packageRoot } from './shared/paths.js';
import { shutdownOnSignals } from './shutdown.js';
import { startWork, wire } from './wiring.js';
import { welcome } from './welcome.js';

export interface ServeOptions {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly home?: string | undefined;
  readonly registry_path?: string | undefined;
}

/** Opens the folders, boots the application and serves until a signal ends it. Rejects with what a person must mend. */
export async function serve(options: ServeOptions = {}): Promise<void> {
  const { env } = process;
  const clock = new SystemClock();
  const folders = openFolders({
    home: options.home ?? env['NOX_HOME'],
    registry: options.registry_path ?? env['NOX_REGISTRY_PATH'],
  });
  const registry = await RegistryService.open({
    path: folders.registry,
    template_path: join(packageRoot(), 'registry-template'),
    clock,
  });
  const db = new StateDb(join(folders.home, 'state.db'));
  const { server, logging } = registry.config();
  const host = options.host ?? env['NOX_HOST'] ?? server.host;
  const port = options.port ?? (env['NOX_PORT'] === undefined ? server.port : Number(env['NOX_PORT']));
  assertBindAllowed(host, server);

  const guard = new OriginGuard({ ...server, host, port });
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.on({
      clock,
      db,
      registry,
      guard,
      log_level: env['NOX_LOG_LEVEL'] ?? logging.level,
      surroundings: { base: process.cwd(), ...folders, env },
    }),
    new NoxHttpAdapter(guard),
    { bufferLogs: true, abortOnError: false },
  );
  app.useLogger(new FrameworkLog(PinoLogger.root));
  configureHttp(app, { dashboard_dir: join(packageRoot(), 'dist', 'dashboard') });
  configureRealtime(app, guard);
  wire(app);
  shutdownOnSignals(app);
  await startWork(app);
  await app.listen(port, host);
  await welcome(app);
}
