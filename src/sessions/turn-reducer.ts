import type { RuntimeEvent } from '../agents/runtime/runtime.js';
import type { ToolUse, Turn, TurnStatus, Usage } from '../contracts/turn.js';

type Block = Turn['blocks'][number];

/** Results longer than this are cut in the turn; the agent itself has the whole. */
const RESULT_CHARS = 20_000;

export const cut = (text: string, chars = RESULT_CHARS): string =>
  text.length <= chars ? text : `${text.slice(0, chars)}… (${text.length - chars} more characters)`;

/** The reply as far as it has come, after one more event. Sub-agents' words are theirs, not the reply's. Pure. */
export function addToBlocks(blocks: readonly Block[], event: RuntimeEvent, hash: (input: unknown) => string): Block[] {
  switch (event.type) {
    case 'text':
      return event.parent_tool_use_id === null ? [...blocks, { type: 'text', text: event.text }] : [...blocks];
    case 'tool_call': {
      if (blocks.some((block) => isTool(block, event.tool_use_id))) return [...blocks];
      const tool: ToolUse = {
        tool_use_id: event.tool_use_id,
        name: event.name,
        input: event.input,
        input_sha256: hash(event.input),
        decision: 'none',
        approval_id: null,
        result: null,
        is_error: null,
      };
      return [...blocks, { type: 'tool', tool }];
    }
    case 'tool_result':
      return changeTool(blocks, event.tool_use_id, { result: cut(event.result), is_error: event.is_error });
    default:
      return [...blocks];
  }
}

/** The same blocks with one tool call changed; unchanged when there is no such call. */
export function changeTool(blocks: readonly Block[], tool_use_id: string, change: Partial<ToolUse>): Block[] {
  return blocks.map((block) =>
    isTool(block, tool_use_id) ? { type: 'tool', tool: { ...block.tool, ...change } } : block,
  );
}

const isTool = (block: Block, tool_use_id: string): block is Extract<Block, { type: 'tool' }> =>
  block.type === 'tool' && block.tool.tool_use_id === tool_use_id;

export interface TurnEnd {
  readonly status: TurnStatus;
  readonly text: string;
  readonly reason: string | null;
  readonly usage: Usage | null;
}

/** How a turn ended, by its result. `is_error` decides: the CLI calls API errors a success (CLAUDE-CLI 6.1). */
export function endOf(result: Extract<RuntimeEvent, { type: 'result' }>, blocks: readonly Block[]): TurnEnd {
  const { is_error, terminal_reason, usage } = result;
  const texts = blocks.flatMap((block) => (block.type === 'text' ? [block.text] : []));
  const text = is_error ? texts.join('\n\n') : result.text;
  if (terminal_reason.startsWith('aborted')) return { status: 'interrupted', text, reason: 'interrupted', usage };
  if (terminal_reason === 'tool_deferred') return { status: 'deferred', text, reason: 'a tool call waits', usage };
  if (is_error) return { status: 'error', text, reason: result.text === '' ? terminal_reason : result.text, usage };
  return { status: 'complete', text, reason: null, usage };
}

/** The end of a turn whose process went away: what was said so far stays. */
export const interruptedEnd = (blocks: readonly Block[], reason: string): TurnEnd => ({
  status: 'interrupted',
  text: blocks.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n\n'),
  reason,
  usage: null,
});

/** What a turn has used in all its tries. */
export function addUsage(before: Usage | null, more: Usage): Usage {
  if (before === null) return more;
  return {
    input_tokens: before.input_tokens + more.input_tokens,
    output_tokens: before.output_tokens + more.output_tokens,
    cache_read_tokens: before.cache_read_tokens + more.cache_read_tokens,
    cache_write_tokens: before.cache_write_tokens + more.cache_write_tokens,
    cost_usd: before.cost_usd + more.cost_usd,
  };
}

/**
 * What is sent for a turn. One that had begun to act before its model went away is asked to go on, since the same words
 * alone would invite it to do everything twice; the prompt stands below in case the session was lost.
 */
export function promptOf({ prompt, blocks, tries }: Pick<Turn, 'prompt' | 'blocks'> & { tries: number }): string {
  if (tries === 0 || blocks.length === 0) return prompt;
  return `Your work on the prompt below was cut short by Nox: the model could not be reached, or something more urgent came. Go on where it stopped; do not repeat what is done.\n\n${prompt}`;
}
