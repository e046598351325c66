import type { Readable } from 'node:stream';
import type { Clock } from '../../../shared/clock.js';
import { messageOf, NoxError } from '../../../shared/nox-error.js';
import type { ExitFacts, ManagedProcess, ProcessIdentity } from '../../process/process-host.js';
import type { ReadyInfo, RunRequest, RuntimeEvent, RuntimeHandlers, RuntimeSession, Vitals } from '../runtime.js';
import { AgentLog } from './agent-log.js';
import { classifyExit } from './classify-exit.js';
import { ControlRequests } from './control-requests.js';
import { type Frame, InitializeReply } from './frames.js';
import { initializeRequest } from './initialize-request.js';
import { LineSplitter, type SplitLine } from './line-splitter.js';
import { LiveServers } from './live-servers.js';
import { LineWriter, MAX_WAITING_BYTES } from './line-writer.js';
import { OpenPrompts } from './open-prompts.js';
import { parseLine } from './parse-line.js';
import { ToolQuestions } from './tool-questions.js';
import { ToolServerCalls } from './tool-server-calls.js';
import { Translator } from './translate.js';

const READY_TIMEOUT_MS = 30_000;
const INTERRUPT_TIMEOUT_MS = 10_000;
/** An idle CLI is gone 45 ms after `end_session`; one that is not will not go by itself. */
const END_SESSION_TIMEOUT_MS = 2_000;
/** After the exit, for what is still in the pipes. */
const DRAIN_TIMEOUT_MS = 2_000;

/**
 * Drives one process that speaks the Claude CLI's stream-json over stdio. Lines are read once, in order, and handed on
 * as events; every tool call is asked through the PreToolUse hook. Whatever the process sends or fails to read harms
 * this session only.
 */
export class StreamJsonSession implements RuntimeSession {
  readonly ready: Promise<ReadyInfo>;
  readonly exited: Promise<ExitFacts & { readonly stderr_tail: string }>;
  private readonly translator = new Translator();
  private readonly prompts = new OpenPrompts();
  private readonly writer: LineWriter;
  private readonly control: ControlRequests;
  private readonly questions: ToolQuestions;
  private readonly tools: ToolServerCalls;
  private readonly servers: LiveServers;
  private readonly log: AgentLog;
  private last_output_ms: number | null = null;
  private is_ready = false;
  private has_exited = false;
  private is_deaf_to_events = false;

  constructor(
    private readonly process: ManagedProcess,
    private readonly request: RunRequest,
    private readonly handlers: RuntimeHandlers,
    private readonly clock: Clock,
  ) {
    this.log = new AgentLog((event) => this.emit(event), clock);
    this.writer = new LineWriter(process.stdin, MAX_WAITING_BYTES, () => clock.now());
    this.control = new ControlRequests((frame) => this.writer.write(frame), clock);
    this.questions = new ToolQuestions({
      request,
      log: this.log,
      ask: (call, signal) => this.handlers.onToolCall(call, signal),
      batchSize: (tool_use_id) => this.translator.batchSize(tool_use_id),
      isAlone: (tool_use_id) => this.translator.isAlone(tool_use_id),
      write: (frame) => this.writer.write(frame),
    });
    this.tools = new ToolServerCalls({
      servers: handlers.tools,
      log: this.log,
      takeRun: (...call) => this.questions.takeRun(...call),
      write: (frame) => this.writer.write(frame),
    });
    this.servers = new LiveServers({
      servers: handlers.tools,
      log: this.log,
      send: (request, timeout_ms) => this.control.send(request, timeout_ms),
    });
    const drained = Promise.all([
      readLines(process.stdout, (line) => this.readStdout(line)),
      readLines(process.stderr, (line) => {
        this.last_output_ms = clock.now();
        this.log.write('stderr', line.kind === 'line' ? line.text : line.head);
      }),
    ]);
    this.exited = this.watchExit(drained);
    this.ready = this.initialize();
    this.ready.catch(() => undefined); // `exited` tells it too; whoever awaits `ready` still gets the rejection
  }

  get identity(): ProcessIdentity {
    return this.process.identity;
  }

  programPid(): number | null {
    return this.process.programPid();
  }

  tree(): Promise<number[]> {
    return this.process.tree();
  }

  vitals(): Vitals {
    return { last_output_ms: this.last_output_ms, unread_since_ms: this.writer.unread_since_ms };
  }

  async prompt({ uuid, content }: { uuid: string; content: string }): Promise<void> {
    this.prompts.sent(uuid);
    try {
      await this.writer.write({
        type: 'user',
        uuid,
        session_id: this.request.session_id,
        message: { role: 'user', content },
        parent_tool_use_id: null,
      });
    } catch (error) {
      this.prompts.withdrawn(uuid);
      throw error;
    }
  }

  async interrupt(): Promise<void> {
    if (this.has_exited) return;
    await this.control.send({ subtype: 'interrupt' }, INTERRUPT_TIMEOUT_MS);
  }

