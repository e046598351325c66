import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Global, Module, Req, Res, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { AuthModule } from '../../../src/auth/auth.module.js';
import { AuthService } from '../../../src/auth/auth.service.js';
import { PasswordHasher } from '../../../src/auth/password.js';
import { SystemConfig } from '../../../src/contracts/config.js';
import type { RouteInput } from '../../../src/contracts/routes.js';
import { EventLog } from '../../../src/events/event-log.js';
import { configureRealtime, RealtimeModule } from '../../../src/realtime/realtime.module.js';
import { SnapshotSource } from '../../../src/realtime/snapshot-source.js';
import { Clock, SystemClock } from '../../../src/shared/clock.js';
import { StateDb } from '../../../src/shared/db/state-db.js';
import { configureHttp } from '../../../src/shared/http/configure-http.js';
import { NoxHttpAdapter } from '../../../src/shared/http/http-adapter.js';
import { OriginGuard } from '../../../src/shared/http/origin-guard.js';
import { Input, type NoxRequest, Route } from '../../../src/shared/http/route.js';
import { openSse, type SseStream } from '../../../src/shared/http/sse.js';
import { NoxError } from '../../../src/shared/nox-error.js';
import { serveDocs } from '../../../src/system/docs-page.js';
import { OpenApiModule } from '../../../src/system/openapi.controller.js';

export const PASSWORD = 'a good password';

export interface EdgeOptions {
  readonly clock?: Clock;
  readonly auth?: Partial<SystemConfig['auth']>;
  readonly dashboard_dir?: string;
  readonly controllers?: Type<unknown>[];
  /** Without it `admin` has the password above. */
  readonly first_start?: boolean;
}

/** Some routes of the product, with a handler that a test can look into. */
@Controller()
export class FakeAgentsController {
  static streams: SseStream[] = [];

  @Route('agents_list')
  list() {
    return { agents: [], pagination: { page: 1, limit: 100, total: 0 } };
  }

  @Route('agents_create')
  create(@Input('agents_create') { body }: RouteInput<'agents_create'>) {
    return body;
  }

  @Route('agents_get')
  get(@Input('agents_get') { params }: RouteInput<'agents_get'>) {
    if (params.id === 'broken') throw new Error('the secret is hunter2');
    throw new NoxError('AGENT_NOT_FOUND', undefined, { id: params.id });
  }

  @Route('agents_logs')
  logs(@Req() request: NoxRequest, @Res() reply: FastifyReply) {
    FakeAgentsController.streams.push(openSse(request, reply, { max_buffered_bytes: 64 * 1024 }));
  }
}

/** Everything at the edge of Nox on a real port of loopback, over a journal in memory. */
export async function bootEdge(options: EdgeOptions = {}) {
  const home = await mkdtemp(join(tmpdir(), 'nox-edge-'));
  const config = SystemConfig.parse({ server: { port: 0 }, auth: options.auth ?? {} });
  const db = new StateDb(':memory:');
  const clock = options.clock ?? new SystemClock();
  const events = new EventLog(db, clock);
  const snapshots: SnapshotSource = { agents: () => [], approvals: () => [] };

  @Global()
  @Module({
    providers: [
      { provide: StateDb, useValue: db },
      { provide: Clock, useValue: clock },
      { provide: EventLog, useValue: events },
      { provide: SnapshotSource, useValue: snapshots },
    ],
    exports: [StateDb, Clock, EventLog, SnapshotSource],
  })
  class TestCore {}

  @Module({
    imports: [
      TestCore,
      AuthModule.register({
        home,
        settings: () => config.auth,
        hasher: new PasswordHasher({ N: 16, r: 8, p: 1 }),
      }),
      RealtimeModule,
      OpenApiModule.register('0.0.0'),
    ],
    controllers: options.controllers ?? [FakeAgentsController],
  })
  class TestApp {}

  const guard = new OriginGuard(config.server);
  const app = await NestFactory.create<NestFastifyApplication>(TestApp, new NoxHttpAdapter(guard), {
    logger: false,
  });
  configureHttp(app, options.dashboard_dir === undefined ? {} : { dashboard_dir: options.dashboard_dir });
  configureRealtime(app, guard);
  serveDocs(app);
  await app.listen(0, '127.0.0.1');
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  const auth = app.get(AuthService);
  const first =
    options.first_start === true ? undefined : await auth.firstStart({ admin_password: PASSWORD, base_url: url });

  const send = async (method: string, path: string, init: RequestInit & { json?: unknown } = {}) => {
    const { json, ...rest } = init;
    const headers = new Headers(init.headers);
    if (json !== undefined) headers.set('content-type', 'application/json');
    const body = json === undefined ? init.body : JSON.stringify(json);
    return fetch(url + path, { ...rest, method, headers, ...(body === undefined ? {} : { body }) });
  };
  return {
    app,
    home,
    url,
    port: Number(new URL(url).port),
    db,
    clock,
    events,
    auth,
    first,
    snapshots,
    send,
    /** Logs in and answers with the tokens. */
    login: async (username = 'admin', password = PASSWORD): Promise<Tokens> => {
      const reply = await send('POST', '/api/v1/auth/login', { json: { username, password } });
      if (reply.status !== 200) throw new Error(`login was answered ${reply.status}: ${await reply.text()}`);
      return (await reply.json()) as Tokens;
    },
    close: async () => {
      await app.close();
      db.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
  readonly user: { readonly username: string; readonly role: string };
}

export type Edge = Awaited<ReturnType<typeof bootEdge>>;

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
