import {
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Actor as ActorType } from '../../contracts/auth.js';
import { type RouteDef, type RouteInput, type RouteName, ROUTES } from '../../contracts/routes.js';
import { fieldProblems, NoxError, validationError } from '../nox-error.js';
import { nameless } from './nameless.js';

/** Key of the metadata by which guards and tests find a handler's row of the route table. */
export const ROUTE_METADATA = 'nox:route';

const METHODS = {
  GET: RequestMethod.GET,
  POST: RequestMethod.POST,
  PUT: RequestMethod.PUT,
  PATCH: RequestMethod.PATCH,
  DELETE: RequestMethod.DELETE,
};

/**
 * Makes a controller's method serve one row of the route table: its address, status and the role that may call it.
 * Controllers are declared with `@Controller()`; a handler without `@Route` is refused by the guard.
 */
export function Route(name: RouteName): MethodDecorator {
  const def: RouteDef = ROUTES[name];
  return applyDecorators(
    SetMetadata(ROUTE_METADATA, name),
    RequestMapping({ path: def.root === true ? def.path : `/api${def.path}`, method: METHODS[def.method] }),
    HttpCode(def.status ?? 200),
  );
}

/** The login that a request came with. */
export interface LoginHandle {
  readonly username: string;
  /** What a logout ends: this login, on every device that shares it. */
  readonly family: string;
  /** Of the access token. */
  readonly expires_at_ms: number;
  /** Runs `fn` once when the token expires or the login is revoked; the returned function stops waiting. */
  onEnd(fn: (reason: 'expired' | 'revoked') => void): () => void;
}

/** The request with what the guard has found out. */
export type NoxRequest = FastifyRequest & { actor?: ActorType; login?: LoginHandle };

/** `@Input('agents_create') input: RouteInput<'agents_create'>`: params, query and body, parsed by the route's schemas. */
export const Input = createParamDecorator((name: RouteName, context: ExecutionContext) => {
  const request = context.switchToHttp().getRequest<NoxRequest>();
  return parseInput(name, request);
});

/** The logged-in caller. Only for routes that are not public. */
export const Actor = createParamDecorator((_: unknown, context: ExecutionContext): ActorType => {
  const { actor } = context.switchToHttp().getRequest<NoxRequest>();
  if (actor === undefined) throw new NoxError('UNAUTHORIZED');
  return actor;
});

export function parseInput<N extends RouteName>(
  name: N,
  request: { params: unknown; query: unknown; body: unknown },
): RouteInput<N> {
  const def: RouteDef = ROUTES[name];
  return {
    params: parseParams(def, request.params),
    query: parsePart('query', def.query, request.query),
    body: parsePart('body', def.body, request.body),
  } as RouteInput<N>;
}

function parseParams(def: RouteDef, params: unknown): unknown {
  const result = def.params?.safeParse(params);
  if (result === undefined || result.success) return result?.data;
  throw nameless(def.path, params, fieldProblems('params', result.error)) ?? validationError('address', result.error);
}

function parsePart(part: string, schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (!result.success) throw validationError(part, result.error);
  return result.data;
}
