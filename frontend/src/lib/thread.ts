import type { AnyNoxEvent } from '@contracts/event.js';
import type { ToolUse, Turn } from '@contracts/turn.js';
import { handle, type Handlers } from './handlers.js';

/** An agent's conversation as it is shown: its turns, oldest first, and the text that is being written. */
export interface Thread {
  readonly turns: readonly Turn[];
  readonly has_more: boolean;
  /** By turn: what has come since the last whole block. */
  readonly drafts: Readonly<Record<string, string>>;
}

const HANDLERS: Handlers<[Thread], Thread> = {
  'turn.queued': ({ payload: { turn } }, thread) =>
    thread.turns.some((each) => each.id === turn.id) ? thread : { ...thread, turns: [...thread.turns, turn] },
  'turn.started': ({ payload: { turn_id, session_id }, timestamp }, thread) =>
    patch(thread, turn_id, (turn) => ({
      ...notHeld(turn),
      status: 'running',
      started_at: turn.started_at ?? timestamp,
      session_id,
    })),
  // Back in its place, with what it has said so far.
  'turn.postponed': ({ payload: { turn_id, reason, resume_at } }, thread) =>
    withoutDraft(
      patch(thread, turn_id, (turn) => ({
        ...notHeld(turn),
        status: 'queued',
        started_at: null,
        reason,
        ...(resume_at !== null && { resume_at }),
      })),
      turn_id,
    ),
  'turn.text_delta': ({ payload: { turn_id, text } }, thread) => ({
    ...thread,
    drafts: { ...thread.drafts, [turn_id]: (thread.drafts[turn_id] ?? '') + text },
  }),
  'turn.text': ({ payload: { turn_id, text } }, thread) => withText(thread, turn_id, text),
  'turn.tool_call': ({ payload: { turn_id, tool_use_id, name, input } }, thread) =>
    patch(thread, turn_id, (turn) => (hasTool(turn, tool_use_id) ? turn : withTool(turn, tool_use_id, name, input))),
  'turn.tool_decided': ({ payload: { turn_id, tool_use_id, decision, approval_id } }, thread) =>
    patchTool(thread, turn_id, tool_use_id, { decision, approval_id }),
  'turn.tool_result': ({ payload: { turn_id, tool_use_id, is_error, result } }, thread) =>
    patchTool(thread, turn_id, tool_use_id, { is_error, result }),
  'approval.requested': ({ payload: { approval } }, thread) =>
    approval.turn_id === null
      ? thread
      : patchTool(thread, approval.turn_id, approval.tool_use_id, { decision: 'pending', approval_id: approval.id }),
  'turn.ended': ({ payload: { turn } }, thread) => {
    const known = thread.turns.some((each) => each.id === turn.id);
    const next = known ? patch(thread, turn.id, () => turn) : { ...thread, turns: [...thread.turns, turn] };
    return withoutDraft(next, turn.id);
  },
};

/** Takes in one event. Safe to repeat, and to meet events that the loaded turns already hold. */
export const withEvent = (thread: Thread, event: AnyNoxEvent): Thread => handle(HANDLERS, event, thread) ?? thread;

/** Without what it waited for. */
function notHeld(turn: Turn): Turn {
  const { resume_at: _, ...kept } = turn;
  return { ...kept, reason: null };
}

function withText(thread: Thread, turn_id: string, text: string): Thread {
  return withoutDraft(
    patch(thread, turn_id, (turn) => {
      const last = turn.blocks.at(-1);
      // A turn that was read while it ran may hold this block already, or the beginning of it.
      const blocks = last?.type === 'text' && text.startsWith(last.text) ? turn.blocks.slice(0, -1) : turn.blocks;
      return { ...turn, text, blocks: [...blocks, { type: 'text', text }] };
    }),
    turn_id,
  );
}

const hasTool = (turn: Turn, id: string): boolean =>
  turn.blocks.some((block) => block.type === 'tool' && block.tool.tool_use_id === id);

function withTool(turn: Turn, tool_use_id: string, name: string, input: unknown): Turn {
  const tool: ToolUse = {
    tool_use_id,
    name,
    input,
    input_sha256: '',
    decision: 'none',
    approval_id: null,
    result: null,
    is_error: null,
  };
  return { ...turn, blocks: [...turn.blocks, { type: 'tool', tool }] };
}

function patch(thread: Thread, turn_id: string, change: (turn: Turn) => Turn): Thread {
  let changed = false;
  const turns = thread.turns.map((turn) => {
    if (turn.id !== turn_id) return turn;
    changed = true;
    return change(turn);
  });
  return changed ? { ...thread, turns } : thread;
}

function patchTool(thread: Thread, turn_id: string, tool_use_id: string, fields: Partial<ToolUse>): Thread {
  return patch(thread, turn_id, (turn) => ({
    ...turn,
    blocks: turn.blocks.map((block) =>
      block.type === 'tool' && block.tool.tool_use_id === tool_use_id
        ? { type: 'tool', tool: { ...block.tool, ...fields } }
        : block,
    ),
  }));
}

function withoutDraft(thread: Thread, turn_id: string): Thread {
  if (thread.drafts[turn_id] === undefined) return thread;
  const { [turn_id]: _, ...drafts } = thread.drafts;
  return { ...thread, drafts };
}
