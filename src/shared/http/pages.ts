import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isApi } from './http-adapter.js';

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Nox</title>
<h1>Nox is running</h1>
<p>The dashboard has not been built. Run <code>npm run build</code> and reload this page.</p>
<p>The API works: see <a href="/docs">/docs</a> and <a href="/health">/health</a>.</p>
</html>
`;

/**
 * Serves the built dashboard at the root: files as they are (those with a hash in their name for ever), and
 * `index.html` for any other address that a browser opens, as the dashboard routes by itself. API addresses are never
 * answered with a page.
 */
export function servePages(app: NestFastifyApplication, directory: string): void {
  const files = lazyFileServer(() => directory);
  const serve = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const path = request.url.split('?', 1)[0] ?? '/';
    if (isApi(path)) return reply.callNotFound();
    if (path !== '/' && /\.[a-z0-9]+$/i.test(path)) return handOver(await files(), request, reply, request.url);
    if (!(request.headers.accept ?? '').includes('text/html') && path !== '/') return reply.callNotFound();
    if (!existsSync(join(directory, 'index.html'))) return reply.type('text/html; charset=utf-8').send(NOT_BUILT);
    return handOver(await files(), request, reply, '/index.html');
  };
  app
    .getHttpAdapter()
    .getInstance()
    .route({ method: ['GET', 'HEAD'], url: '/*', handler: serve });
}

/**
 * A file server of its own, made when the first file is asked for: loading it would delay the first answer of Nox by
 * some 20 ms.
 */
export function lazyFileServer(directory: () => string): () => Promise<FastifyInstance> {
  let server: Promise<FastifyInstance> | undefined;
  return () => {
    server ??= makeFileServer(directory());
    return server;
  };
}

/** Lets the file server answer a request, under another address if need be. The headers set so far stay. */
export function handOver(files: FastifyInstance, request: FastifyRequest, reply: FastifyReply, url: string): void {
  reply.hijack();
  request.raw.url = url;
  files.routing(request.raw, reply.raw);
}

async function makeFileServer(root: string): Promise<FastifyInstance> {
  // Default imports: the named ones of these packages are lost when they are bundled and loaded late.
  const [{ default: fastify }, { default: fastifyStatic }] = await Promise.all([
    import('fastify'),
    import('@fastify/static'),
  ]);
  const server = fastify({ genReqId: () => '' });
  server.setNotFoundHandler((_, reply) => reply.status(404).type('text/plain').send('There is no such file.\n'));
  await server.register(fastifyStatic, {
    root,
    cacheControl: false,
    dotfiles: 'ignore',
    setHeaders: (reply, path) => {
      const hashed = path.startsWith(join(root, 'assets'));
      reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  await server.ready();
  return server;
}
