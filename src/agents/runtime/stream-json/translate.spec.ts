import { describe, expect, it } from '@jest/globals';
import type { RuntimeEvent } from '../runtime.js';
import { parseLine } from './parse-line.js';
import { Translator } from './translate.js';

const feed = (translator: Translator, ...frames: object[]): RuntimeEvent[] =>
  frames.flatMap((frame) => {
    const parsed = parseLine(JSON.stringify(frame));
    if (parsed.kind !== 'frame') throw new Error(`the spec's frame is ${parsed.kind}`);
    return translator.translate(parsed.frame);
  });
const events = (...frames: object[]): RuntimeEvent[] => feed(new Translator(), ...frames);

const delta = (body: object, parent_tool_use_id: string | null = null) => ({
  type: 'stream_event',
  event: { type: 'content_block_delta', index: 0, delta: body },
  parent_tool_use_id,
});
const assistant = (id: string, block: object, extra = {}) => ({
  type: 'assistant',
  message: { id, content: [block] },
  ...extra,
});
const call = (id: string) => ({ type: 'tool_use', id, name: 'Bash', input: { command: 'ls' } });
const resultBlock = (content?: unknown, is_error?: boolean) => ({
  type: 'tool_result',
  tool_use_id: 't',
  content,
  is_error,
});
const user = (...content: object[]) => ({ type: 'user', message: { role: 'user', content } });
const result = (extra: object) => ({ type: 'result', subtype: 'success', is_error: false, result: 'done', ...extra });

