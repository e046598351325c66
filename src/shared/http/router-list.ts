import type { INestApplication } from '@nestjs/common';
import type { FastifyAdapter } from '@nestjs/platform-fastify';

/** One entry of the real router. */
export interface RouterEntry {
  readonly method: string;
  /** As registered: `/api/agents/:id`. */
  readonly path: string;
}

/** Collects the routes that are registered from now on. */
export function watchRoutes(adapter: FastifyAdapter): RouterEntry[] {
  const routes: RouterEntry[] = [];
  adapter.getInstance().addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, path: url });
  });
  return routes;
}

/**
 * What the router of an initialised application really serves below `/api`, and `/health` and the other rows of the
 * route table at the root; pages (dashboard, `/docs`) are left out. For the proof that the OpenAPI document is complete.
 */
export function listRoutes(app: INestApplication): RouterEntry[] {
  const adapter = app.getHttpAdapter() as unknown as { readonly routes: readonly RouterEntry[] };
  return adapter.routes.filter(({ path }) => !isPage(path));
}

const isPage = (path: string): boolean => path === '/*' || path === '/docs' || path.startsWith('/docs/');
