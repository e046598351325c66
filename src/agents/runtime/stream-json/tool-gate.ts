import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../../shared/nox-error.js';
import type { ToolCall, ToolDecision } from '../runtime.js';

type Ask = (call: ToolCall, signal: AbortSignal) => Promise<ToolDecision>;

interface Entry {
  readonly call: ToolCall;
  /** Its one run has begun. */
  used: boolean;
  readonly controller: AbortController;
  /** Undefined when the call was cancelled. */
  readonly decided: Promise<ToolDecision | undefined>;
  decision: ToolDecision | undefined;
}

/** Decided calls that are remembered; the CLI asks a second time at once or never. */
const MAX_REMEMBERED = 1000;

/**
 * Asks once per tool call, although the CLI may ask twice: by the hook that sees every call, and by the permission
 * request that is its backstop. The second question gets the first one's answer, if it is about the same input (or the
 * input as the decision edited it); else it is another question. Fails closed: an error of the asked is a denial.
 */
export class ToolGate {
  private readonly entries = new Map<string, Entry>();
  /** Open questions of the CLI by their request id. */
  private readonly open = new Map<string, Entry>();
  private closed = false;

  constructor(private readonly ask: Ask) {}

  /** The decision, or undefined when the question was withdrawn meanwhile: then nobody waits for an answer. */
  async decide(request_id: string, call: ToolCall): Promise<ToolDecision | undefined> {
    if (this.closed) return undefined;
    const known = this.entries.get(call.tool_use_id);
    const entry = known !== undefined && isSameCall(known, call) ? known : this.begin(call);
    this.open.set(request_id, entry);
    try {
      return await entry.decided;
    } finally {
      this.open.delete(request_id);
    }
  }

  /**
   * Takes the one run that an allowed call is good for: this tool, with the very input that was allowed. False when it was
   * not allowed, or has run.
   */
  takeRun(tool_use_id: string, tool_name: string, input: unknown): boolean {
    const entry = this.entries.get(tool_use_id);
    if (entry?.decision?.behavior !== 'allow' || entry.used || entry.call.tool_name !== tool_name) return false;
    if (!isDeepStrictEqual(input, entry.decision.updated_input ?? entry.call.input)) return false;
    entry.used = true;
    return true;
  }

  /** The CLI withdrew its question (interrupt, hook timeout). */
  cancel(request_id: string): void {
    const entry = this.open.get(request_id);
    if (entry !== undefined) this.abort(entry, 'The call was cancelled.');
  }

  /** No call waits any more: the process is gone. */
  close(): void {
    this.closed = true;
    for (const entry of this.entries.values()) this.abort(entry, 'The agent process has ended.');
  }

  private begin(call: ToolCall): Entry {
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    const asked = this.askSafely(call, signal).then((decision) => {
      if (!signal.aborted) entry.decision = decision;
      return decision;
    });
    const entry: Entry = {
      call,
      controller,
      decided: Promise.race([aborted, asked]),
      decision: undefined,
      used: false,
    };
    this.entries.delete(call.tool_use_id);
    this.entries.set(call.tool_use_id, entry);
    this.forgetOldest();
    return entry;
  }

  private async askSafely(call: ToolCall, signal: AbortSignal): Promise<ToolDecision> {
    try {
      return await this.ask(call, signal);
    } catch (error) {
      return { behavior: 'deny', reason: `Nox could not decide on this call: ${messageOf(error)}` };
    }
  }

  private abort(entry: Entry, reason: string): void {
    if (entry.decision !== undefined) return;
    if (this.entries.get(entry.call.tool_use_id) === entry) this.entries.delete(entry.call.tool_use_id);
    entry.controller.abort(new Error(reason));
  }

  private forgetOldest(): void {
    for (const [id, entry] of this.entries) {
      if (this.entries.size <= MAX_REMEMBERED) return;
      if (entry.decision !== undefined) this.entries.delete(id);
    }
  }
}

function isSameCall({ call, decision }: Entry, other: ToolCall): boolean {
  if (call.tool_name !== other.tool_name) return false;
  const edited = decision?.behavior === 'allow' ? decision.updated_input : undefined;
  return isDeepStrictEqual(other.input, call.input) || isDeepStrictEqual(other.input, edited);
}
