import type { Usage } from '../../../contracts/turn.js';
import type { RuntimeEvent } from '../runtime.js';
import type { ContentBlock, Frame, FrameBody } from './frames.js';

type ResultEvent = Extract<RuntimeEvent, { type: 'result' }>;

/** A turn that never ends must not fill the memory. */
const MAX_REMEMBERED_CALLS = 10_000;

/**
 * Turns frames into the runtime's events, and remembers what later frames need: how many calls each assistant message
 * holds, and how much of the cumulative cost has been told. Pure but for that memory; control frames are none of its business.
 */
export class Translator {
  /** Message of each tool call, and the calls of each message: both of the running turn only. */
  private readonly message_of = new Map<string, string>();
  private readonly calls_of = new Map<string, Set<string>>();
  private readonly nested = new Set<string>();
  private told_cost_usd = 0;

  translate(frame: Frame): RuntimeEvent[] {
    switch (frame.type) {
      case 'system/init': {
        const { session_id, model, mcp_servers } = frame.body;
        const failed = (mcp_servers ?? []).filter(({ status }) => status !== 'connected' && status !== 'pending');
        return [{ type: 'turn_init', session_id, model, failed_mcp: failed.map(({ name }) => name) }];
      }
      case 'system/api_retry': {
        const { attempt, max_retries, retry_delay_ms, error_status, error } = frame.body;
        return [
          {
            type: 'api_retry',
            attempt,
            max_retries,
            delay_ms: retry_delay_ms,
            status: error_status ?? null,
            error: error ?? 'unknown',
          },
        ];
      }
      case 'rate_limit_event':
        return rateLimit(frame.body);
      case 'command_lifecycle':
        return promptState(frame.body);
      case 'stream_event': {
        const { event, parent_tool_use_id } = frame.body;
        const text = event.type === 'content_block_delta' && event.delta?.type === 'text_delta' ? event.delta.text : '';
        return parent_tool_use_id === null && text ? [{ type: 'text_delta', text }] : [];
      }
      case 'assistant':
        return this.assistant(frame.body);
      case 'user':
        return frame.body.isReplay === true ? [] : frame.body.message.content.flatMap(toolResult);
      case 'result':
        return [this.result(frame.body)];
      case 'control_request':
      case 'control_cancel_request':
      case 'control_response':
        break;
    }
    return [];
  }

  /** How many calls the assistant message of this call holds, as far as it has been streamed. */
  batchSize(tool_use_id: string): number {
    const message = this.message_of.get(tool_use_id);
    return message === undefined ? 1 : (this.calls_of.get(message)?.size ?? 1);
  }

  /** Whether the call is known as the only one of its message, and not of a sub-agent's. */
  isAlone(tool_use_id: string): boolean {
    return this.message_of.has(tool_use_id) && !this.nested.has(tool_use_id) && this.batchSize(tool_use_id) === 1;
  }

  private assistant(body: FrameBody<'assistant'>): RuntimeEvent[] {
    const { message, parent_tool_use_id } = body;
    if (body.is_api_error_message === true) return []; // the result says it
    return message.content.flatMap((block): RuntimeEvent[] => {
      if (block.type === 'text') return [{ type: 'text', text: block.text, parent_tool_use_id }];
      if (block.type !== 'tool_use') return [];
      // The CLI sends one frame per block, all with the id of their message.
      this.remember(block.id, message.id ?? block.id);
      if (parent_tool_use_id !== null) this.nested.add(block.id);
      return [
        { type: 'tool_call', tool_use_id: block.id, name: block.name, input: block.input ?? {}, parent_tool_use_id },
      ];
    });
  }

  private remember(tool_use_id: string, message_id: string): void {
    if (this.message_of.size >= MAX_REMEMBERED_CALLS) this.forget();
    this.message_of.set(tool_use_id, message_id);
    const calls = this.calls_of.get(message_id) ?? new Set();
    this.calls_of.set(message_id, calls.add(tool_use_id));
  }

  private forget(): void {
    this.message_of.clear();
    this.nested.clear();
    this.calls_of.clear();
  }

  private result(body: FrameBody<'result'>): ResultEvent {
    this.forget();
    const usage = usageOf(body, this.told_cost_usd);
    this.told_cost_usd = body.total_cost_usd;
    const text = body.result ?? body.errors?.join('\n') ?? '';
    return {
      type: 'result',
      is_error: body.is_error,
      terminal_reason: body.terminal_reason ?? body.subtype,
      text,
      usage,
      ...apiError(body),
    };
  }
}

/** A status that a later CLI may know says nothing yet. */
function rateLimit({ rate_limit_info: info }: FrameBody<'rate_limit_event'>): RuntimeEvent[] {
  const { status, resetsAt, rateLimitType } = info;
  if (status !== 'allowed' && status !== 'allowed_warning' && status !== 'rejected') return [];
  const resets_ms = typeof resetsAt === 'number' ? resetsAt * 1000 : null;
  return [{ type: 'rate_limit', status, resets_ms, window: rateLimitType ?? null }];
}

function apiError({ is_error, terminal_reason, ...body }: FrameBody<'result'>): Pick<ResultEvent, 'api_error'> {
  if (!is_error || terminal_reason !== 'api_error') return {};
  return {
    api_error: { status: body.api_error_status ?? null, kind: body.api_error ?? body.api_error_type ?? null },
  };
}

/** Of this turn alone. Without a figure per turn, the cost is what the cumulative one has grown by. */
function usageOf(body: FrameBody<'result'>, told_cost_usd: number): Usage {
  const total: Usage = { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0, cost_usd: 0 };
  if (body.model_usage_since_last_result) {
    for (const usage of Object.values(body.model_usage_since_last_result)) {
      total.input_tokens += usage.inputTokens;
      total.output_tokens += usage.outputTokens;
      total.cache_read_tokens += usage.cacheReadInputTokens;
      total.cache_write_tokens += usage.cacheCreationInputTokens;
      total.cost_usd += usage.costUSD;
    }
    return total;
  }
  return {
    input_tokens: body.usage?.input_tokens ?? 0,
    output_tokens: body.usage?.output_tokens ?? 0,
    cache_read_tokens: body.usage?.cache_read_input_tokens ?? 0,
    cache_write_tokens: body.usage?.cache_creation_input_tokens ?? 0,
    cost_usd: Math.max(0, body.total_cost_usd - told_cost_usd),
  };
}

const PROMPT_STATES = ['queued', 'started', 'completed', 'cancelled'] as const;

function promptState(body: FrameBody<'command_lifecycle'>): RuntimeEvent[] {
  const state = PROMPT_STATES.find((known) => known === body.state);
  return state === undefined ? [] : [{ type: 'prompt_state', prompt_uuid: body.command_uuid, state }];
}

function toolResult(block: ContentBlock): RuntimeEvent[] {
  if (block.type !== 'tool_result') return [];
  const { tool_use_id, is_error, content } = block;
  return [{ type: 'tool_result', tool_use_id, is_error: is_error ?? false, result: resultText(content) }];
}

/** Tool results are a string, or blocks of which only text can be shown here. */
function resultText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return content === undefined || content === null ? '' : JSON.stringify(content);
  return content.map(blockText).join('\n');
}

function blockText(block: unknown): string {
  if (typeof block !== 'object' || block === null || !('type' in block) || typeof block.type !== 'string') return '';
  return 'text' in block && typeof block.text === 'string' ? block.text : `[${block.type}]`;
}
