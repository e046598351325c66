import * as z from 'zod';
import { AgentId, Pagination, Timestamp, TurnId } from './ids.js';

export const TurnStatus = z.enum(['queued', 'running', 'complete', 'error', 'interrupted', 'deferred', 'cancelled']);
export type TurnStatus = z.infer<typeof TurnStatus>;

/** Tokens and dollars of one turn (not cumulative). */
export const Usage = z.object({
  input_tokens: z.number(),
  output_tokens: z.number(),
  cache_read_tokens: z.number().default(0),
  cache_write_tokens: z.number().default(0),
  cost_usd: z.number(),
});
export type Usage = z.infer<typeof Usage>;

/** One tool call of a turn, in the order they were asked. */
export const ToolUse = z.object({
  tool_use_id: z.string(),
  name: z.string(),
  input: z.unknown(),
  input_sha256: z.string(),
  decision: z.enum(['allow', 'deny', 'pending', 'none']),
  approval_id: z.string().nullable(),
  result: z.string().nullable(),
  is_error: z.boolean().nullable(),
});
export type ToolUse = z.infer<typeof ToolUse>;

/** user | agent:<id> | task:<id> | system */
export const TurnSource = z.string().regex(/^(user|system|agent:[a-z0-9-]+|task:[a-z0-9-]+)$/);

/** A prompt and everything that came of it. `blocks` is the reply in order: text and tool calls as they happened. */
export const Turn = z.object({
  id: TurnId,
  agent_id: AgentId,
  session_id: z.string().nullable(),
  source: TurnSource,
  /** Who asked: the user's name. */
  actor: z.string(),
  prompt: z.string(),
  status: TurnStatus,
  /** The final text of the reply; empty until there is one. */
  text: z.string(),
  blocks: z.array(
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('text'), text: z.string() }),
      z.object({ type: z.literal('tool'), tool: ToolUse }),
    ]),
  ),
  usage: Usage.nullable(),
  /** Why it ended, unless it is complete; why it waits, when it was put off. */
  reason: z.string().nullable(),
  /** When a turn that was put off is tried (again); only while it waits for that. */
  resume_at: Timestamp.optional(),
  queued_at: Timestamp,
  started_at: Timestamp.nullable(),
  ended_at: Timestamp.nullable(),
});
export type Turn = z.infer<typeof Turn>;

/** Body of POST /agents/:id/prompt. */
export const PromptRequest = z.strictObject({
  content: z.string().min(1).max(65_536),
  /** The same as asking with `Accept: text/event-stream`. */
  stream: z.boolean().default(false),
  /** Answer at once with the queued turn instead of waiting for its end. */
  wait: z.boolean().default(true),
});
export type PromptRequest = z.infer<typeof PromptRequest>;

export const PromptReply = z.object({
  turn_id: TurnId,
  status: TurnStatus,
  text: z.string(),
  usage: Usage.nullable(),
  reason: z.string().nullable(),
});
export type PromptReply = z.infer<typeof PromptReply>;

/** Frames of a streamed prompt, by SSE event name. The stream ends after `message_end`. */
export const PromptFrame = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('message_start'),
    data: z.object({ turn_id: TurnId, agent_id: AgentId, status: TurnStatus }),
  }),
  z.object({ event: z.literal('content'), data: z.object({ text: z.string() }) }),
  z.object({
    event: z.literal('tool_call_start'),
    data: z.object({ tool_use_id: z.string(), name: z.string(), input: z.unknown() }),
  }),
  z.object({
    event: z.literal('tool_call_end'),
    data: z.object({ tool_use_id: z.string(), is_error: z.boolean(), result: z.string() }),
  }),
  /** A call waits for a person. */
  z.object({ event: z.literal('approval'), data: z.object({ approval_id: z.string(), status: z.string() }) }),
  /** It waits for its model or for a budget, and goes on by itself if a time is given. Text that was sent before stays. */
  z.object({
    event: z.literal('postponed'),
    data: z.object({ reason: z.string(), resume_at: Timestamp.nullable() }),
  }),
  z.object({ event: z.literal('message_end'), data: PromptReply }),
]);
export type PromptFrame = z.infer<typeof PromptFrame>;

export const ConversationQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** Turns before this one, for paging back. */
  before: TurnId.optional(),
});
/** Oldest first. */
export const Conversation = z.object({
  turns: z.array(Turn),
  has_more: z.boolean(),
  pagination: Pagination.optional(),
});
