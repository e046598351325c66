import type { FastifyInstance } from 'fastify';
import { type RouteDef, ROUTES } from '../../contracts/routes.js';
import { NoxError } from '../nox-error.js';
import { HTTP_LIMITS } from './limits.js';

const LARGE = new Set(
  Object.values(ROUTES)
    .filter((def: RouteDef) => def.large_body === true)
    .map(({ method, path }) => `${method} /api${path}`),
);

/** Lets routes that say so take larger bodies than others, a few at once: they are read before it is known who sends them. */
export function allowLargeBodies(fastify: FastifyInstance): void {
  let under_way = 0;
  fastify.addHook('onRoute', (route) => {
    if (![route.method].flat().some((method) => LARGE.has(`${method} ${route.url}`))) return;
    route.bodyLimit = HTTP_LIMITS.large_body_bytes;
    route.onRequest = (request, reply, done) => {
      const bytes = Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY);
      if (bytes <= HTTP_LIMITS.body_bytes) return done();
      if (under_way >= HTTP_LIMITS.max_large_bodies)
        throw new NoxError('RATE_LIMITED', 'Other large requests are being read; try again in a moment.');
      under_way += 1;
      reply.raw.once('close', () => {
        under_way -= 1;
      });
      done();
    };
  });
}
