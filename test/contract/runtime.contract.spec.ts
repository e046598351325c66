import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createProcessHost } from '../../src/agents/process/native-process-host.js';
import { ClaudeRuntime } from '../../src/agents/runtime/claude/claude-runtime.js';
import { findClaude } from '../../src/agents/runtime/claude/find-claude.js';
import { CommandRuntime } from '../../src/agents/runtime/command/command-runtime.js';
import type { AgentRuntime, RunRequest, RuntimeEvent, ToolServers } from '../../src/agents/runtime/runtime.js';
import { ToolServerSet } from '../../src/agents/runtime/tool-servers.js';
import { ScriptedModel } from '../../src/scripted-model/scripted-model.js';
import { CLAUDE_PATH, claudeEnv } from '../support/claude-env.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';
import { eventually, within } from '../support/wait.js';
import { DrivenAgent, ofType } from './driven-agent.js';
import { PlayedTools } from './played-tools.js';

const FAKE_AGENT = fileURLToPath(new URL('../fixtures/fake-agent/fake-agent.mjs', import.meta.url));
const API_KEY = 'a key for tests only';
const host = createProcessHost();
const model = new ScriptedModel({ api_key: API_KEY });
let model_url: string;
let dir: TempDir;
let agents: DrivenAgent[];

beforeAll(async () => {
  model_url = (await model.listen()).url;
});
afterAll(() => model.close());
beforeEach(async () => {
  dir = await makeTempDir('nox-runtime-');
  agents = [];
  await mkdir(cwd());
});
afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.session.end({ grace_ms: 0 })));
  await dir.remove();
});

const cwd = (): string => join(dir.path, 'workspace');
const canary = (): string => join(cwd(), 'canary');
const touch = (path = canary()): string => `tool Bash {"command":"touch ${path}","description":"touch"}`;

/** One kind of agent process under the suite. */
interface Subject {
  readonly name: string;
  readonly runtime: AgentRuntime;
  request(): Pick<RunRequest, 'env' | 'command'>;
}

const FAKE: Subject = {
  name: 'the fake agent',
  runtime: new CommandRuntime(host),
  request: () => ({
    command: [process.execPath, FAKE_AGENT],
    env: { PATH: process.env['PATH'] ?? '', FAKE_AGENT_HOME: join(dir.path, 'fake-agent') },
  }),
};
const REAL: Subject = {
  name: 'the real Claude CLI',
  runtime: new ClaudeRuntime(host, {
    findClaude: () => findClaude({ config_path: CLAUDE_PATH, env_path: undefined, path: process.env['PATH'] }),
  }),
  request: () => ({
    command: undefined,
    env: claudeEnv({ config_dir: join(dir.path, 'claude'), base_url: model_url, api_key: API_KEY }),
  }),
};

async function start(subject: Subject, overrides: Partial<RunRequest> = {}, tools?: ToolServers): Promise<DrivenAgent> {
  const request = {
    ...subject.request(),
    run_id: `run_${randomUUID()}`,
    agent_id: 'tester',
    session_id: randomUUID(),
    resume: false,
    cwd: cwd(),
    system_prompt: '',
    model: undefined,
    disallowed_tools: [],
    tool_timeout_s: 3600,
    ...overrides,
  };
  const agent = await DrivenAgent.start(subject.runtime, request, tools);
  agents.push(agent);
  return agent;
}

