import { createHash, timingSafeEqual } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { isSideRequest, MessagesRequest, ownSystemPrompt, readConversation } from './conversation.js';
import { errorBody, estimateTokens, newId, streamFrames, wholeMessage } from './messages-wire.js';
import { type ModelError, planReply, type Reply, type ScriptRule, sideReply } from './reply.js';

const MAX_BODY_BYTES = 32 * 1024 * 1024;
const MAX_COUNTED_ERRORS = 1000;

/** What an agent's CLI has sent, for tests that look over its shoulder. */
export interface ObservedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly model: string;
  /** The agent's own system prompt. */
  readonly system: string;
  /** The last real prompt in the conversation. */
  readonly prompt: string;
  readonly messages: MessagesRequest['messages'];
  readonly tools: readonly string[];
  /** A request that the CLI makes for itself (a title, a summary). */
  readonly side: boolean;
}

export interface ScriptedModelOptions {
  /** Callers must show it, as `x-api-key` or bearer token: only Nox's own agents know it. */
  readonly api_key: string;
  readonly rules?: readonly ScriptRule[];
  readonly onRequest?: (request: ObservedRequest) => void;
}

/**
 * A Messages API on loopback whose answers follow the script in the prompt (README.md). The real Claude CLI talks to it
 * in tests and in the demo. It keeps no conversations; all it remembers is how often a counted error was given.
 */
export class ScriptedModel {
  private readonly server: Server;
  private readonly counted_errors = new Map<string, number>();

  constructor(private readonly options: ScriptedModelOptions) {
    this.server = createServer((request, response) => {
      this.handle(request, response).catch((error: unknown) => this.fail(response, error));
    });
  }

  /** Binds 127.0.0.1 on a free port, or on `port`. Rejects with the errno error when it is taken. */
  async listen(port = 0): Promise<{ url: string }> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, '127.0.0.1', () => {
        this.server.off('error', reject);
        resolve();
      });
    });
    return { url: `http://127.0.0.1:${(this.server.address() as AddressInfo).port}` };
  }

  /** Ends open streams too. Resolves when the port is free; also when it never listened. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0];
    if (path === '/' && (request.method === 'GET' || request.method === 'HEAD')) {
      sendJson(response, 200, { name: 'scripted model' });
      return;
    }
    if (request.method !== 'POST' || (path !== '/v1/messages' && path !== '/v1/messages/count_tokens')) {
      throw new RefusedRequest({ status: 404, message: `The scripted model has nothing at ${request.method} ${path}` });
    }
    this.checkKey(request.headers);
    const text = await readBody(request);
    const body = parseBody(text);
    if (path.endsWith('/count_tokens')) {
      sendJson(response, 200, { input_tokens: estimateTokens(text.length) });
      return;
    }
    const reply = this.replyTo(body, request.headers);
    if (reply.error !== undefined && (reply.blocks.length === 0 || !body.stream)) throw new RefusedRequest(reply.error);
    if (body.stream) await sendStream(response, reply, body.model, text.length);
    else await sendWhole(response, reply, body.model, text.length);
  }

  private replyTo(body: MessagesRequest, headers: IncomingHttpHeaders): Reply {
    const conversation = readConversation(body);
    const side = isSideRequest(body);
    this.options.onRequest?.({
      headers,
      model: body.model,
      system: ownSystemPrompt(body),
      prompt: conversation.prompt,
      messages: body.messages,
      tools: body.tools.flatMap((tool) => tool.name ?? []),
      side,
    });
    if (side) return sideReply(body);
    // A retry is the same prompt of the same session, at the same place of the script.
    const session = String(headers['x-claude-code-session-id'] ?? '');
    return planReply(body, conversation, this.options.rules ?? [], (place, times) =>
      this.takeError(
        `${session} ${conversation.prompts_before} ${place} ${digest(conversation.prompt).toString('hex')}`,
        times,
      ),
    );
  }

  private takeError(key: string, times: number): boolean {
    const given = this.counted_errors.get(key) ?? 0;
    if (given >= times) return false;
    this.counted_errors.set(key, given + 1);
    const oldest = this.counted_errors.keys().next();
    if (this.counted_errors.size > MAX_COUNTED_ERRORS && oldest.done !== true) this.counted_errors.delete(oldest.value);
    return true;
  }

  private checkKey(headers: IncomingHttpHeaders): void {
    const given = headers['x-api-key'] ?? headers.authorization?.replace(/^Bearer\s+/i, '') ?? '';
    if (!timingSafeEqual(digest(String(given)), digest(this.options.api_key))) {
      throw new RefusedRequest({ status: 401, message: 'This key is not known to the scripted model' });
    }
  }

  private fail(response: ServerResponse, error: unknown): void {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const reason = error instanceof RefusedRequest ? error.reason : { status: 500, message: String(error) };
    if (reason.status === 429) response.setHeader('retry-after', '1');
    sendJson(response, reason.status, errorBody(reason));
  }
}

/** An answer that is an error of the API. */
class RefusedRequest extends Error {
  constructor(readonly reason: ModelError) {
    super(reason.message);
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new RefusedRequest({ status: 413, message: 'The request is larger than 32 MiB' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(text: string): MessagesRequest {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw new RefusedRequest({ status: 400, message: 'The body is not JSON' });
  }
  const result = MessagesRequest.safeParse(raw);
  if (!result.success) throw new RefusedRequest({ status: 400, message: z.prettifyError(result.error) });
  return result.data;
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': newId('req') });
  response.end(JSON.stringify(body));
}

async function sendWhole(response: ServerResponse, reply: Reply, model: string, request_chars: number): Promise<void> {
  const chunks = reply.blocks.flatMap((block) => (block.type === 'text' ? block.chunks : []));
  const total_ms = chunks.reduce((sum, chunk) => sum + chunk.delay_ms, 0);
  if (await waited(total_ms, response)) sendJson(response, 200, wholeMessage(reply, model, request_chars));
}

async function sendStream(response: ServerResponse, reply: Reply, model: string, request_chars: number): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    'request-id': newId('req'),
  });
  for (const { delay_ms, event, data } of streamFrames(reply, model, request_chars)) {
    if (!(await waited(delay_ms, response))) return;
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }
  response.end();
}

/** False when the caller hung up meanwhile (an interrupt, a killed agent). */
async function waited(delay_ms: number, response: ServerResponse): Promise<boolean> {
  if (delay_ms === 0 || response.destroyed) return !response.destroyed;
  const gone = new AbortController();
  const abort = (): void => gone.abort();
  response.once('close', abort);
  try {
    await delay(delay_ms, undefined, { signal: gone.signal });
    return true;
  } catch {
    return false; // only the abort above rejects it
  } finally {
    response.off('close', abort);
  }
}
