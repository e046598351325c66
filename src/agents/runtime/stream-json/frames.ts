import * as z from 'zod';

/**
 * The lines of the protocol that Nox understands, as schemas. Only the fields that are used are named; the CLI sends
 * many more. A field that Nox can do without is optional, so that a new CLI version does not break on it.
 */

/** Kept as it came: a schema that copies keys could lose one, and a decision is bound to the exact input. */
const ToolInput = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be an object',
);
const ParentId = z
  .string()
  .nullish()
  .transform((id) => id ?? null);

const ContentBlock = z.union([
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('tool_use'), id: z.string(), name: z.string(), input: z.unknown().optional() }),
  z.object({
    type: z.literal('tool_result'),
    tool_use_id: z.string(),
    content: z.unknown().optional(),
    is_error: z.boolean().nullish(),
  }),
  z.object({ type: z.string() }).transform(() => ({ type: 'other' as const })),
]);
export type ContentBlock = z.infer<typeof ContentBlock>;
const Content = z.union([z.string().transform((text) => [{ type: 'text' as const, text }]), z.array(ContentBlock)]);

const Tokens = z.number().nonnegative().catch(0).default(0);
/** Per model; camelCase on the wire. */
const ModelUsage = z.object({
  inputTokens: Tokens,
  outputTokens: Tokens,
  cacheReadInputTokens: Tokens,
  cacheCreationInputTokens: Tokens,
  costUSD: Tokens,
});
const PlainUsage = z.object({
  input_tokens: Tokens,
  output_tokens: Tokens,
  cache_read_input_tokens: Tokens,
  cache_creation_input_tokens: Tokens,
});

export const FRAME_SCHEMAS = {
  assistant: z.object({
    message: z.object({ id: z.string().nullish(), content: Content }),
    parent_tool_use_id: ParentId,
    /** The text is the CLI's own report of an API error, not a reply of the model. */
    is_api_error_message: z.boolean().nullish(),
  }),
  user: z.object({
    message: z.object({ content: Content }),
    parent_tool_use_id: ParentId,
    isReplay: z.boolean().nullish(),
  }),
  stream_event: z.object({
    parent_tool_use_id: ParentId,
    event: z.object({
      type: z.string(),
      delta: z.object({ type: z.string().nullish(), text: z.string().nullish() }).nullish(),
    }),
  }),
  result: z.object({
    subtype: z.string().catch('').default(''),
    is_error: z.boolean(),
    terminal_reason: z.string().nullish(),
    result: z.string().nullish(),
    errors: z.array(z.string()).nullish().catch(null),
    api_error_status: z.number().nullish().catch(null),
    api_error_type: z.string().nullish().catch(null),
    api_error: z.string().nullish().catch(null),
    /** Cumulative over the process, and sometimes over the session. */
    total_cost_usd: Tokens,
    usage: PlainUsage.nullish().catch(null),
    model_usage_since_last_result: z.record(z.string(), ModelUsage).nullish().catch(null),
  }),
  /** Said when it changes. `resetsAt` in seconds since the epoch. */
  rate_limit_event: z.object({
    rate_limit_info: z.object({
      status: z.string(),
      resetsAt: z.number().positive().nullish().catch(null),
      rateLimitType: z.string().nullish().catch(null),
    }),
  }),
  command_lifecycle: z.object({ command_uuid: z.string(), state: z.string() }),
  control_request: z.object({
    request_id: z.string(),
    request: z.looseObject({ subtype: z.string() }),
  }),
  control_cancel_request: z.object({ request_id: z.string() }),
  control_response: z.object({
    response: z.object({
      subtype: z.string(),
      request_id: z.string(),
      response: z.unknown().optional(),
      error: z.unknown().optional(),
    }),
  }),
} as const;

export const SYSTEM_SCHEMAS = {
  init: z.object({
    session_id: z.string(),
    model: z.string(),
    mcp_servers: z.array(z.object({ name: z.string(), status: z.string() })).nullish(),
  }),
  api_retry: z.object({
    attempt: z.number(),
    max_retries: z.number(),
    retry_delay_ms: z.number(),
    error_status: z.number().nullish(),
    error: z.string().nullish().catch(null),
  }),
} as const;

export type FrameType = keyof typeof FRAME_SCHEMAS;
export type SystemSubtype = keyof typeof SYSTEM_SCHEMAS;
export type FrameBody<T extends FrameType> = z.infer<(typeof FRAME_SCHEMAS)[T]>;
export type SystemBody<T extends SystemSubtype> = z.infer<(typeof SYSTEM_SCHEMAS)[T]>;

/** One line, understood. */
export type Frame =
  | { [T in FrameType]: { readonly type: T; readonly body: FrameBody<T> } }[FrameType]
  | { [T in SystemSubtype]: { readonly type: `system/${T}`; readonly body: SystemBody<T> } }[SystemSubtype];

/** `request` of a control_request that asks whether a tool may run, in its two forms. */
export const HookCallback = z.object({
  subtype: z.literal('hook_callback'),
  callback_id: z.string(),
  input: z.object({
    hook_event_name: z.string(),
    tool_name: z.string(),
    tool_input: ToolInput,
    tool_use_id: z.string(),
    session_id: z.string().nullish(),
    cwd: z.string().nullish(),
  }),
});
export const CanUseTool = z.object({
  subtype: z.literal('can_use_tool'),
  tool_name: z.string(),
  input: ToolInput,
  tool_use_id: z.string(),
  requires_user_interaction: z.boolean().nullish(),
});

/** `request` of a control_request that carries one message to an MCP server of Nox's own. */
export const McpMessage = z.object({
  subtype: z.literal('mcp_message'),
  server_name: z.string(),
  message: z.looseObject({ jsonrpc: z.literal('2.0'), id: z.union([z.string(), z.number()]).optional() }),
});

/** `params` of a `tools/call`; the CLI says by which call of the model it comes. */
export const McpToolCall = z.object({
  name: z.string(),
  arguments: ToolInput.default({}),
  _meta: z.looseObject({ 'claudecode/toolUseId': z.string() }),
});

export const McpCancellation = z.object({ requestId: z.union([z.string(), z.number()]) });

/** What Nox reads of the initialize reply. */
export const InitializeReply = z.object({
  claude_code_version: z.string().nullish().catch(null),
  account: z.object({ tokenSource: z.string().nullish(), apiKeySource: z.string().nullish() }).nullish().catch(null),
  hooks_applied: z.boolean().nullish().catch(null),
});
export type InitializeReply = z.infer<typeof InitializeReply>;
