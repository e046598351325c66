// An agent for the event bench: on the prompt "text RATE COUNT" it writes that many pieces of one streamed text, on "block RATE
// COUNT" that many whole texts; each is the moment at which it was written. It speaks the lines of the Claude CLI, as far as
// a `command` agent needs them.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { ticks, wallClock } from './ticks.mjs';

const session_id = randomUUID();
const write = (frame) => process.stdout.write(`${JSON.stringify({ session_id, uuid: randomUUID(), ...frame })}\n`);
const usage = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };

createInterface({ input: process.stdin }).on('line', (line) => {
  const frame = JSON.parse(line);
  if (frame.type === 'control_request') {
    const response = { commands: [], models: [], account: {}, pid: process.pid, claude_code_version: '0.0.0' };
    write({ type: 'control_response', response: { subtype: 'success', request_id: frame.request_id, response } });
    if (frame.request.subtype === 'end_session') process.exit(0);
  }
  if (frame.type === 'user') void turn(frame);
});

async function turn({ uuid, message }) {
  const text = typeof message.content === 'string' ? message.content : message.content.at(-1).text;
  const [, kind, rate, count] = /^(text|block) (\d+) (\d+)$/.exec(text);
  const state = (value) => write({ type: 'command_lifecycle', command_uuid: uuid, state: value });
  state('queued');
  state('started');
  write({ type: 'system', subtype: 'init', cwd: process.cwd(), tools: [], mcp_servers: [], model: 'ticker' });
  const stream = (event) => write({ type: 'stream_event', event, parent_tool_use_id: null });
  const head = { id: randomUUID(), type: 'message', role: 'assistant', model: 'ticker' };
  stream({ type: 'message_start', message: { ...head, content: [], stop_reason: null, usage } });
  stream({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } });
  const block = (text) => {
    const content = [{ type: 'text', text }];
    write({ type: 'assistant', message: { ...head, content, stop_reason: null, usage }, parent_tool_use_id: null });
  };
  const piece = () =>
    stream({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: `${wallClock()} ` } });
  await ticks(Number(rate), Number(count), kind === 'text' ? piece : () => block(`${wallClock()} `));
  stream({ type: 'content_block_stop', index: 0 });
  block('done');
  stream({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage });
  stream({ type: 'message_stop' });
  state('completed');
  write({
    type: 'result',
    subtype: 'success',
    is_error: false,
    terminal_reason: 'completed',
    stop_reason: 'end_turn',
    num_turns: 1,
    duration_ms: 1,
    duration_api_ms: 1,
    result: 'done',
    total_cost_usd: 0,
    usage,
    modelUsage: {},
    permission_denials: [],
  });
}