describe.each([FAKE, REAL])('an agent runtime over $name', (subject) => {
  it('gets ready before it is prompted, and says version and login', async () => {
    const agent = await start(subject);
    await expect(agent.session.ready).resolves.toEqual({ version: expect.stringMatching(/^2\./), logged_in: true });
    expect(agent.session.programPid()).toEqual(expect.any(Number));
    expect(ofType(agent.events, 'turn_init')).toEqual([]);
  });

  it('streams a reply and ends the turn with its usage', async () => {
    const session_id = randomUUID();
    const agent = await start(subject, { session_id });
    const { events, result } = await agent.turn('slow 3@1 one two three');
    expect(
      ofType(events, 'text_delta')
        .map((event) => event.text)
        .join(''),
    ).toBe('one two three');
    expect(ofType(events, 'text')).toEqual([{ type: 'text', text: 'one two three', parent_tool_use_id: null }]);
    expect(ofType(events, 'turn_init')).toEqual([expect.objectContaining({ session_id, failed_mcp: [] })]);
    expect(result).toMatchObject({ is_error: false, terminal_reason: 'completed', text: 'one two three' });
    expect(result.usage.input_tokens).toBeGreaterThan(0);
    expect(result.usage.output_tokens).toBeGreaterThan(0);
    expect(ofType(agent.events, 'log')).toEqual([]);
  });

  it('tells the cost of each turn, not the sum', async () => {
    const agent = await start(subject);
    const first = await agent.turn('tokens 1000 100\nsay first');
    const second = await agent.turn('tokens 1000 100\nsay second');
    expect(first.result.usage.cost_usd).toBeGreaterThan(0);
    expect(second.result.usage.cost_usd).toBeLessThan(first.result.usage.cost_usd * 1.5);
    expect(second.result.usage.input_tokens).toBeLessThan(first.result.usage.input_tokens * 1.5);
  });

  it('keeps the conversation from prompt to prompt', async () => {
    const agent = await start(subject);
    await agent.turn('say alpha');
    expect((await agent.turn('history')).result.text).toContain('u:say alpha|a:alpha|u:history');
  });

  it('gives receipts by uuid, and runs a prompt that comes too early as a turn of its own', async () => {
    const agent = await start(subject);
    const first = await agent.prompt('slow 5@50 first');
    await agent.event('text_delta', undefined, 0);
    const second = await agent.prompt('say second');
    await agent.event('prompt_state', (event) => event.prompt_uuid === second && event.state === 'completed', 0);
    const states = ofType(agent.events, 'prompt_state').map((e) => `${e.prompt_uuid === first ? 1 : 2} ${e.state}`);
    expect(states).toEqual(['1 queued', '1 started', '2 queued', '1 completed', '2 started', '2 completed']);
    expect(ofType(agent.events, 'result').map((event) => event.text)).toEqual([
      'first first first first first',
      'second',
    ]);
  });

  it('takes a prompt that comes while a tool call is asked for into the running turn, at the end of the call', async () => {
    const agent = await start(subject);
    let second = '';
    agent.decide = async () => {
      second = await agent.prompt('the steered one');
      return { behavior: 'allow' };
    };
    const first = await agent.prompt('tool Bash {"command":"ls","description":"x"}\nsay working\nhistory');
    const result = await agent.event('result', undefined, 0);
    await agent.event('prompt_state', (event) => event.prompt_uuid === second && event.state === 'completed', 0);
    const at = (fits: (event: RuntimeEvent) => boolean): number => agent.events.findIndex(fits);
    const started = at((e) => e.type === 'prompt_state' && e.prompt_uuid === second && e.state === 'started');
    expect(started).toBeGreaterThan(at((e) => e.type === 'prompt_state' && e.prompt_uuid === first));
    expect(started).toBeLessThan(agent.events.indexOf(result));
    expect(ofType(agent.events, 'result')).toHaveLength(1);
    expect(result.text).toContain('s:');
    expect(result.text).toContain('the steered one');
  });

  it('offers the tools of Nox over its own pipe, and says which call is meant', async () => {
    const tools = new PlayedTools();
    const agent = await start(subject, {}, new ToolServerSet([tools]));
    const { events, result } = await agent.turn('tool mcp__nox__greet {"who":"you"}\nsay done');
    const [call] = ofType(events, 'tool_call');
    expect(agent.calls.map(({ call: { tool_name, input } }) => ({ tool_name, input }))).toEqual([
      { tool_name: 'mcp__nox__greet', input: { who: 'you' } },
    ]);
    expect(tools.calls).toEqual([{ tool_use_id: call?.tool_use_id, input: { who: 'you' } }]);
    expect(ofType(events, 'tool_result')).toEqual([
      { type: 'tool_result', tool_use_id: call?.tool_use_id, is_error: false, result: 'Hello, you.' },
    ]);
    expect(ofType(events, 'turn_init')).toEqual([expect.objectContaining({ failed_mcp: [] })]);
    expect(result.text).toBe('done');
    await agent.session.end({ grace_ms: 0 });
    expect(tools.closed).toBe(true);
  });

  it('tells the model when a tool of Nox fails, and lives on', async () => {
    const tools = new PlayedTools();
    const agent = await start(subject, {}, new ToolServerSet([tools]));
    const { events } = await agent.turn('tool mcp__nox__fail {}\nsay done');
    expect(ofType(events, 'tool_result')).toEqual([
      expect.objectContaining({ is_error: true, result: expect.stringContaining('the tool is broken') }),
    ]);
    expect((await agent.turn('tool mcp__nox__greet {"who":"again"}\nsay on')).result.text).toBe('on');
    expect(tools.calls).toHaveLength(1);
  });

  it('stops a tool of Nox that nobody waits for any more', async () => {
    const tools = new PlayedTools();
    const agent = await start(subject, {}, new ToolServerSet([tools]));
    await agent.prompt('tool mcp__nox__wait {}\nsay done');
    const signal = await within('call of the tool', tools.waiting);
    await agent.session.interrupt();
    await agent.event('result', undefined, 0);
    await eventually('withdrawal of the call', () => signal.aborted);
    expect((await agent.turn('say next')).result.text).toBe('next');
  });

  it('is given another server while it runs, hears of its tools, and loses it again', async () => {
    const [own, service] = [new PlayedTools(), new PlayedTools('time')];
    const servers = new ToolServerSet([own]);
    const agent = await start(subject, {}, servers);
    // In the middle of a turn: the first call is still open when the second server comes.
    own.onCall = () => servers.change([own, service], []);
    const both = await agent.turn('tool mcp__nox__greet {"who":"a"}\ntool mcp__time__greet {"who":"b"}\nsay done');
    expect(ofType(both.events, 'tool_result').map(({ result }) => result)).toEqual(['Hello, a.', 'Hello, b.']);
    own.onCall = () => undefined;
    service.listed = ['greet', 'late'];
    servers.change([own, service], ['time']);
    await eventually('the tools are asked for again', () => service.lists === 2);
    const late = await agent.turn('tool mcp__time__late {"who":"c"}\nsay done');
    expect(ofType(late.events, 'tool_result')).toMatchObject([{ is_error: false, result: 'Hello, c.' }]);
    servers.change([own], []);
    expect(service.closed).toBe(true);
    const gone = await agent.turn('tool mcp__time__greet {"who":"d"}\nsay done');
    expect(ofType(gone.events, 'tool_result')).toMatchObject([{ is_error: true }]);
    expect(service.calls).toHaveLength(2);
  });

  it('runs no tool of Nox that was denied', async () => {
    const tools = new PlayedTools();
    const agent = await start(subject, {}, new ToolServerSet([tools]));
    agent.decide = () => Promise.resolve({ behavior: 'deny', reason: 'not today' });
    const { events } = await agent.turn('tool mcp__nox__greet {"who":"you"}\nsay done');
    expect(ofType(events, 'tool_result')).toMatchObject([{ is_error: true }]);
    expect(tools.calls).toEqual([]);
  });

  it('runs a tool of Nox with the input that was allowed instead', async () => {
    const tools = new PlayedTools();
    const agent = await start(subject, {}, new ToolServerSet([tools]));
    agent.decide = () => Promise.resolve({ behavior: 'allow', updated_input: { who: 'everybody' } });
    await agent.turn('tool mcp__nox__greet {"who":"you"}\nsay done');
    expect(tools.calls).toMatchObject([{ input: { who: 'everybody' } }]);
  });

  it('is interrupted in the middle of a reply, and takes the next prompt', async () => {
    const agent = await start(subject);
    await agent.prompt('slow 200@50 word');
    await agent.event('text_delta', undefined, 0);
    await agent.session.interrupt();
    const result = await agent.event('result', undefined, 0);
    expect(result).toMatchObject({ is_error: true, terminal_reason: 'aborted_streaming' });
    expect((await agent.turn('say still here')).result.text).toBe('still here');
  });

  it('takes an interrupt while it is idle for nothing', async () => {
    const agent = await start(subject);
    await agent.session.ready;
    await agent.session.interrupt();
    expect((await agent.turn('say fine')).result).toMatchObject({ is_error: false, text: 'fine' });
  });

  it('asks once before a tool runs, and runs it when allowed', async () => {
    const session_id = randomUUID();
    const agent = await start(subject, { session_id });
    agent.decide = () => {
      expect(existsSync(canary())).toBe(false);
      return Promise.resolve({ behavior: 'allow' });
    };
    const { events, result } = await agent.turn(`say working\n${touch()}\nsay done`);
    expect(agent.calls.map(({ call }) => call)).toEqual([
      {
        tool_use_id: expect.any(String),
        tool_name: 'Bash',
        input: { command: `touch ${canary()}`, description: 'touch' },
        session_id,
        cwd: cwd(),
        batch_size: 1,
        requires_user_interaction: false,
        can_defer: expect.any(Boolean),
      },
    ]);
    expect(existsSync(canary())).toBe(true);
    const [call] = ofType(events, 'tool_call');
    expect(call).toMatchObject({ name: 'Bash', parent_tool_use_id: null });
    expect(ofType(events, 'tool_result')).toEqual([
      expect.objectContaining({ tool_use_id: call?.tool_use_id, is_error: false }),
    ]);
    expect(ofType(events, 'text').map((event) => event.text)).toEqual(['working', 'done']);
    expect(result.text).toBe('done');
  });

  it('does not run a tool that is denied, and tells the model why', async () => {
    const agent = await start(subject);
    agent.decide = () => Promise.resolve({ behavior: 'deny', reason: 'not on my watch' });
    const { events, result } = await agent.turn(touch());
    expect(ofType(events, 'tool_result')).toEqual([
      expect.objectContaining({ is_error: true, result: expect.stringContaining('not on my watch') }),
    ]);
    expect(result).toMatchObject({ is_error: false, text: expect.stringContaining('not on my watch') });
    expect(existsSync(canary())).toBe(false);
    expect(agent.calls).toHaveLength(1);
  });

  it('runs the edited input instead of the asked one', async () => {
    const agent = await start(subject);
    const edited = join(cwd(), 'edited');
    agent.decide = ({ input }) =>
      Promise.resolve({ behavior: 'allow', updated_input: { ...input, command: `echo edited > ${edited}` } });
    await agent.turn(touch());
    expect(existsSync(canary())).toBe(false);
    expect(await readFile(edited, 'utf8')).toBe('edited\n');
    expect(agent.calls).toHaveLength(1);
  });

  it('denies when the asked fails', async () => {
    const agent = await start(subject);
    agent.decide = () => Promise.reject(new Error('the disk is full'));
    const rejected = await agent.turn(touch());
    agent.decide = () => {
      throw new Error('thrown at once');
    };
    const thrown = await agent.turn(touch());
    expect(ofType(rejected.events, 'tool_result')[0]?.result).toContain('the disk is full');
    expect(ofType(thrown.events, 'tool_result')[0]?.result).toContain('thrown at once');
    expect(existsSync(canary())).toBe(false);
    expect(agent.calls).toHaveLength(2);
  });

  it('withdraws a question when the turn is interrupted, and ignores the late answer', async () => {
    const agent = await start(subject);
    const person = new EventEmitter();
    agent.decide = async () => {
      await once(person, 'allow');
      return { behavior: 'allow' };
    };
    await agent.prompt(touch());
    const { signal } = await agent.until('question', () => agent.calls[0]);
    expect(signal.aborted).toBe(false);
    await agent.session.interrupt();
    await agent.event('result', undefined, 0);
    expect(signal.aborted).toBe(true);
    person.emit('allow');
    expect((await agent.turn('say next')).result.text).toBe('next');
    expect(existsSync(canary())).toBe(false);
  });

  it('withdraws a question that is not answered in time, and does not run the tool', async () => {
    const agent = await start(subject, { tool_timeout_s: 1 });
    agent.decide = () => new Promise(() => undefined);
    const { events } = await agent.turn(touch());
    expect(agent.calls.map(({ signal }) => signal.aborted)).toEqual([true]);
    expect(ofType(events, 'tool_result')).toEqual([expect.objectContaining({ is_error: true })]);
    expect(existsSync(canary())).toBe(false);
  });

  it('asks for each of two calls in one message, and knows that they belong together', async () => {
    const agent = await start(subject);
    const [one, two] = [join(cwd(), 'one'), join(cwd(), 'two')];
    agent.decide = ({ input }) =>
      Promise.resolve(
        String(input['command']).includes(one) ? { behavior: 'allow' } : { behavior: 'deny', reason: 'no' },
      );
    await agent.turn(
      `tools\n- Bash {"command":"touch ${one}","description":"1"}\n- Bash {"command":"touch ${two}","description":"2"}`,
    );
    expect(agent.calls).toHaveLength(2);
    expect([existsSync(one), existsSync(two)]).toEqual([true, false]);
  });

  it('counts the calls of a message while they wait', async () => {
    const agent = await start(subject);
    const sizes: number[] = [];
    agent.decide = async (call) => {
      await agent.until('both calls', () => ofType(agent.events, 'tool_call')[1]);
      sizes.push(call.batch_size);
      return { behavior: 'allow' };
    };
    await agent.turn('tools\n- Bash {"command":"ls","description":"1"}\n- Bash {"command":"ls","description":"2"}');
    expect(sizes).toEqual([2, 2]);
  });

  it('asks for calls that only read, too', async () => {
    const agent = await start(subject);
    const file = join(cwd(), 'secret');
    await writeFile(file, 'do not read');
    agent.decide = () => Promise.resolve({ behavior: 'deny', reason: 'private' });
    const { events } = await agent.turn(
      `tool Bash {"command":"ls","description":"x"}\ntool Read {"file_path":"${file}"}`,
    );
    expect(agent.calls.map(({ call }) => call.tool_name)).toEqual(['Bash', 'Read']);
    expect(ofType(events, 'tool_result').map((event) => event.is_error)).toEqual([true, true]);
  });

  it('asks a person once, and brings the answers back', async () => {
    const agent = await start(subject);
    const question = {
      question: 'Which?',
      header: 'Pick',
      multiSelect: false,
      options: [
        { label: 'One', description: 'a' },
        { label: 'Two', description: 'b' },
      ],
    };
    agent.decide = ({ input }) =>
      Promise.resolve({ behavior: 'allow', updated_input: { ...input, answers: { 'Which?': 'Two' } } });
    const { events } = await agent.turn(`tool AskUserQuestion ${JSON.stringify({ questions: [question] })}`);
    expect(agent.calls.map(({ call }) => call)).toEqual([
      expect.objectContaining({ tool_name: 'AskUserQuestion', requires_user_interaction: true }),
    ]);
    expect(ofType(events, 'tool_result')[0]?.result).toContain('"Which?"="Two"');
  });

  it('asks once also where the process asks twice', async () => {
    // Allowed by the hook without edits, a plan is asked for again by the permission request.
    const agent = await start(subject);
    await agent.turn('tool EnterPlanMode {}');
    const { events } = await agent.turn('tool ExitPlanMode {}');
    expect(agent.calls.map(({ call }) => call.tool_name)).toEqual(['EnterPlanMode', 'ExitPlanMode']);
    expect(ofType(events, 'tool_result')).toEqual([expect.objectContaining({ is_error: false })]);
  });

  it('names an error of the API as an error, and lives on', async () => {
    const agent = await start(subject);
    const refused = await agent.turn('error 400 this is scripted');
    expect(refused.result).toMatchObject({
      is_error: true,
      terminal_reason: 'api_error',
      text: expect.stringContaining('this is scripted'),
    });
    expect(ofType(refused.events, 'text')).toEqual([]);
    expect((await agent.turn('say back')).result).toMatchObject({ is_error: false, text: 'back' });
  });

  it('tells of retries', async () => {
    const agent = await start(subject);
    const { events, result } = await agent.turn('error 529 x1 busy\nsay recovered');
    expect(ofType(events, 'api_retry')).toEqual([
      { type: 'api_retry', attempt: 1, max_retries: 2, delay_ms: expect.any(Number), status: 529, error: 'overloaded' },
    ]);
    expect(result).toMatchObject({ is_error: false, text: 'recovered' });
  });

  it.each(['idle', 'streaming', 'waiting for an answer'])(
    'leaves no process when it is ended while %s',
    async (state) => {
      const agent = await start(subject);
      await agent.session.ready;
      if (state === 'streaming') {
        await agent.prompt('slow 200@50 word');
        await agent.event('text_delta', undefined, 0);
      } else if (state === 'waiting for an answer') {
        agent.decide = () => new Promise(() => undefined);
        await agent.prompt(touch());
        await agent.until('question', () => agent.calls[0]);
      }
      const facts = await agent.session.end({ grace_ms: 10_000 });
      expect(facts.forced).toBe(false);
      expect(facts.exit_code).toBe(state === 'idle' ? 0 : 143);
      await expect(agent.session.tree()).resolves.toEqual([]);
      await expect(agent.session.exited).resolves.toMatchObject({ exit_code: facts.exit_code });
      expect(agent.calls.every(({ signal }) => signal.aborted)).toBe(true);
      await expect(agent.prompt('say too late')).rejects.toMatchObject({ code: 'INVALID_STATE' });
    },
  );

  it('keeps the conversation through kill -9 and a resume', async () => {
    const session_id = randomUUID();
    const first = await start(subject, { session_id });
    await first.turn('say alpha');
    await first.prompt('slow 200@50 word');
    await first.event('text_delta', undefined, first.events.length);
    process.kill(first.session.programPid() ?? NaN, 'SIGKILL');
    await expect(first.session.exited).resolves.toMatchObject({ stderr_tail: '' });

    const second = await start(subject, { session_id, resume: true });
    const { result } = await second.turn('history');
    // The prompt that was cut off may be there or not: the CLI writes its transcript a little later.
    expect(result.text).toMatch(/u:say alpha\|a:alpha\|(?:.*\|)?u:history$/);
  });

  it('gives the model a changed system prompt on resume', async () => {
    const session_id = randomUUID();
    const long = 'x'.repeat(60_000);
    const first = await start(subject, { session_id, system_prompt: `FIRST ${long}` });
    expect((await first.turn('system')).result.text).toContain('FIRST');
    await first.session.end({ grace_ms: 10_000 });

    const second = await start(subject, { session_id, resume: true, system_prompt: 'SECOND' });
    const { text } = (await second.turn('system')).result;
    expect(text).toContain('SECOND');
    expect(text).not.toContain('FIRST');
  });

  it.each([
    { resume: true, reason: 'unknown_session' },
    { resume: false, reason: 'session_in_use' },
  ])('says $reason when it cannot get ready', async ({ resume, reason }) => {
    const session_id = randomUUID();
    if (!resume) {
      const earlier = await start(subject, { session_id });
      await earlier.turn('say mine');
      await earlier.session.end({ grace_ms: 10_000 });
    }
    const agent = await start(subject, { session_id, resume });
    await expect(agent.session.ready).rejects.toMatchObject({
      code: 'AGENT_START_FAILED',
      message: expect.stringContaining(session_id),
      details: { reason, exit_code: 1 },
    });
    await expect(agent.session.tree()).resolves.toEqual([]);
  });
});

