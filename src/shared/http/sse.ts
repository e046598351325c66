import type { Server } from 'node:http';
import type { FastifyReply } from 'fastify';
import { Clock, SystemClock } from '../clock.js';
import type { NoxRequest } from './route.js';

export interface SseFrame {
  readonly event?: string;
  readonly id?: number | string;
  readonly data: unknown;
}

export interface SseOptions {
  readonly clock?: Clock;
  readonly heartbeat_ms?: number;
  readonly max_buffered_bytes?: number;
  /** Ends the stream when the access token it was opened with expires. Its revocation always ends it. */
  readonly until_token_expires?: boolean;
}

/** One open stream. `send` after its end does nothing. */
export interface SseStream {
  readonly closed: boolean;
  send(frame: SseFrame): void;
  /** Resolves when the client has taken enough for more to be sent, or is gone. */
  drained(): Promise<void>;
  /** Ends it after what was sent. */
  close(): void;
  /** Runs once when it has ended, from whichever side; at once when it has ended already. */
  onClose(fn: () => void): void;
}

const openStreams = new WeakMap<object, Set<SseStream>>();

/**
 * Answers a request with Server-Sent Events; the only place that writes them. A client that reads slower than it is
 * sent to is cut off once 1 MiB waits for it (it resumes by `Last-Event-ID`); comments every 15 s keep proxies from
 * closing a quiet stream.
 */
export function openSse(request: NoxRequest, reply: FastifyReply, options: SseOptions = {}): SseStream {
  const stream = new Stream(reply, options);
  const login = request.login;
  if (login !== undefined) {
    const unwatch = login.onEnd((reason) => {
      if (reason === 'revoked' || options.until_token_expires === true) stream.close();
    });
    stream.onClose(unwatch);
  }
  const server = reply.server.server;
  const open = openStreams.get(server) ?? new Set();
  openStreams.set(server, open.add(stream));
  stream.onClose(() => open.delete(stream));
  return stream;
}

/** Ends every stream of a server that shuts down. */
export function endStreams(server: Server): void {
  for (const stream of openStreams.get(server) ?? []) stream.close();
}

class Stream implements SseStream {
  closed = false;
  private readonly closers: (() => void)[] = [];
  private readonly raw: FastifyReply['raw'];
  private readonly clock: Clock;
  private readonly heartbeat_ms: number;
  private readonly max_buffered_bytes: number;

  constructor(reply: FastifyReply, options: SseOptions) {
    this.clock = options.clock ?? new SystemClock();
    this.heartbeat_ms = options.heartbeat_ms ?? 15_000;
    this.max_buffered_bytes = options.max_buffered_bytes ?? 1024 * 1024;
    reply.hijack();
    this.raw = reply.raw;
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) this.raw.setHeader(name, value);
    }
    this.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    this.raw.on('close', () => this.end());
    this.raw.on('error', () => this.end());
    if (this.raw.destroyed) this.end();
    // A HEAD asks what a stream would be, and gets its end at once.
    else if (reply.request.method === 'HEAD') this.close();
    else this.raw.flushHeaders();
    this.beat();
  }

  send(frame: SseFrame): void {
    const lines = [
      ...(frame.id === undefined ? [] : [`id: ${frame.id}`]),
      ...(frame.event === undefined ? [] : [`event: ${frame.event}`]),
      // JSON has no line breaks of its own, so that one data line holds it.
      `data: ${JSON.stringify(frame.data)}`,
    ];
    this.write(`${lines.join('\n')}\n\n`);
  }

  drained(): Promise<void> {
    if (this.closed || !this.raw.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      this.raw.once('drain', resolve);
      this.onClose(resolve);
    });
  }

  close(): void {
    if (this.closed) return;
    this.raw.end();
    this.end();
  }

  onClose(fn: () => void): void {
    if (this.closed) fn();
    else this.closers.push(fn);
  }

  private write(text: string): void {
    if (this.closed) return;
    if (this.raw.writableLength > this.max_buffered_bytes) {
      this.raw.destroy();
      this.end();
      return;
    }
    this.raw.write(text);
  }

  private beat(): void {
    if (this.closed) return;
    const cancel = this.clock.after(this.heartbeat_ms, () => {
      this.closers.splice(this.closers.indexOf(cancel), 1);
      this.write(': still here\n\n');
      this.beat();
    });
    this.closers.push(cancel);
  }

  private end(): void {
    if (this.closed) return;
    this.closed = true;
    for (const fn of this.closers.splice(0)) fn();
  }
}
