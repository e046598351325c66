import { randomBytes } from 'node:crypto';
import type { Chunk, ModelError, Reply } from './reply.js';

/** The shapes of the Messages API that the scripted model answers with. */

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

export const errorBody = ({ status, message }: ModelError): object => ({
  type: 'error',
  error: { type: ERROR_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error'), message },
});

/** A rough count, four characters each: good enough for figures in a demo. */
export const estimateTokens = (characters: number): number => Math.max(1, Math.ceil(characters / 4));

export const newId = (prefix: string): string => `${prefix}_${randomBytes(12).toString('hex')}`;

export interface WireMessage {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'assistant';
  readonly model: string;
  readonly content: readonly object[];
  readonly stop_reason: string | null;
  readonly stop_sequence: null;
  readonly usage: object;
}

const textOf = (chunks: readonly Chunk[]): string => chunks.map((chunk) => chunk.text).join('');
const stopReason = (reply: Reply): string =>
  reply.blocks.some((block) => block.type === 'tool_use') ? 'tool_use' : 'end_turn';

function usageOf(reply: Reply, request_chars: number): { input_tokens: number; output_tokens: number } {
  if (reply.usage !== undefined) return reply.usage;
  const written = reply.blocks.map((block) => {
    if (block.type === 'text') return textOf(block.chunks).length;
    return block.type === 'thinking' ? block.text.length : JSON.stringify(block.call).length;
  });
  return {
    input_tokens: estimateTokens(request_chars),
    output_tokens: estimateTokens(written.reduce((a, b) => a + b, 0)),
  };
}

const usageBody = (input_tokens: number, output_tokens: number): object => ({
  input_tokens,
  output_tokens,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
});

/** A reply in one piece, for requests without `stream`. */
export function wholeMessage(reply: Reply, model: string, request_chars: number): WireMessage {
  const usage = usageOf(reply, request_chars);
  return {
    id: newId('msg'),
    type: 'message',
    role: 'assistant',
    model,
    content: reply.blocks.map((block) => {
      if (block.type === 'text') return { type: 'text', text: textOf(block.chunks) };
      if (block.type === 'thinking') return { type: 'thinking', thinking: block.text, signature: newId('sig') };
      return { type: 'tool_use', id: newId('toolu'), ...block.call };
    }),
    stop_reason: stopReason(reply),
    stop_sequence: null,
    usage: usageBody(usage.input_tokens, usage.output_tokens),
  };
}

/** One Server-Sent Event, sent after its delay. */
export interface Frame {
  readonly delay_ms: number;
  readonly event: string;
  readonly data: object;
}

const frame = (event: string, data: object, delay_ms = 0): Frame => ({
  delay_ms,
  event,
  data: { type: event, ...data },
});

/** A reply as the stream of events that the API would send. */
export function* streamFrames(reply: Reply, model: string, request_chars: number): Generator<Frame> {
  const usage = usageOf(reply, request_chars);
  const message: WireMessage = {
    id: newId('msg'),
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: usageBody(usage.input_tokens, 1),
  };
  yield frame('message_start', { message });
  for (const [index, block] of reply.blocks.entries()) {
    const delta = (value: object, delay_ms = 0): Frame =>
      frame('content_block_delta', { index, delta: value }, delay_ms);
    if (block.type === 'text') {
      yield frame('content_block_start', { index, content_block: { type: 'text', text: '' } });
      for (const chunk of block.chunks) yield delta({ type: 'text_delta', text: chunk.text }, chunk.delay_ms);
    } else if (block.type === 'thinking') {
      yield frame('content_block_start', { index, content_block: { type: 'thinking', thinking: '', signature: '' } });
      yield delta({ type: 'thinking_delta', thinking: block.text });
      yield delta({ type: 'signature_delta', signature: newId('sig') });
    } else {
      const start = { type: 'tool_use', id: newId('toolu'), name: block.call.name, input: {} };
      yield frame('content_block_start', { index, content_block: start });
      yield delta({ type: 'input_json_delta', partial_json: JSON.stringify(block.call.input) });
    }
    yield frame('content_block_stop', { index });
  }
  if (reply.error !== undefined) {
    yield { delay_ms: 0, event: 'error', data: errorBody(reply.error) };
    return;
  }
  yield frame('message_delta', {
    delta: { stop_reason: stopReason(reply), stop_sequence: null },
    usage: usageBody(usage.input_tokens, usage.output_tokens),
  });
  yield frame('message_stop', {});
}
