import { describe, expect, it } from '@jest/globals';
import { OpenPrompts } from './open-prompts.js';

const RESULT = {
  type: 'result',
  is_error: false,
  terminal_reason: '',
  text: '',
  usage: { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0, cost_usd: 0 },
} as const;
const receipt = (prompt_uuid: string, state: 'queued' | 'started' | 'completed' | 'cancelled') =>
  ({ type: 'prompt_state', prompt_uuid, state }) as const;

describe(OpenPrompts.name, () => {
  it('holds a prompt from writing to its last receipt', () => {
    const prompts = new OpenPrompts();
    prompts.sent('a');
    for (const state of ['queued', 'started'] as const) prompts.see(receipt('a', state));
    expect(prompts.none).toBe(false);
    prompts.see(receipt('a', 'cancelled'));
    expect(prompts.none).toBe(true);
  });

  it('lets a result end those that run, not those that still wait', () => {
    const prompts = new OpenPrompts();
    for (const uuid of ['a', 'b']) prompts.sent(uuid);
    prompts.see(receipt('a', 'started'));
    prompts.see(receipt('b', 'queued'));
    prompts.see(RESULT);
    expect(prompts.none).toBe(false);
    prompts.see(receipt('b', 'started'));
    prompts.see(RESULT);
    expect(prompts.none).toBe(true);
  });

  it('does without receipts, and knows nothing of prompts of others', () => {
    const prompts = new OpenPrompts();
    prompts.see(receipt('foreign', 'started'));
    expect(prompts.none).toBe(true);
    prompts.sent('a');
    prompts.see(RESULT);
    expect(prompts.none).toBe(true);
  });
});
