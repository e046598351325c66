import { type Conversation, historyLine, type MessagesRequest, ownSystemPrompt } from './conversation.js';
import { chunksOf, type Directive, parseScript, type Script, type ScriptedCall } from './script.js';

/** A piece of a reply, sent after its delay. */
export interface Chunk {
  readonly text: string;
  readonly delay_ms: number;
}

export interface ModelError {
  readonly status: number;
  readonly message: string;
}

/** One message of the model, ready to be sent. */
export interface Reply {
  readonly blocks: readonly (
    | { readonly type: 'thinking'; readonly text: string }
    | { readonly type: 'text'; readonly chunks: readonly Chunk[] }
    | { readonly type: 'tool_use'; readonly call: ScriptedCall }
  )[];
  /** Given by the script; else the sender estimates. */
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number } | undefined;
  /** Sent instead of the message's end; with no blocks before it, it is the HTTP answer. */
  readonly error: ModelError | undefined;
}

/** For tests: answers prompts that match with a script of the test's own. */
export interface ScriptRule {
  readonly when: RegExp;
  readonly script: string;
}

/**
 * Decides the next message of the model. The place in the script follows from the conversation alone: as many tool
 * calls as have come back are behind it. `takeError(place, times)` says whether a counted error is still due.
 */
export function planReply(
  request: MessagesRequest,
  conversation: Conversation,
  rules: readonly ScriptRule[],
  takeError: (place: string, times: number) => boolean,
): Reply {
  // A script in the prompt wins over nothing; a rule wins over the prompt. RegExp.test keeps state for /g, search does not.
  const rule = rules.find((r) => conversation.prompt.search(r.when) >= 0);
  const script = parseScript(rule?.script ?? conversation.prompt);
  if (script.problems.length > 0) return say(describeProblems(script));
  if (script.directives.length === 0 && conversation.outcomes.length === 0) return say(demoAnswer(conversation.prompt));

  const start = placeAfter(script.directives, conversation.outcomes.length);
  if (start === undefined || start >= script.directives.length) return say(summary(conversation));
  return assemble(script.directives, start, request, takeError);
}

/** Index of the directive after the one that made the last of `results` calls; undefined when the script made fewer. */
function placeAfter(directives: readonly Directive[], results: number): number | undefined {
  let left = results;
  for (let at = 0; at <= directives.length; at += 1) {
    if (left <= 0) return at;
    const directive = directives[at];
    if (directive?.kind === 'tools') left -= directive.calls.length;
  }
  return undefined;
}

function assemble(
  directives: readonly Directive[],
  start: number,
  request: MessagesRequest,
  takeError: (place: string, times: number) => boolean,
): Reply {
  const blocks: Reply['blocks'][number][] = [];
  let usage: Reply['usage'];
  const write = (chunks: Chunk[]): void => {
    const last = blocks.at(-1);
    // What is said in one message is one text, a line each.
    if (last?.type === 'text') {
      blocks[blocks.length - 1] = { type: 'text', chunks: [...last.chunks, { text: '\n', delay_ms: 0 }, ...chunks] };
    } else blocks.push({ type: 'text', chunks });
  };

  for (const [at, directive] of directives.entries()) {
    if (at < start) continue;
    switch (directive.kind) {
      case 'say':
        write([{ text: directive.text, delay_ms: 0 }]);
        break;
      case 'slow':
        write(chunksOf(directive).map((text) => ({ text, delay_ms: directive.delay_ms })));
        break;
      case 'history':
        write([{ text: historyLine(request), delay_ms: 0 }]);
        break;
      case 'system':
        write([{ text: ownSystemPrompt(request), delay_ms: 0 }]);
        break;
      case 'think':
        blocks.push({ type: 'thinking', text: directive.text });
        break;
      case 'tokens':
        usage = { input_tokens: directive.input, output_tokens: directive.output };
        break;
      case 'error':
        if (directive.times === null || takeError(String(at), directive.times)) {
          return { blocks, usage, error: { status: directive.status, message: directive.message } };
        }
        break;
      case 'tools':
        for (const call of directive.calls) blocks.push({ type: 'tool_use', call });
        return { blocks, usage, error: undefined };
    }
  }
  // Only `tokens` or spent errors were left: a message must say something.
  if (!blocks.some((block) => block.type === 'text')) write([{ text: 'Done.', delay_ms: 0 }]);
  return { blocks, usage, error: undefined };
}

const say = (text: string): Reply => ({
  blocks: [{ type: 'text', chunks: text.split(/(?<=\n)/).map((line) => ({ text: line, delay_ms: 0 })) }],
  usage: undefined,
  error: undefined,
});

/** For requests that the CLI makes for itself. */
export const sideReply = (request: MessagesRequest): Reply =>
  say(request.output_config?.format === undefined ? 'Scripted model' : '{"title":"Scripted model"}');

function summary(conversation: Conversation): string {
  const lines = conversation.fresh_outcomes.map((outcome) => {
    const first = outcome.text.trim().split('\n')[0] ?? '';
    if (outcome.is_error) return `${outcome.name} did not run or failed: ${first || 'no reason given'}`;
    return first === '' ? `${outcome.name} ran and printed nothing.` : `${outcome.name} answered: ${first}`;
  });
  return lines.length === 0 ? 'Done.' : lines.join('\n');
}

const describeProblems = (script: Script): string =>
  ['This script cannot be run:', ...script.problems.map((p) => `- line ${p.line}: ${p.message}`)].join('\n');

/** What a newcomer reads who writes to the demo as to a real model. */
function demoAnswer(prompt: string): string {
  const words = prompt.trim().split(/\s+/);
  const quoted = words.slice(0, 8).join(' ') + (words.length > 8 ? ' …' : '');
  return [
    `I am the scripted model of Nox's demo, not Claude. I read “${quoted}”, but I only follow scripts. The agent around me is`,
    'the real Claude CLI, so tool calls, approvals and history are real. Send one of these lines as a prompt:',
    '',
    '- `tool Bash {"command":"ls -la"}` runs a harmless command at once',
    '- `tool Bash {"command":"touch hello.txt"}` waits for your approval first',
    '- `slow 20 I am counting` writes slowly, so that you can watch or interrupt',
    '',
    'To talk to Claude itself, log in with the `claude` command, then run `nox model use claude`.',
  ].join('\n');
}
