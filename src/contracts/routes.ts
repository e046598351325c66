import type * as z from 'zod';
import { AGENT_ROUTES } from './routes/agent.js';
import { APPROVAL_ROUTES } from './routes/approval.js';
import { AUTH_ROUTES } from './routes/auth.js';
import { MESSAGE_ROUTES } from './routes/message.js';
import { REGISTRY_ROUTES } from './routes/registry.js';
import { SERVICE_ROUTES } from './routes/service.js';
import { SYSTEM_ROUTES } from './routes/system.js';
import { TASK_ROUTES } from './routes/task.js';
import { TOOLBOX_ROUTES } from './routes/toolbox.js';
import type { RouteDef } from './routes/route.js';

export type { RouteDef } from './routes/route.js';

/** Every route of the API, once: controllers, guards, the OpenAPI document and the typed client are made from it. */
export const ROUTES = {
  ...SYSTEM_ROUTES,
  ...AUTH_ROUTES,
  ...AGENT_ROUTES,
  ...APPROVAL_ROUTES,
  ...MESSAGE_ROUTES,
  ...TASK_ROUTES,
  ...REGISTRY_ROUTES,
  ...SERVICE_ROUTES,
  ...TOOLBOX_ROUTES,
} as const satisfies Record<string, RouteDef>;

export type RouteName = keyof typeof ROUTES;

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;
type Given<S> = S extends z.ZodType ? z.input<S> : undefined;
type Field<N extends RouteName, K extends keyof RouteDef> =
  (typeof ROUTES)[N] extends Record<K, infer S> ? S : undefined;

/** What a controller receives: all three parts parsed. */
export interface RouteInput<N extends RouteName> {
  readonly params: Parsed<Field<N, 'params'>>;
  readonly query: Parsed<Field<N, 'query'>>;
  readonly body: Parsed<Field<N, 'body'>>;
}

/** What a caller gives; parts that have defaults may be left out. */
export interface RouteCall<N extends RouteName> {
  readonly params?: Given<Field<N, 'params'>>;
  readonly query?: Given<Field<N, 'query'>>;
  readonly body?: Given<Field<N, 'body'>>;
}

export type RouteReply<N extends RouteName> = z.output<(typeof ROUTES)[N]['response']>;