describe('sub-agents of the real Claude CLI', () => {
  it('are asked for their tool calls, too, and their words are kept apart', async () => {
    const agent = await start(REAL);
    agent.decide = ({ tool_name }) =>
      Promise.resolve(tool_name === 'Bash' ? { behavior: 'deny', reason: 'not below me' } : { behavior: 'allow' });
    const task = { description: 'd', subagent_type: 'general-purpose', run_in_background: false, prompt: touch() };
    const { events } = await agent.turn(`tool Task ${JSON.stringify(task)}\nsay back above`);
    const [above, below] = ofType(events, 'tool_call');
    expect(above).toMatchObject({ name: 'Task', parent_tool_use_id: null });
    expect(below).toMatchObject({ name: 'Bash', parent_tool_use_id: above?.tool_use_id });
    expect(agent.calls.map(({ call }) => call.tool_use_id)).toEqual([above?.tool_use_id, below?.tool_use_id]);
    expect(existsSync(canary())).toBe(false);
    expect(ofType(events, 'text').filter((event) => event.parent_tool_use_id === null)).toEqual([
      expect.objectContaining({ text: 'back above' }),
    ]);
  });
});

describe('an agent process that misbehaves', () => {
  it('survives malformed lines, says why each is one, and ignores unknown types', async () => {
    const agent = await start(FAKE);
    const { events, result } = await agent.turn('malformed\nunknown\nsay fine');
    expect(ofType(events, 'log').map(({ stream, line }) => `${stream}: ${line.split('): ')[0]})`)).toEqual([
      'stdout: malformed (not JSON)',
      'stdout: malformed (not an object with a type)',
      'stdout: malformed (not an object with a type)',
      expect.stringContaining('stdout: malformed (result: is_error'),
      expect.stringContaining('stdout: malformed (assistant: message'),
    ]);
    expect(result).toMatchObject({ is_error: false, text: 'fine' });
  });

  it('survives a flood, and passes on only some of it', async () => {
    const agent = await start(FAKE);
    const { events, result } = await agent.turn('flood 20000\nsay fine');
    expect(result.text).toBe('fine');
    expect(ofType(events, 'log').length).toBeLessThanOrEqual(1000);
    await agent.session.end({ grace_ms: 10_000 });
    const told = ofType(agent.events, 'log').filter((event) => event.stream === 'stdout').length;
    const left_out = ofType(agent.events, 'log').flatMap(({ line }) => Number(/^(\d+) log lines/.exec(line)?.[1] ?? 0));
    expect(told + left_out.reduce((sum, count) => sum + count, 0)).toBe(20_000);
  });

  it('skips a line over 16 MiB and reads on', async () => {
    const agent = await start(FAKE);
    const { events, result } = await agent.turn(`long ${17 * 1024 * 1024}\nsay fine`);
    expect(ofType(events, 'log')).toEqual([
      expect.objectContaining({ stream: 'nox', line: expect.stringContaining('skipped') }),
    ]);
    expect(result.text).toBe('fine');
  });

  it('keeps its last words', async () => {
    const agent = await start(FAKE);
    await agent.prompt('stderr the reason of it all\nexit 7');
    await expect(agent.session.exited).resolves.toEqual({
      exit_code: 7,
      signal: null,
      forced: false,
      stderr_tail: 'the reason of it all\n',
    });
    expect(ofType(agent.events, 'log')).toEqual([{ type: 'log', stream: 'stderr', line: 'the reason of it all' }]);
  });

  it('is refused more input when it reads none, and can still be ended', async () => {
    const agent = await start(FAKE);
    await agent.turn('deaf\nsay deaf now');
    const writes = Array.from({ length: 100 }, () => agent.prompt('x'.repeat(65_536)).catch((error: unknown) => error));
    await expect(writes.at(-1)).resolves.toMatchObject({ code: 'RESOURCE_LIMIT_EXCEEDED' });
    await agent.session.end({ grace_ms: 1000 });
    const codes = (await Promise.all(writes)).flatMap((outcome) =>
      typeof outcome === 'object' && outcome !== null && 'code' in outcome ? [outcome.code] : [],
    );
    expect(new Set(codes)).toEqual(new Set(['INVALID_STATE', 'RESOURCE_LIMIT_EXCEEDED']));
  });

  it('is ended with everything that it started, although it ignores signals', async () => {
    const agent = await start(FAKE);
    await agent.prompt('ignore-signals\nspawn 3\nsay stubborn\nsleep 600000');
    const tree = await eventually('children', async () => {
      const pids = await agent.session.tree();
      return pids.length >= 4 && pids;
    });
    const facts = await agent.session.end({ grace_ms: 300 });
    expect(facts.forced).toBe(true);
    expect(tree.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  });

  it('is over when it kills itself, and no question waits any more', async () => {
    const agent = await start(FAKE);
    agent.decide = () => new Promise(() => undefined);
    await agent.prompt(touch());
    const { signal } = await agent.until('question', () => agent.calls[0]);
    process.kill(agent.session.programPid() ?? NaN, 'SIGKILL');
    await agent.session.exited;
    expect(signal.aborted).toBe(true);
  });

  it('cannot be started in a folder that is not there', async () => {
    await expect(start(FAKE, { cwd: join(dir.path, 'nowhere') })).rejects.toMatchObject({ code: 'AGENT_START_FAILED' });
    await expect(start(FAKE, { command: ['no-such-program'] })).rejects.toMatchObject({ code: 'AGENT_START_FAILED' });
  });
});
