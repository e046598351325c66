import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { newId } from '../ids.js';
import { messageOf, NoxError } from '../nox-error.js';
import { canonicalUrl } from './canonical-url.js';
import { parseJsonBody } from './json-body.js';
import { allowLargeBodies } from './large-bodies.js';
import { HTTP_LIMITS } from './limits.js';
import type { OriginGuard } from './origin-guard.js';
import { errorBody, toNoxError } from './problem.js';
import { methodsAt, type RouterEntry, watchRoutes } from './router-list.js';
import { contentSecurityPolicy, SECURITY_HEADERS } from './security-headers.js';
import { endStreams } from './sse.js';

/**
 * The HTTP server of Nox. Before Nest or anything else sees a request: its address is canonical, its Host and Origin
 * are judged, its id and the security headers are set. Bodies are JSON of bounded size and shape, nothing else.
 */
export class NoxHttpAdapter extends FastifyAdapter {
  /** Every route that has been registered, in that order. */
  readonly routes: readonly RouterEntry[];

  constructor(guard: OriginGuard) {
    super({
      rewriteUrl: (request: IncomingMessage) => canonicalUrl(request.url ?? '/'),
      genReqId: () => newId('req'),
      bodyLimit: HTTP_LIMITS.body_bytes,
      requestTimeout: HTTP_LIMITS.request_ms,
      keepAliveTimeout: HTTP_LIMITS.keep_alive_ms,
      http: { headersTimeout: HTTP_LIMITS.headers_ms, connectionsCheckingInterval: HTTP_LIMITS.check_every_ms },
      // Answers under way are finished; connections that only wait are ended at once.
      forceCloseConnections: 'idle',
      exposeHeadRoutes: true,
      routerOptions: { maxParamLength: HTTP_LIMITS.max_url_param_chars },
      schemaController: { compilersFactory: NO_SCHEMAS },
      frameworkErrors: sendUnrouted,
      clientErrorHandler,
    });
    this.routes = watchRoutes(this);
    const fastify = this.getInstance();
    allowLargeBodies(fastify);
    fastify.server.maxConnections = HTTP_LIMITS.max_connections;
    fastify.server.on('listening', () => {
      const address = fastify.server.address();
      if (address !== null && typeof address === 'object') guard.listening(address satisfies AddressInfo);
    });
    fastify.removeAllContentTypeParsers();
    this.useBodyParser(
      'application/json',
      false,
      { bodyLimit: HTTP_LIMITS.body_bytes },
      async (_: unknown, body: Buffer) => Promise.resolve(parseJsonBody(body.toString('utf8'))),
    );
    fastify.addHook('onRequest', (request, reply, done) => {
      setHeaders(request, reply);
      guard.check(request.headers);
      refuseEncoded(request.headers['content-encoding']);
      // On the raw answer, so that streams and static files, which are written past Fastify, carry it too.
      reply.raw.setHeader('content-security-policy', contentSecurityPolicy(request.headers.host ?? ''));
      done();
    });
    fastify.addHook('preClose', (done) => {
      endStreams(fastify.server);
      done();
    });
  }

  /** An address that is there for other methods names them: OPTIONS is told, anything else is 405. */
  override setNotFoundHandler(handler: Parameters<FastifyAdapter['setNotFoundHandler']>[0]) {
    return this.getInstance().setNotFoundHandler((request, reply): unknown => {
      const methods = methodsAt(this.routes, request.url.split('?', 1)[0] ?? '/');
      if (methods.length === 0) return Reflect.apply(handler, undefined, [request, reply]);
      const allow = [...methods, 'OPTIONS'].join(', ');
      void reply.header('allow', allow);
      if (request.method === 'OPTIONS') return reply.status(204).send();
      const problem = new NoxError('METHOD_NOT_ALLOWED', `This address takes ${allow}, not ${request.method}.`);
      return reply.status(problem.status).send(errorBody(problem, new Date().toISOString(), request.id));
    });
  }

  /** Forms and other types that a foreign page could send without asking stay unparsed, so they are refused. */
  override registerParserMiddleware(): void {}
}

/** Routes are checked by zod. Fastify would load Ajv and a compiler of serializers, a tenth of the start, for none. */
const NO_SCHEMAS = {
  buildValidator: noSchemas,
  buildSerializer: noSchemas,
};

function noSchemas(): never {
  throw new Error('a route must not have a schema of Fastify: src/contracts/routes has it');
}

/** A packed body would count as broken JSON; its sender is told what is wrong instead. */
function refuseEncoded(encoding: string | undefined): void {
  if (encoding === undefined || encoding === 'identity') return;
  throw new NoxError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as it is, without Content-Encoding.');
}

function setHeaders(request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = reply;
  raw.setHeader('x-request-id', request.id);
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) raw.setHeader(name, value);
  raw.setHeader('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  if (isApi(request.url)) raw.setHeader('cache-control', 'no-store');
}

/** Whether a canonical URL belongs to the API and not to the dashboard. */
export const isApi = (url: string): boolean => /^\/(api|health)([/?]|$)/.test(url);

/** Answers what the router refused before any hook ran, such as a malformed escape in the address. */
function sendUnrouted(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  setHeaders(request, reply);
  const problem = toNoxError(error);
  void reply.status(problem.status).send(errorBody(problem, new Date().toISOString(), request.id));
}

/** Answers what is not HTTP, or came too slowly, on the bare socket. */
function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
  const problem = new NoxError('INVALID_REQUEST', `The request cannot be read: ${messageOf(error)}`);
  const body = JSON.stringify(errorBody(problem, new Date().toISOString(), newId('req')));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
