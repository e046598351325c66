import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OriginGuard } from '../shared/http/origin-guard.js';
import { EventsController } from './events.controller.js';
import { LiveGateway } from './live.gateway.js';
import { RealtimeAdapter } from './realtime.adapter.js';

/** Live events. Needs EventLog, Clock, SnapshotSource and the auth module's Logins from global modules. */
@Module({ controllers: [EventsController], providers: [LiveGateway] })
export class RealtimeModule {}

/** Puts the sockets behind the origin guard; to be called before `app.init()`, which throws without it. */
export function configureRealtime(app: NestFastifyApplication, guard: OriginGuard): void {
  app.useWebSocketAdapter(new RealtimeAdapter(app, guard));
}
