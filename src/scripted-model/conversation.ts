import * as z from 'zod';

const Block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  tool_use_id: z.string().optional(),
  is_error: z.boolean().nullish(),
  content: z.unknown().optional(),
});
type Block = z.infer<typeof Block>;

const Content = z
  .union([z.string(), z.array(Block)])
  .transform((content): Block[] => (typeof content === 'string' ? [{ type: 'text', text: content }] : content));

/** Body of `POST /v1/messages`, as far as the scripted model looks at it. */
export const MessagesRequest = z.looseObject({
  model: z.string().default('scripted'),
  stream: z.boolean().default(false),
  system: Content.default([]),
  /** Roles are user, assistant, and in newer CLIs also `system` for what the CLI itself slips in. */
  messages: z.array(z.object({ role: z.string(), content: Content })).min(1),
  tools: z.array(z.looseObject({ name: z.string().optional() })).default([]),
  output_config: z.looseObject({ format: z.unknown().optional() }).optional(),
});
export type MessagesRequest = z.infer<typeof MessagesRequest>;
type Message = MessagesRequest['messages'][number];

/** What came back for one tool call. */
export interface ToolOutcome {
  readonly name: string;
  readonly is_error: boolean;
  readonly text: string;
}

/** A request, read: what a person asked last, and how far the conversation has come since. */
export interface Conversation {
  readonly prompt: string;
  /** How many prompts came before it: with the session, this names a prompt for good. */
  readonly prompts_before: number;
  /** Of the tool calls since the prompt, in order. */
  readonly outcomes: readonly ToolOutcome[];
  /** Results in the last message: those that this request brings. */
  readonly fresh_outcomes: readonly ToolOutcome[];
}

/** Texts that the CLI writes in a person's name. They are neither prompts nor scripts. */
const INJECTED = [
  /^\s*<system-reminder>[\s\S]*<\/system-reminder>\s*$/,
  /^\s*\[Request interrupted by user/,
  // Also as Nox writes it to an agent whose process died: the script goes on.
  /^\s*Continue (?:from )?where you (?:left off|stopped|were)/i,
  /^\s*Your response above was cut off mid-stream\./,
  /^\s*<(local-command|command-|task-notification)/,
];
const isInjected = (text: string): boolean => INJECTED.some((pattern) => pattern.test(text));

/** Prompts of one message, in order. Prompts that got no answer are merged into the next message by the CLI. */
const promptsOf = (message: Message): string[] =>
  message.role === 'user'
    ? message.content.flatMap((b) => (b.type === 'text' && b.text !== undefined && !isInjected(b.text) ? [b.text] : []))
    : [];

/** Finds the last real prompt and what has happened since. */
export function readConversation(request: MessagesRequest): Conversation {
  const { messages } = request;
  const prompt_at = messages.findLastIndex((message) => promptsOf(message).length > 0);
  const since = messages.slice(prompt_at + 1);
  const last_user_at = since.findLastIndex((message) => message.role === 'user');
  const names = toolNames(messages);
  const outcomesIn = (list: readonly Message[]): ToolOutcome[] => list.flatMap((m) => outcomesOf(m, names));
  return {
    prompt: (prompt_at < 0 ? undefined : promptsOf(messages[prompt_at] as Message).at(-1)) ?? '',
    prompts_before: messages.slice(0, Math.max(prompt_at, 0)).flatMap(promptsOf).length,
    outcomes: outcomesIn(since),
    fresh_outcomes: last_user_at < 0 ? [] : outcomesIn(since.slice(last_user_at)),
  };
}

function toolNames(messages: readonly Message[]): Map<string, string> {
  const calls = messages.flatMap((m) => m.content).filter((b) => b.type === 'tool_use');
  return new Map(calls.map((b) => [b.id ?? '', b.name ?? 'tool']));
}

const outcomesOf = (message: Message, names: ReadonlyMap<string, string>): ToolOutcome[] =>
  message.content
    .filter((block) => block.type === 'tool_result')
    .map((block) => ({
      name: names.get(block.tool_use_id ?? '') ?? 'tool',
      is_error: block.is_error === true,
      text: textOf(block.content),
    }));

function textOf(content: unknown): string {
  const parsed = Content.safeParse(content);
  if (!parsed.success) return '';
  return parsed.data.flatMap((block) => (block.text === undefined ? [] : [block.text])).join('\n');
}

/** The agent's own system prompt: without the billing header and the line by which the CLI introduces itself. */
export function ownSystemPrompt(request: MessagesRequest): string {
  return request.system
    .map((block) => block.text ?? '')
    .filter((text) => !text.startsWith('x-anthropic-billing-header:'))
    .filter((text) => !/^You are (?:a )?Claude[^\n]*Agent SDK\.$/.test(text.trim()))
    .join('\n\n');
}

const STEERED = /^The user sent a new message while you were working:\n([\s\S]*?)\n\n/;

/** The conversation in one line: `u:` prompts, `a:` replies, `t:` tool calls, `r:` their results, `s:` steered prompts. */
export function historyLine(request: MessagesRequest): string {
  const names = toolNames(request.messages);
  const entries = request.messages.flatMap((message) => {
    if (message.role === 'assistant') {
      return message.content.flatMap((block) => {
        if (block.type === 'tool_use') return [`t:${block.name ?? 'tool'}`];
        return block.type === 'text' && block.text !== undefined ? [`a:${block.text}`] : [];
      });
    }
    if (message.role === 'user') {
      return [...outcomesOf(message, names).map((o) => `r:${o.text}`), ...promptsOf(message).map((p) => `u:${p}`)];
    }
    return message.content.flatMap((block) => {
      const steered = STEERED.exec(block.text ?? '')?.[1];
      return steered === undefined ? [] : [`s:${steered}`];
    });
  });
  return entries.map((entry) => entry.replaceAll(/\s+/g, ' ').trim().slice(0, 120)).join('|');
}

/** Titles, summaries and the like, which the CLI asks of a small model for itself: a script must not answer them. */
export function isSideRequest(request: MessagesRequest): boolean {
  if (request.output_config?.format !== undefined) return true;
  return request.tools.length === 0 && request.model.includes('haiku');
}
