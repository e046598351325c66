import type { INestApplication } from '@nestjs/common';
import type { FastifyAdapter } from '@nestjs/platform-fastify';

/** One entry of the real router. */
export interface RouterEntry {
  readonly method: string;
  /** As registered: `/api/agents/:id`. */
  readonly path: string;
}

/** Collects the routes that are registered from now on; HEAD, which goes with each GET, is not told apart. */
export function watchRoutes(adapter: FastifyAdapter): RouterEntry[] {
  const routes: RouterEntry[] = [];
  adapter.getInstance().addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) if (one !== 'HEAD') routes.push({ method: one, path: url });
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

/** The methods, with HEAD, that the API takes at a canonical path; none where nothing is but pages. */
export function methodsAt(routes: readonly RouterEntry[], path: string): string[] {
  const asked = path.split('/');
  const fits = (pattern: string): boolean => {
    const parts = pattern.split('/');
    return parts.length === asked.length && parts.every((part, i) => part.startsWith(':') || part === asked[i]);
  };
  const found = new Set(routes.filter((entry) => !isPage(entry.path) && fits(entry.path)).map(({ method }) => method));
  if (found.has('GET')) found.add('HEAD');
  return [...found].sort();
}

const isPage = (path: string): boolean => path === '/*' || path === '/docs' || path.startsWith('/docs/');