describe(Translator.name, () => {
  it('hands on text as it streams, but neither thoughts nor what a sub-agent streams', () => {
    expect(
      events(
        delta({ type: 'text_delta', text: 'he' }),
        delta({ type: 'thinking_delta', thinking: 'hm' }),
        delta({ type: 'input_json_delta', partial_json: '{' }),
        delta({ type: 'text_delta', text: 'from below' }, 'toolu_1'),
        { type: 'stream_event', event: { type: 'message_stop' } },
        delta({ type: 'text_delta', text: 'y' }),
      ),
    ).toEqual([
      { type: 'text_delta', text: 'he' },
      { type: 'text_delta', text: 'y' },
    ]);
  });

  it('marks whole blocks of a sub-agent', () => {
    expect(events(assistant('m', { type: 'text', text: 'below' }, { parent_tool_use_id: 'toolu_1' }))).toEqual([
      { type: 'text', text: 'below', parent_tool_use_id: 'toolu_1' },
    ]);
  });

  it('counts the calls of one message over its frames, and forgets them with the turn', () => {
    const translator = new Translator();
    feed(translator, assistant('m1', call('a')));
    expect(translator.batchSize('a')).toBe(1);
    feed(translator, assistant('m1', call('b')), assistant('m2', call('c')));
    expect(['a', 'b', 'c', 'unknown'].map((id) => translator.batchSize(id))).toEqual([2, 2, 1, 1]);
    feed(translator, result({}));
    expect(translator.batchSize('a')).toBe(1);
  });

  it('reads tool results of every form, and skips the echo of a prompt', () => {
    expect(
      events(
        user(resultBlock('plain')),
        user(resultBlock([{ type: 'text', text: 'a' }, { type: 'image' }, 7], true)),
        user(resultBlock(), resultBlock({ odd: 1 })),
        { ...user(resultBlock('echo')), isReplay: true },
        { type: 'user', message: { content: 'words' } },
      ),
    ).toEqual([
      { type: 'tool_result', tool_use_id: 't', is_error: false, result: 'plain' },
      { type: 'tool_result', tool_use_id: 't', is_error: true, result: 'a\n[image]\n' },
      { type: 'tool_result', tool_use_id: 't', is_error: false, result: '' },
      { type: 'tool_result', tool_use_id: 't', is_error: false, result: '{"odd":1}' },
    ]);
  });

  it('decides by is_error, not by the subtype, and leaves the error text to the result', () => {
    expect(
      events(
        assistant('m', { type: 'text', text: 'API Error: 529' }, { is_api_error_message: true }),
        result({ is_error: true, terminal_reason: 'api_error', result: 'API Error: 529' }),
      ),
    ).toEqual([
      expect.objectContaining({ type: 'result', is_error: true, terminal_reason: 'api_error', text: 'API Error: 529' }),
    ]);
  });

  it.each([
    [
      { api_error_status: 529, api_error_type: 'overloaded_error' },
      { status: 529, kind: 'overloaded_error' },
    ],
    [
      { api_error_status: null, api_error: 'connection_failed' },
      { status: null, kind: 'connection_failed' },
    ],
    [{}, { status: null, kind: null }],
  ])('says what the API answered: %j', (fields, api_error) => {
    const [event] = events(result({ is_error: true, terminal_reason: 'api_error', result: 'no', ...fields }));
    expect(event).toMatchObject({ api_error });
  });

  it('reads a result without text from its errors, and names it by its subtype', () => {
    const [event] = events({ type: 'result', subtype: 'error_max_turns', is_error: true, errors: ['too', 'many'] });
    expect(event).toMatchObject({ terminal_reason: 'error_max_turns', text: 'too\nmany' });
  });

  it('takes the usage since the last result, over all models', () => {
    const model = {
      inputTokens: 10,
      outputTokens: 1,
      cacheReadInputTokens: 2,
      cacheCreationInputTokens: 3,
      costUSD: 0.5,
    };
    const [event] = events(
      result({
        total_cost_usd: 9,
        usage: { input_tokens: 999 },
        model_usage_since_last_result: { a: model, b: model },
      }),
    );
    expect(event).toMatchObject({
      usage: { input_tokens: 20, output_tokens: 2, cache_read_tokens: 4, cache_write_tokens: 6, cost_usd: 1 },
    });
  });

  it('falls back to the usage of the turn, and to what the total cost has grown by', () => {
    const usages = events(
      result({ total_cost_usd: 0.25, usage: { input_tokens: 5, output_tokens: 6, cache_read_input_tokens: 7 } }),
      result({ total_cost_usd: 1 }),
      result({ total_cost_usd: 0.5 }),
    ).map((event) => (event.type === 'result' ? event.usage : undefined));
    expect(usages[0]).toEqual({
      input_tokens: 5,
      output_tokens: 6,
      cache_read_tokens: 7,
      cache_write_tokens: 0,
      cost_usd: 0.25,
    });
    expect(usages.map((usage) => usage?.cost_usd)).toEqual([0.25, 0.75, 0]);
  });

  it('names the MCP servers that are not there, but not those that are still coming', () => {
    const mcp_servers = ['connected', 'failed', 'pending', 'needs-auth'].map((status) => ({ name: status, status }));
    expect(events({ type: 'system', subtype: 'init', session_id: 's', model: 'm', mcp_servers })).toEqual([
      { type: 'turn_init', session_id: 's', model: 'm', failed_mcp: ['failed', 'needs-auth'] },
    ]);
  });

  it('tells receipts and retries', () => {
    expect(
      events(
        { type: 'command_lifecycle', command_uuid: 'u', state: 'started' },
        { type: 'command_lifecycle', command_uuid: 'u', state: 'a state of the future' },
        { type: 'system', subtype: 'api_retry', attempt: 1, max_retries: 2, retry_delay_ms: 500, error_status: null },
      ),
    ).toEqual([
      { type: 'prompt_state', prompt_uuid: 'u', state: 'started' },
      { type: 'api_retry', attempt: 1, max_retries: 2, delay_ms: 500, status: null, error: 'unknown' },
    ]);
  });

  it('tells how near a limit is, in milliseconds, and nothing of a status that it does not know', () => {
    const limit = (rate_limit_info: object) => ({ type: 'rate_limit_event', rate_limit_info });
    expect(
      events(
        limit({ status: 'rejected', resetsAt: 1_800_000_000, rateLimitType: 'five_hour', utilization: 1 }),
        limit({ status: 'allowed' }),
        limit({ status: 'a status of the future' }),
      ),
    ).toEqual([
      { type: 'rate_limit', status: 'rejected', resets_ms: 1_800_000_000_000, window: 'five_hour' },
      { type: 'rate_limit', status: 'allowed', resets_ms: null, window: null },
    ]);
  });
});