  async end({ grace_ms }: { grace_ms: number }): Promise<ExitFacts> {
    const deadline_ms = this.clock.now() + grace_ms;
    if (grace_ms > 0 && this.is_ready && !this.has_exited && this.prompts.none) {
      const timeout_ms = Math.min(END_SESSION_TIMEOUT_MS, grace_ms / 2);
      // The exit is what counts, not the answer: a refusal is followed by SIGTERM.
      this.control.send({ subtype: 'end_session' }, timeout_ms).catch(() => undefined);
      await this.within(timeout_ms, this.process.exited);
    }
    const facts = await this.process.end({ grace_ms: Math.max(0, deadline_ms - this.clock.now()) });
    await this.exited;
    return facts;
  }

  private async initialize(): Promise<ReadyInfo> {
    const { system_prompt, tool_timeout_s } = this.request;
    try {
      const request = initializeRequest({ system_prompt, tool_timeout_s, tool_servers: this.servers.opening() });
      const reply = InitializeReply.parse(await this.control.send(request, READY_TIMEOUT_MS));
      if (reply.hooks_applied === false) throw new Error('It did not take the hook that guards its tool calls.');
      this.is_ready = true;
      this.servers.follow();
      return { version: reply.claude_code_version ?? null, logged_in: isLoggedIn(reply.account) };
    } catch (error) {
      throw await this.startFailure(error);
    }
  }

  /** Ends what did not become ready; its own exit, if it comes at once, tells more than being killed. */
  private async startFailure(cause: unknown): Promise<NoxError> {
    await this.within(DRAIN_TIMEOUT_MS, this.exited);
    await this.process.end({ grace_ms: 0 });
    const { exit_code, signal, stderr_tail, ...facts } = await this.exited;
    const reason = classifyExit({ exit_code, signal, ...facts }, stderr_tail);
    const told = stderr_tail.trim() === '' ? messageOf(cause) : stderr_tail.trim().slice(-500);
    const message = `The agent process did not get ready: ${told}`;
    return new NoxError('AGENT_START_FAILED', message, { reason, exit_code, signal }, { cause });
  }

  private async watchExit(drained: Promise<unknown>): Promise<ExitFacts & { stderr_tail: string }> {
    const facts = await this.process.exited;
    this.has_exited = true;
    this.questions.close();
    this.servers.close();
    this.tools.close();
    await this.within(DRAIN_TIMEOUT_MS, drained);
    this.process.stdout.destroy();
    this.process.stderr.destroy();
    this.writer.destroy();
    this.control.close(new NoxError('INVALID_STATE', 'The agent process has ended.'));
    this.log.end();
    return { ...facts, stderr_tail: this.log.tail };
  }

  private readStdout(line: SplitLine): void {
    this.last_output_ms = this.clock.now();
    if (line.kind === 'too_long') {
      this.log.write('nox', `A line of ${line.bytes} bytes is longer than allowed and was skipped: ${line.head}`);
      return;
    }
    const parsed = parseLine(line.text);
    if (parsed.kind === 'malformed') this.log.write('stdout', `malformed (${parsed.reason}): ${line.text}`);
    else if (parsed.kind === 'frame') this.readFrame(parsed.frame);
  }

  private readFrame(frame: Frame): void {
    if (frame.type === 'control_response') this.control.settle(frame.body);
    else if (frame.type === 'control_cancel_request') {
      this.questions.cancel(frame.body.request_id);
      this.tools.cancel(frame.body.request_id);
    } else if (frame.type === 'control_request') {
      const { request_id, request } = frame.body;
      const answered =
        request.subtype === 'mcp_message' ? this.tools.answer(request_id, request) : this.questions.answer(frame.body);
      answered.catch((error: unknown) => {
        this.log.write('nox', `An answer did not reach the agent: ${messageOf(error)}`);
      });
    } else {
      for (const event of this.translator.translate(frame)) {
        this.prompts.see(event);
        this.emit(event);
      }
    }
  }

  /** A handler that fails has lost an event: the run ends, rather than go on unseen. */
  private emit(event: RuntimeEvent): void {
    if (this.is_deaf_to_events) return;
    try {
      this.handlers.onEvent(event);
    } catch (error) {
      this.is_deaf_to_events = true;
      this.log.remember(`nox: an event could not be handed on: ${messageOf(error)}`);
      this.process.end({ grace_ms: 0 }).catch((cause: unknown) => this.log.remember(`nox: ${messageOf(cause)}`));
    }
  }

  private async within(timeout_ms: number, work: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const cancel = this.clock.after(timeout_ms, resolve);
      work.then(() => resolve(), reject).finally(cancel);
    });
  }
}

/** Resolves when the stream has ended, however it ends. */
async function readLines(stream: Readable, onLine: (line: SplitLine) => void): Promise<void> {
  const splitter = new LineSplitter();
  stream.on('data', (chunk: Buffer) => splitter.push(chunk).forEach(onLine));
  await new Promise<void>((resolve) => {
    stream
      .once('end', resolve)
      .once('error', () => resolve())
      .once('close', resolve);
  });
  splitter.end().forEach(onLine);
}

function isLoggedIn(account: InitializeReply['account']): boolean | null {
  const sources = [account?.tokenSource, account?.apiKeySource].filter((source) => typeof source === 'string');
  return sources.length === 0 ? null : sources.some((source) => source !== 'none');
}
