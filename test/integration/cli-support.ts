import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { ERRORS, type ErrorCode } from '../../src/contracts/errors.js';
import { type RouteDef, type RouteInput, type RouteName, type RouteReply, ROUTES } from '../../src/contracts/routes.js';
import type { Io } from '../../src/cli/io.js';
import { runCli } from '../../src/cli/run.js';

/** Thrown by a handler: what the server refuses with. */
export class Refusal extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string = ERRORS[code].message,
  ) {
    super(message);
  }
}

/** A stream of Server-Sent Events instead of one answer. */
export class SseText {
  constructor(readonly text: string) {}
}

type Handler<N extends RouteName> = (
  input: RouteInput<N>,
  request: IncomingMessage,
) => RouteReply<N> | SseText | Promise<RouteReply<N> | SseText>;
export type Handlers = { [N in RouteName]?: Handler<N> };

export interface Call {
  readonly route: RouteName;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly authorization: string | undefined;
}

/** A server made of the route table and a few handlers. What it is sent must fit the routes' schemas, as at the real one. */
export async function startServer(handlers: Handlers) {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    answer(handlers, calls, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url, calls, close };
}

async function answer(handlers: Handlers, calls: Call[], request: IncomingMessage, response: ServerResponse) {
  const url = new URL(request.url ?? '/', 'http://nox');
  const found = routeOf(request.method ?? '', url.pathname);
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  try {
    if (found === undefined) throw new Refusal('NOT_FOUND', `${request.method} ${url.pathname}`);
    const def: RouteDef = ROUTES[found.name];
    const input = {
      params: def.params?.parse(found.params),
      query: def.query?.parse(Object.fromEntries(url.searchParams)),
      body: def.body?.parse(text === '' ? undefined : JSON.parse(text)),
    };
    calls.push({ route: found.name, ...input, authorization: request.headers.authorization });
    const handler: Handler<RouteName> | undefined = Reflect.get(handlers, found.name);
    if (handler === undefined) throw new Refusal('INTERNAL_SERVER_ERROR', `no handler for ${found.name}`);
    const reply = await handler(input as RouteInput<RouteName>, request);
    if (reply instanceof SseText) {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).end(reply.text);
      return;
    }
    response.writeHead(def.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal('VALIDATION_ERROR', String(error));
    response.writeHead(ERRORS[refusal.code].status, { 'content-type': 'application/json' });
    const body = { error: { code: refusal.code, message: refusal.message } };
    response.end(JSON.stringify({ ...body, timestamp: '2026-01-01T00:00:00.000Z', request_id: 'req_1' }));
  }
}

function routeOf(method: string, pathname: string) {
  for (const [name, def] of Object.entries(ROUTES) as [RouteName, RouteDef][]) {
    const path = def.root === true ? def.path : `/api/v1${def.path}`;
    const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    const match = def.method === method ? pattern.exec(pathname) : null;
    if (match === null) continue;
    const params = Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]);
    return { name, params: Object.fromEntries(params) as Record<string, string> };
  }
  return undefined;
}

export interface Outcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** What comes from a pipe; without it stdin is an empty pipe. */
  readonly stdin?: string;
  /** What a person types at the terminal, each answer when it is asked for. */
  readonly typed?: readonly string[];
  readonly now_ms?: number;
  /** Told what goes to stdout, and how to press Ctrl-C. */
  readonly onStdout?: (text: string, interrupt: () => void) => void;
}

export const NOW = Date.parse('2026-11-21T12:00:00.000Z');

/** Runs one command line in this process, with outputs that are kept. */
export async function nox(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const out = { stdout: '', stderr: '' };
  const typed = [...(options.typed ?? [])];
  const is_tty = options.typed !== undefined;
  const key = { press: (): void => {} };
  const stdin = is_tty ? new PassThrough() : Readable.from(options.stdin === undefined ? [] : [options.stdin]);
  const io: Io = {
    env: options.env ?? {},
    cwd: options.cwd ?? '/work',
    stdin: Object.assign(stdin, { isTTY: is_tty }),
    stdout: {
      isTTY: false,
      write: (text: string) => {
        out.stdout += text;
        options.onStdout?.(text, () => key.press());
      },
    },
    stderr: {
      isTTY: is_tty,
      write: (text: string) => {
        out.stderr += text;
        // A person answers what is asked.
        if (stdin instanceof PassThrough && /(\] |: )$/.test(text)) {
          const line = typed.shift();
          if (line !== undefined) setImmediate(() => stdin.write(`${line}\n`));
        }
      },
    },
    now: () => options.now_ms ?? NOW,
    onInterrupt: (handler) => {
      key.press = handler;
      return () => (key.press = () => {});
    },
  };
  return { exit: await runCli(argv, io), ...out };
}
