import { describe, expect, it } from '@jest/globals';
import type { RuntimeEvent } from '../agents/runtime/runtime.js';
import { addToBlocks, changeTool, cut, endOf } from './turn-reducer.js';

const hash = () => 'h';
const usage = { input_tokens: 1, output_tokens: 1, cache_read_tokens: 0, cache_write_tokens: 0, cost_usd: 0.1 };
const call = {
  type: 'tool_call',
  tool_use_id: 't1',
  name: 'Bash',
  input: { command: 'ls' },
  parent_tool_use_id: null,
} as const;
const after = (...events: RuntimeEvent[]) =>
  events.reduce<ReturnType<typeof addToBlocks>>((blocks, event) => addToBlocks(blocks, event, hash), []);
const result = (over: object) =>
  ({ type: 'result', is_error: false, terminal_reason: 'completed', text: 'done', usage, ...over }) as const;

describe(addToBlocks, () => {
  it('keeps texts and tool calls in the order in which they came', () => {
    const blocks = after({ type: 'text', text: 'a', parent_tool_use_id: null }, call, {
      type: 'tool_result',
      tool_use_id: 't1',
      is_error: false,
      result: 'file',
    });
    expect(blocks).toMatchObject([
      { type: 'text', text: 'a' },
      { type: 'tool', tool: { name: 'Bash', result: 'file', is_error: false } },
    ]);
  });

  it('tells a call once, however often it is told', () => {
    expect(after(call, call)).toHaveLength(1);
  });

  it('does not put the words of a sub-agent into the reply', () => {
    expect(after({ type: 'text', text: 'inner', parent_tool_use_id: 't9' })).toEqual([]);
  });

  it('ignores the result of a call that it does not know', () => {
    expect(after({ type: 'tool_result', tool_use_id: 'other', is_error: false, result: '' })).toEqual([]);
  });
});

it('changes only the call that is named', () => {
  const blocks = changeTool(after(call, { ...call, tool_use_id: 't2' }), 't2', { decision: 'deny' });
  expect(blocks.map((b) => b.type === 'tool' && b.tool.decision)).toEqual(['none', 'deny']);
});

it('says how much it cut', () => {
  expect(cut('abcdef', 4)).toBe('abcd… (2 more characters)');
});

describe(endOf, () => {
  it('believes is_error, whatever else the CLI says', () => {
    expect(endOf(result({ is_error: true, terminal_reason: 'api_error', text: 'API Error: 529' }), [])).toMatchObject({
      status: 'error',
      reason: 'API Error: 529',
    });
  });

  it.each(['aborted_streaming', 'aborted_tools'])('calls %s interrupted and keeps what was said', (terminal_reason) => {
    const end = endOf(result({ is_error: true, terminal_reason, text: '' }), [{ type: 'text', text: 'half' }]);
    expect(end).toMatchObject({ status: 'interrupted', text: 'half' });
  });

  it('is complete with the final text', () => {
    expect(endOf(result({}), [])).toEqual({ status: 'complete', text: 'done', reason: null, usage });
  });
});
