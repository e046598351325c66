import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/nox-error.js';
import type { ManagedProcess } from '../process/process-host.js';
import { hookAnswer, successResponse } from '../runtime/stream-json/answers.js';
import { CanUseTool, type Frame, type FrameBody, HookCallback } from '../runtime/stream-json/frames.js';
import { initializeRequest } from '../runtime/stream-json/initialize-request.js';
import { LineSplitter } from '../runtime/stream-json/line-splitter.js';
import { LineWriter } from '../runtime/stream-json/line-writer.js';
import { parseLine } from '../runtime/stream-json/parse-line.js';
import { brokenAnswer, type Outcome, type Route, type Way, wayName, type WayResult } from './ways.js';

/** How long the hook's answer may take here: it is left out on purpose. */
export const HOOK_TIMEOUT_S = 1;
/** A permission request has no time limit of its own: that nothing happens is looked at for so long. */
const QUIET_MS = 500;
/** One turn of the scripted model takes a tenth of a second. */
const TURN_TIMEOUT_MS = 15_000;
const CARRIERS: ReadonlySet<string> = new Set(['Task', 'Agent']);

/** What is asked of the process now. `way` undefined: the control, a call that is allowed and must run. */
interface Step {
  readonly way: Way | undefined;
  readonly effect: string;
  /** Content of the file to read; seen in the output if and only if it was read. */
  readonly token: string;
  asked: boolean;
  seen: boolean;
}

/** Leads one process through its ways. Every call of it is answered here, none by Nox's own gate. */
export class CanaryRun {
  private readonly writer: LineWriter;
  private readonly steps: Step[] = [];
  private step: Step | undefined;
  private wake: () => void = () => undefined;
  private is_ready = false;
  private ended_turns = 0;
  private ended = false;
  private last_words = '';

