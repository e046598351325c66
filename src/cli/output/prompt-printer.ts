import type { PromptFrame, PromptReply } from '../../contracts/turn.js';
import type { z } from 'zod';
import type { Cli } from '../cli.js';
import { painted, stateCell } from './style.js';
import { cut, oneLine, plain, visible } from './text.js';
import { cost } from './agent-view.js';

type Reply = z.infer<typeof PromptReply>;
const LINE_WIDTH = 160;

/**
 * Shows a prompt's frames: text goes to stdout as it comes, calls and approvals are dim lines on stderr. With `--json`
 * the frames themselves are the output, and this only keeps account.
 */
export class PromptPrinter {
  turn_id: string | undefined;
  status: Reply['status'] | undefined;
  interrupted = false;
  private at_line_start = true;
  private wrote = false;

  constructor(private readonly cli: Cli) {}

  frame(frame: PromptFrame): void {
    switch (frame.event) {
      case 'message_start':
        this.turn_id = frame.data.turn_id;
        if (frame.data.status === 'queued') this.aside(`◌ queued as ${frame.data.turn_id}`);
        return;
      case 'content':
        this.text(frame.data.text);
        return;
      case 'tool_call_start':
        this.aside(`⚙ ${oneLine(frame.data.name)} ${shortInput(frame.data.input)}`);
        return;
      case 'tool_call_end':
        this.aside(`${frame.data.is_error ? '✕' : '✓'} ${oneLine(frame.data.result)}`);
        return;
      case 'approval':
        this.approval(frame.data.approval_id, frame.data.status);
        return;
      case 'postponed':
        this.aside(`◌ waits: ${oneLine(frame.data.reason)}`);
        return;
      case 'message_end':
        this.end(frame.data);
    }
  }

  /** The person wants it to stop. */
  interrupt(): void {
    this.interrupted = true;
    this.aside('■ interrupting; Ctrl-C again leaves it alone');
  }

  /** The stream ended before the turn did. */
  broken(): void {
    this.finishLine();
    if (this.turn_id !== undefined) this.cli.say(this.cli.words.dim(`Read it with: nox turn show ${this.turn_id}`));
  }

  private text(text: string): void {
    if (this.cli.json || text === '') return;
    const shown = plain(text);
    this.cli.print(shown);
    this.wrote = true;
    this.at_line_start = shown.endsWith('\n');
  }

  private approval(id: string, status: string): void {
    if (status !== 'pending' && status !== 'parked') {
      this.aside(`${painted(stateCell(oneLine(status), this.cli.words))}: ${oneLine(id)}`);
      return;
    }
    this.finishLine();
    if (!this.cli.json) this.cli.say(this.cli.words.yellow(`◆ waits for you: nox approval show ${oneLine(id)}`));
  }

  private end(reply: Reply): void {
    this.status = reply.status;
    // A reply that was not streamed is whole in the last frame.
    if (!this.wrote) this.text(reply.text);
    this.finishLine();
    if (this.cli.json) return;
    if (reply.status !== 'complete') {
      const reason = reply.reason === null ? '' : `: ${oneLine(reply.reason)}`;
      this.cli.say(`${painted(stateCell(reply.status, this.cli.words))} ${reply.turn_id}${reason}`);
    } else if (reply.usage !== null) {
      const { input_tokens, output_tokens, cost_usd } = reply.usage;
      this.aside(`${input_tokens} tokens in, ${output_tokens} out, ${cost(cost_usd)}`);
    }
  }

  /** A dim line on stderr. */
  private aside(text: string): void {
    if (this.cli.json) return;
    this.finishLine();
    this.cli.say(this.cli.words.dim(cut(text, LINE_WIDTH)));
  }

  /** Blocks of text are apart, and words do not run into a line of the reply. */
  private finishLine(): void {
    if (this.at_line_start) return;
    this.cli.print('\n');
    this.at_line_start = true;
  }
}

/** The one field that tells what a call is about, else all of it, on one line. */
export function shortInput(input: unknown): string {
  if (typeof input !== 'object' || input === null) return oneLine(visible(JSON.stringify(input) ?? ''));
  for (const name of ['command', 'file_path', 'path', 'pattern', 'url', 'query', 'service', 'description']) {
    const value: unknown = Object.hasOwn(input, name) ? Reflect.get(input, name) : undefined;
    if (typeof value === 'string') return oneLine(visible(value));
  }
  return oneLine(visible(JSON.stringify(input)));
}
