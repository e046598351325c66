import { PassThrough } from 'node:stream';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../shared/clock.js';
import type { EndOptions, ExitFacts, ManagedProcess, ProcessIdentity } from '../../process/process-host.js';
import type { RunRequest, RuntimeEvent, ToolCall, ToolDecision } from '../runtime.js';
import { StreamJsonSession } from './stream-json-session.js';

const KILLED: ExitFacts = { exit_code: null, signal: 'SIGKILL', forced: true };
const IDENTITY: ProcessIdentity = { run_id: 'r', boot_id: 'b', pid: 1, start_ticks: 1, confinement: 'process-group' };

/** An agent process that is played by the spec. */
class PlayedProcess implements ManagedProcess {
  readonly identity = IDENTITY;
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly ends: number[] = [];
  private readonly lines = createInterface({ input: this.stdin })[Symbol.asyncIterator]();
  private exit!: (facts: ExitFacts) => void;
  readonly exited = new Promise<ExitFacts>((resolve) => {
    this.exit = resolve;
  });

  programPid = (): number => 1;
  tree = (): Promise<number[]> => Promise.resolve([]);
  signal = (): void => undefined;
  end({ grace_ms }: EndOptions): Promise<ExitFacts> {
    this.ends.push(grace_ms);
    this.die(KILLED);
    return this.exited;
  }

  die(facts: ExitFacts): void {
    this.stdout.end();
    this.stderr.end();
    this.exit(facts);
  }

  /** A child of it has the pipes, too, and lives. */
  dieWithOpenPipes(facts: ExitFacts): void {
    this.exit(facts);
  }

  say(frame: object): void {
    this.stdout.write(`${JSON.stringify(frame)}\n`);
  }

  /** The next line that Nox wrote. */
  async hear(): Promise<Record<string, unknown>> {
    const { value } = await this.lines.next();
    return JSON.parse(String(value)) as Record<string, unknown>;
  }

  answer(request_id: unknown, response: object = {}): void {
    this.say({ type: 'control_response', response: { subtype: 'success', request_id, response } });
  }

  ask(request_id: string, request: object): void {
    this.say({ type: 'control_request', request_id, request });
  }
}

const REQUEST: RunRequest = {
  run_id: 'r',
  agent_id: 'a',
  session_id: 's',
  resume: false,
  cwd: '/work',
  system_prompt: 'be brief',
  model: undefined,
  command: undefined,
  env: {},
  disallowed_tools: [],
  tool_timeout_s: 60,
};
const HOOK = {
  subtype: 'hook_callback',
  callback_id: 'nox_pre_tool_use',
  input: { hook_event_name: 'PreToolUse', tool_name: 'Bash', tool_input: { command: 'ls' }, tool_use_id: 't1' },
};