  constructor(
    private readonly process: ManagedProcess,
    private readonly workspace: string,
    private readonly clock: Clock,
  ) {
    this.writer = new LineWriter(process.stdin);
    const splitter = new LineSplitter();
    process.stdout.on('data', (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) if (line.kind === 'line') this.read(line.text);
    });
    process.stderr.on('data', (chunk: Buffer) => {
      this.last_words = `${this.last_words}${chunk.toString('utf8')}`.slice(-400);
    });
    void process.exited.then(() => {
      this.ended = true;
      this.wake();
    });
  }

  /** One result per way, whatever happens; the process and all it started are gone afterwards. */
  async follow(route: Route, onResult: () => void): Promise<WayResult[]> {
    const told: WayResult[] = [];
    try {
      await this.begin(route[0]?.sub_agent === true);
      for (const way of route) {
        told.push(await this.go(way));
        onResult();
      }
    } catch (error) {
      told.push(...route.slice(told.length).map((way) => unclear(way, messageOf(error))));
    } finally {
      await this.process.end({ grace_ms: 0 });
      this.writer.destroy();
    }
    // A call may have run late, when its way was over: what stands in the workspace now is what counts.
    const late = this.steps.filter(({ way }) => way !== undefined);
    return told.map((result, at) => {
      const step = late[at];
      return step !== undefined && hasRun(step) ? { ...result, outcome: 'ran', detail: RAN } : result;
    });
  }

  /** Gets the process ready, and shows that an allowed call does run: else the canary would be blind. */
  private async begin(sub_agent: boolean): Promise<void> {
    const request_id = randomUUID();
    const request = initializeRequest({ system_prompt: '', tool_timeout_s: HOOK_TIMEOUT_S });
    await this.writer.write({ type: 'control_request', request_id, request });
    await this.until(() => this.is_ready, 'the CLI did not get ready');
    const step = await this.ask(undefined, 'write', sub_agent);
    await this.until(() => this.ended_turns > 0, 'the control turn did not end');
    if (!hasRun(step)) throw new Error(`an allowed call did not run, so nothing can be proven. ${this.last_words}`);
  }

  private async go(way: Way): Promise<WayResult> {
    const turns = this.ended_turns;
    const step = await this.ask(way, way.call, way.sub_agent);
    if (way.fault === 'closed_pipe') await this.until(() => this.ended, 'the CLI lived on without its pipe');
    else if (way.at === 'permission' && way.fault === 'no_answer') {
      await this.until(() => step.asked, 'the CLI did not ask');
      await new Promise<void>((resolve) => this.clock.after(QUIET_MS, resolve));
    } else await this.until(() => this.ended_turns > turns, 'the turn did not end');
    const outcome: Outcome = hasRun(step) ? 'ran' : step.asked ? 'held' : 'unclear';
    const detail = { ran: RAN, held: 'the call did not run', unclear: 'the CLI never asked for the call' }[outcome];
    return { way: wayName(way), outcome, detail };
  }

  private async ask(way: Way | undefined, call: Way['call'], sub_agent: boolean): Promise<Step> {
    const name = `canary-${this.steps.length}-${randomUUID()}`;
    const step: Step = { way, effect: join(this.workspace, name), token: randomUUID(), asked: false, seen: false };
    this.steps.push(step);
    this.step = step;
    const readable = `${step.effect}.txt`;
    if (call === 'read') await writeFile(readable, step.token);
    const script =
      call === 'read'
        ? `tool Read ${JSON.stringify({ file_path: readable })}`
        : `tool Bash ${JSON.stringify({ command: `touch ${step.effect}`, description: 'canary' })}`;
    const carried = { description: 'canary', subagent_type: 'general-purpose', run_in_background: false };
    const content = sub_agent ? `tool Task ${JSON.stringify({ ...carried, prompt: script })}` : script;
    await this.writer.write({
      type: 'user',
      uuid: randomUUID(),
      session_id: '',
      message: { role: 'user', content },
      parent_tool_use_id: null,
    });
    return step;
  }

  private read(line: string): void {
    if (this.step !== undefined && line.includes(this.step.token)) this.step.seen = true;
    const parsed = parseLine(line);
    if (parsed.kind === 'frame') this.take(parsed.frame);
    this.wake();
  }

  private take(frame: Frame): void {
    if (frame.type === 'control_response') {
      this.is_ready ||= frame.body.response.subtype === 'success';
      if (frame.body.response.subtype !== 'success') this.last_words = 'it refused to be initialized';
    } else if (frame.type === 'result') this.ended_turns += 1;
    else if (frame.type === 'control_request') {
      // The pipe may be gone: then the way ends by the end of the process.
      this.answer(frame.body).catch((error: unknown) => (this.last_words = messageOf(error)));
    }
  }

  private async answer({ request_id, request }: FrameBody<'control_request'>): Promise<void> {
    const hook = HookCallback.safeParse(request).data;
    const permission = CanUseTool.safeParse(request).data;
    const tool_name = hook?.input.tool_name ?? permission?.tool_name;
    const { step } = this;
    if (tool_name === undefined || step === undefined) return;
    const { way } = step;
    const at = hook === undefined ? 'permission' : 'hook';
    if (way === undefined || CARRIERS.has(tool_name)) {
      const allowed = hookAnswer({ behavior: 'allow' });
      const body = hook === undefined ? { behavior: 'allow', updatedInput: permission?.input ?? {} } : allowed;
      await this.writer.write(successResponse(request_id, body));
    } else if (way.at !== at) {
      const ask = { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'ask' } };
      await this.writer.write(
        successResponse(request_id, at === 'hook' ? ask : { behavior: 'deny', message: 'the backstop says no' }),
      );
    } else {
      step.asked = true;
      if (way.fault === 'closed_pipe') this.writer.destroy();
      const answer = brokenAnswer(way, request_id);
      if (answer !== undefined) await this.writer.write(answer);
    }
  }

  /** Waits for what the lines of the process bring. Rejects in time, and when it ends first. */
  private async until(reached: () => boolean, problem: string): Promise<void> {
    let late = false;
    const cancel = this.clock.after(TURN_TIMEOUT_MS, () => {
      late = true;
      this.wake();
    });
    try {
      while (!reached()) {
        if (late || this.ended) throw new Error(`${problem}. ${this.last_words}`.trim());
        await new Promise<void>((resolve) => (this.wake = resolve));
      }
    } finally {
      cancel();
      this.wake = () => undefined;
    }
  }
}

const RAN = 'THE CALL RAN';
const hasRun = ({ effect, seen }: Step): boolean => seen || existsSync(effect);
const unclear = (way: Way, detail: string): WayResult => ({ way: wayName(way), outcome: 'unclear', detail });
