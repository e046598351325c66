import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { handOver, lazyFileServer } from '../shared/http/pages.js';

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Nox API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#page', deepLinking: true });
`;

/** Files of swagger-ui-dist that the page loads; nothing else of the package is served. */
const FILES: ReadonlySet<string> = new Set(['swagger-ui.css', 'swagger-ui-bundle.js']);

/** Serves `/docs`: Swagger UI on `/openapi.json`, with scripts from files only, as the page's policy asks. */
export function serveDocs(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const files = lazyFileServer(() => dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json')));
  fastify.get('/docs', (_, reply) => reply.type('text/html; charset=utf-8').send(PAGE));
  fastify.get('/docs/start.js', (_, reply) => reply.type('text/javascript; charset=utf-8').send(START));
  fastify.get('/docs/:file', async (request: FastifyRequest<{ Params: { file: string } }>, reply: FastifyReply) => {
    const { file } = request.params;
    if (!FILES.has(file)) return reply.callNotFound();
    return handOver(await files(), request, reply, `/${file}`);
  });
}
