import type { LogLine } from '../contracts/agent.js';
import type { AnyNoxEvent } from '../contracts/event.js';
import { type RouteCall, type RouteDef, type RouteName, type RouteReply, ROUTES } from '../contracts/routes.js';
import type { PromptFrame } from '../contracts/turn.js';
import { errorOfResponse, NoxApiError, parseJson } from './api-error.js';
import type { HttpAnswer, HttpSend } from './http-send.js';
import { backoffMs, delay, type UntypedCall, urlOf } from './request.js';
import { events, type FollowOptions, logLines, type OpenStream, promptFrames } from './streams.js';

export interface NoxClientOptions {
  /** Where Nox is, as `http://127.0.0.1:3000`; the empty string means a browser's own origin. */
  readonly base_url: string;
  readonly token?: string | undefined;
  /** Asked before each request, instead of `token`. */
  readonly getToken?: (() => string | undefined | Promise<string | undefined>) | undefined;
  /** Asked once when a request is answered 401: a new token, or undefined when there is none. */
  readonly refresh?: (() => Promise<string | undefined>) | undefined;
  /** Instead of the platform's `fetch`. */
  readonly fetch?: HttpSend | undefined;
  /** How long an answer may take; 0 waits for ever. A prompt's answer may always take as long as its turn. */
  readonly timeout_ms?: number;
  /** How often a GET is repeated that nothing answered or that was refused for now. */
  readonly retries?: number;
  readonly wait?: typeof delay;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeout_ms?: number | undefined;
}

export interface LogsOptions extends FollowOptions {
  /** How many past lines come first. */
  readonly lines?: number | undefined;
  readonly follow?: boolean | undefined;
}

export interface EventsOptions extends FollowOptions {
  /** Begin after this event; without it, with the next one that happens. */
  readonly after_seq?: number | undefined;
  readonly agent_id?: string | undefined;
  readonly areas?: readonly string[] | undefined;
}

interface PreparedRequest {
  readonly def: RouteDef;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

const NEVER_TIMED: ReadonlySet<RouteName> = new Set<RouteName>(['agents_prompt']);

/**
 * Typed access to the HTTP API, for Node and browsers. Each route of the table is called by its name; replies are parsed
 * by the route's schema. Whatever goes wrong is a NoxApiError, except that a caller's own abort signal rethrows its reason.
 */
export class NoxClient {
  private readonly fetch: HttpSend;
  private readonly timeout_ms: number;
  private readonly retries: number;
  private readonly wait: typeof delay;
  private refreshing: Promise<string | undefined> | undefined;

  constructor(private readonly options: NoxClientOptions) {
    this.fetch = options.fetch ?? ((url, request) => globalThis.fetch(url, request));
    this.timeout_ms = options.timeout_ms ?? 30_000;
    this.retries = options.retries ?? 2;
    this.wait = options.wait ?? delay;
  }

  /** Calls a route. The reply keeps only what this client knows, so a newer server may say more. */
  async call<N extends RouteName>(name: N, call: RouteCall<N> = {}, options: CallOptions = {}): Promise<RouteReply<N>> {
    const def: RouteDef = ROUTES[name];
    const request = this.prepare(def, call, 'application/json');
    const timeout_ms = options.timeout_ms ?? (NEVER_TIMED.has(name) ? 0 : this.timeout_ms);
    const text = await this.withRetries(def, options.signal, () =>
      this.timed(timeout_ms, options.signal, async (signal) => {
        const response = await this.request(request, signal);
        return response.text();
      }),
    );
    const reply = def.response.safeParse(parseJson(text));
    if (reply.success) return reply.data as RouteReply<N>;
    const message = `The answer to ${def.method} ${def.path} is not as this client knows it: is this Nox, and of this version?`;
    throw new NoxApiError(
      { code: 'UNEXPECTED_REPLY', status: 0, message, details: reply.error.issues },
      { cause: reply.error },
    );
  }

  /** The file that a route answers with; only its beginning is timed. */
  async download(name: RouteName, call: UntypedCall): Promise<ReadableStream<Uint8Array>> {
    const request = this.prepare(ROUTES[name], call, '*/*');
    const { body, status } = await this.timed(this.timeout_ms, undefined, (timed) => this.request(request, timed));
    if (body !== null) return body;
    throw new NoxApiError({ code: 'UNEXPECTED_REPLY', status, message: `The answer to ${request.url} is empty.` });
  }

  /** Prompts an agent and tells what happens until its turn ends. Leaving the loop does not cancel the turn. */
  prompt(id: string, content: string, options: CallOptions = {}): AsyncGenerator<PromptFrame, void, undefined> {
    const open = this.opener('agents_prompt', { params: { id }, body: { content, stream: true } }, options.signal);
    return promptFrames(open, options.signal);
  }

  /** Log lines of an agent: the last ones and, with `follow`, all that come. */
  async *logs(id: string, options: LogsOptions = {}): AsyncGenerator<LogLine, void, undefined> {
    const { lines, follow = false } = options;
    if (follow) {
      const call = { params: { id }, query: { lines, follow: 'true' } };
      yield* logLines(this.opener('agents_logs', call, options.signal), options);
      return;
    }
    const reply = await this.call('agents_logs', { params: { id }, query: { lines } }, { signal: options.signal });
    yield* reply.lines;
  }