describe(StreamJsonSession.name, () => {
  let process: PlayedProcess;
  let clock: ManualClock;
  let events: RuntimeEvent[];
  let calls: ToolCall[];
  let onEvent: (event: RuntimeEvent) => void;
  let decide: () => Promise<ToolDecision>;
  let session: StreamJsonSession;

  beforeEach(() => {
    process = new PlayedProcess();
    clock = new ManualClock();
    events = [];
    calls = [];
    onEvent = (event) => events.push(event);
    decide = () => Promise.resolve({ behavior: 'allow' });
    session = new StreamJsonSession(
      process,
      REQUEST,
      {
        onEvent: (event) => onEvent(event),
        onToolCall: (call) => {
          calls.push(call);
          return decide();
        },
      },
      clock,
    );
  });
  afterEach(() => session.end({ grace_ms: 0 }));

  const initialize = async (response: object = {}): Promise<Record<string, unknown>> => {
    const frame = await process.hear();
    process.answer(frame['request_id'], response);
    return frame;
  };

  /** Lets what was said be heard first; then time passes. */
  const advance = async (by_ms: number): Promise<void> => {
    await new Promise(setImmediate);
    clock.advance(by_ms);
  };

  it('sets a hook on every tool that blocks when it fails, and gives the system prompt', async () => {
    const frame = await initialize({ claude_code_version: '2.1.329', hooks_applied: true });
    expect(frame['request']).toEqual({
      subtype: 'initialize',
      hooks: {
        PreToolUse: [{ matcher: '', hookCallbackIds: ['nox_pre_tool_use'], timeout: 60, onFailure: 'block' }],
      },
      appendSystemPrompt: 'be brief',
    });
    await expect(session.ready).resolves.toEqual({ version: '2.1.329', logged_in: null });
  });

  it.each([
    [{ tokenSource: 'none', apiKeySource: 'none' }, false],
    [{ tokenSource: 'none', apiKeySource: 'ANTHROPIC_API_KEY' }, true],
    [{ tokenSource: 'claude.ai' }, true],
    [undefined, null],
  ])('reads the account %j as logged_in %j', async (account, logged_in) => {
    await initialize({ account });
    await expect(session.ready).resolves.toMatchObject({ logged_in });
  });

  it('is not ready without its hook', async () => {
    await initialize({ hooks_applied: false });
    await advance(2000);
    await expect(session.ready).rejects.toMatchObject({
      code: 'AGENT_START_FAILED',
      message: expect.stringContaining('did not take the hook'),
    });
    expect(process.ends).toEqual([0]);
  });

  it('gives up on a process that is silent for 30 s, and ends it', async () => {
    await process.hear();
    clock.advance(29_999);
    expect(process.ends).toEqual([]);
    clock.advance(1);
    await advance(2000);
    await expect(session.ready).rejects.toMatchObject({ code: 'AGENT_START_FAILED' });
    expect(process.ends).toEqual([0]);
  });

  it('tells the last words of a process that ends before it is ready', async () => {
    process.stderr.write('Error: Session ID s is already in use.\n');
    process.die({ exit_code: 1, signal: null, forced: false });
    await expect(session.ready).rejects.toMatchObject({
      message: 'The agent process did not get ready: Error: Session ID s is already in use.',
      details: { reason: 'session_in_use', exit_code: 1, signal: null },
    });
  });

  it('answers the hook with allow, and the permission request that follows with the same', async () => {
    await initialize();
    process.ask('q1', HOOK);
    expect(await process.hear()).toEqual({
      type: 'control_response',
      response: {
        subtype: 'success',
        request_id: 'q1',
        response: { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'allow' } },
      },
    });
    process.ask('q2', { subtype: 'can_use_tool', tool_name: 'Bash', input: { command: 'ls' }, tool_use_id: 't1' });
    expect(await process.hear()).toMatchObject({
      response: { request_id: 'q2', response: { behavior: 'allow', updatedInput: { command: 'ls' } } },
    });
    expect(calls).toEqual([
      expect.objectContaining({ tool_use_id: 't1', session_id: 's', cwd: '/work', batch_size: 1 }),
    ]);
  });

  it('asks for a call that only the permission request shows', async () => {
    await initialize();
    decide = () => Promise.resolve({ behavior: 'deny', reason: 'no' });
    process.ask('q', { subtype: 'can_use_tool', tool_name: 'Bash', input: {}, tool_use_id: 't9' });
    expect(await process.hear()).toMatchObject({ response: { response: { behavior: 'deny', message: 'no' } } });
    expect(calls).toHaveLength(1);
  });

  it.each([
    ['a hook without input', { subtype: 'hook_callback', callback_id: 'x' }],
    ['a hook of another event', { ...HOOK, input: { ...HOOK.input, hook_event_name: 'Stop' } }],
    ['a hook whose input is a list', { ...HOOK, input: { ...HOOK.input, tool_input: [] } }],
  ])('denies %s without asking, and never answers a hook with an error', async (_what, request) => {
    await initialize();
    process.ask('q', request);
    expect(await process.hear()).toMatchObject({
      response: { subtype: 'success', response: { hookSpecificOutput: { permissionDecision: 'deny' } } },
    });
    expect(calls).toEqual([]);
  });

  it('denies a permission request that it cannot read', async () => {
    await initialize();
    process.ask('q', { subtype: 'can_use_tool', tool_name: 'Bash' });
    expect(await process.hear()).toMatchObject({ response: { subtype: 'success', response: { behavior: 'deny' } } });
  });

  it('refuses requests that it does not know', async () => {
    await initialize();
    process.ask('q', { subtype: 'who_knows', server_name: 'x' });
    expect(await process.hear()).toMatchObject({ response: { subtype: 'error', request_id: 'q' } });
  });

  it('hands events on in the order of their lines, across chunks', async () => {
    await initialize();
    const line = JSON.stringify({ type: 'command_lifecycle', command_uuid: 'ü', state: 'started' });
    const bytes = Buffer.from(`${line}\n${line}\nno json\n${line}\n`);
    for (const byte of bytes) process.stdout.write(Buffer.from([byte]));
    process.die({ exit_code: 0, signal: null, forced: false });
    await session.exited;
    expect(events.map((event) => (event.type === 'prompt_state' ? event.prompt_uuid : event.type))).toEqual([
      'ü',
      'ü',
      'log',
      'ü',
    ]);
  });

  it('ends the run when an event cannot be handed on, and says why', async () => {
    onEvent = () => {
      throw new Error('the journal is full');
    };
    process.say({ type: 'command_lifecycle', command_uuid: 'u', state: 'started' });
    await expect(session.exited).resolves.toMatchObject({
      forced: true,
      stderr_tail: expect.stringContaining('the journal is full'),
    });
  });

  it('keeps the last 4 KiB of stderr, and cuts long log lines', async () => {
    process.stderr.write(`${'x'.repeat(20_000)}\nend\n`);
    process.die({ exit_code: 1, signal: null, forced: false });
    const { stderr_tail } = await session.exited;
    expect(stderr_tail).toHaveLength(4096);
    expect(stderr_tail.endsWith('x\nend\n')).toBe(true);
    expect(events).toEqual([
      { type: 'log', stream: 'stderr', line: 'x'.repeat(8192) },
      { type: 'log', stream: 'stderr', line: 'end' },
    ]);
  });

  it('does not wait for pipes that a survivor holds open', async () => {
    process.dieWithOpenPipes({ exit_code: 0, signal: null, forced: false });
    await advance(2000);
    await expect(session.exited).resolves.toMatchObject({ exit_code: 0 });
  });

  it('asks an idle process to end its session, and is done when it goes', async () => {
    await initialize();
    await session.ready;
    const ended = session.end({ grace_ms: 10_000 });
    const frame = await process.hear();
    expect(frame['request']).toEqual({ subtype: 'end_session' });
    process.die({ exit_code: 0, signal: null, forced: false });
    await expect(ended).resolves.toEqual({ exit_code: 0, signal: null, forced: false });
  });

  it('does not ask a process at work, but ends it with the whole grace', async () => {
    await initialize();
    await session.ready;
    await session.prompt({ uuid: 'u', content: 'work' });
    await expect(session.end({ grace_ms: 5000 })).resolves.toEqual(KILLED);
    expect(process.ends).toEqual([5000]);
  });

  it('rejects an interrupt that is not answered, and takes one after the end for nothing', async () => {
    await initialize();
    const interrupted = session.interrupt();
    await process.hear();
    clock.advance(10_000);
    await expect(interrupted).rejects.toMatchObject({ code: 'INVALID_STATE' });
    process.die({ exit_code: 0, signal: null, forced: false });
    await session.exited;
    await expect(session.interrupt()).resolves.toBeUndefined();
  });
});