  /** Live events, without gaps over reconnects. Ends only by the signal, by leaving the loop or by an error. */
  events(options: EventsOptions = {}): AsyncGenerator<AnyNoxEvent, void, undefined> {
    const { after_seq, agent_id } = options;
    const areas = options.areas === undefined || options.areas.length === 0 ? undefined : options.areas.join(',');
    const open: OpenStream = (last_id) => {
      // The header alone says where to go on; both at once could be told apart in two ways.
      const query = { after_seq: last_id === undefined ? after_seq : undefined, agent_id, areas };
      return this.opener('events', { query }, options.signal)(last_id);
    };
    return events(open, options);
  }

  private opener(name: RouteName, call: UntypedCall, signal: AbortSignal | undefined): OpenStream {
    const request = this.prepare(ROUTES[name], call, 'text/event-stream');
    return async (last_id) => {
      if (last_id !== undefined) request.headers['last-event-id'] = last_id;
      // Only the answer's beginning is timed. Once it is there, the stream may last.
      const response = await this.timed(this.timeout_ms, signal, (timed) => this.request(request, timed));
      const type = response.headers.get('content-type') ?? '';
      const { body } = response;
      if (body !== null && type.startsWith('text/event-stream')) return body;
      await body?.cancel();
      const message = `The answer to ${ROUTES[name].path} is no event stream.`;
      throw new NoxApiError({ code: 'UNEXPECTED_REPLY', status: response.status, message });
    };
  }

  private prepare(def: RouteDef, call: UntypedCall, accept: string): PreparedRequest {
    const headers: Record<string, string> = { accept };
    if (call.body === undefined) return { def, url: urlOf(this.options.base_url, def, call), headers };
    headers['content-type'] = 'application/json';
    return { def, url: urlOf(this.options.base_url, def, call), headers, body: JSON.stringify(call.body) };
  }

  /** One request, repeated once with a new token if the server no longer takes the old one. */
  private async request(request: PreparedRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const { getToken, token, refresh } = this.options;
    let response = await this.send(request, getToken === undefined ? token : await getToken(), signal);
    if (response.status === 401 && request.def.role !== 'public' && refresh !== undefined) {
      const fresh = await this.refreshOnce(refresh);
      if (fresh !== undefined) {
        // Read to its end, the connection can be used again.
        await response.text();
        response = await this.send(request, fresh, signal);
      }
    }
    if (!response.ok) throw await errorOfResponse(response);
    return response;
  }

  private send(request: PreparedRequest, bearer: string | undefined, signal: AbortSignal): Promise<HttpAnswer> {
    const { def, url, headers, body } = request;
    return this.fetch(url, {
      method: def.method,
      headers: bearer === undefined ? headers : { ...headers, authorization: `Bearer ${bearer}` },
      ...(body === undefined ? {} : { body }),
      signal,
    });
  }

  /** Requests that find their token out of date at the same time share one refresh: refresh tokens work once. */
  private refreshOnce(refresh: () => Promise<string | undefined>): Promise<string | undefined> {
    this.refreshing ??= refresh().finally(() => (this.refreshing = undefined));
    return this.refreshing;
  }

  private async withRetries<T>(def: RouteDef, signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    const retries = def.method === 'GET' ? this.retries : 0;
    for (let n = 0; ; n += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (n >= retries || !(error instanceof NoxApiError) || !error.transient) throw error;
        await this.wait(backoffMs(n, Math.random()), signal);
      }
    }
  }

  /** Runs `work` under a time limit and the caller's signal, and gives failures of the network their name. */
  private async timed<T>(
    timeout_ms: number,
    outer: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const limit = new AbortController();
    const timer = timeout_ms === 0 ? undefined : setTimeout(() => limit.abort(), timeout_ms);
    const signal = outer === undefined ? limit.signal : AbortSignal.any([outer, limit.signal]);
    try {
      return await work(signal);
    } catch (error) {
      if (outer?.aborted === true) throw outer.reason;
      if (error instanceof NoxApiError) throw error;
      throw this.unreachable(error, limit.signal.aborted ? timeout_ms : undefined);
    } finally {
      clearTimeout(timer);
    }
  }

  private unreachable(cause: unknown, timeout_ms: number | undefined): NoxApiError {
    const where = this.options.base_url === '' ? '' : ` at ${this.options.base_url}`;
    const message =
      timeout_ms === undefined
        ? `Nox does not answer${where}. Is it running? Start it with "nox serve".`
        : `Nox did not answer${where} within ${timeout_ms / 1000} s.`;
    return new NoxApiError({ code: 'SERVER_UNREACHABLE', status: 0, message, details: reasonOf(cause) }, { cause });
  }
}

/** The network's own word, as `ECONNREFUSED`, where the platform tells it. */
function reasonOf(error: unknown): { reason: string } | undefined {
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return undefined;
  return { reason: String(cause.code) };
}
