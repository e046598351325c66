import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { agentOf, frame, turnOf, TURN_ID } from './cli-fixtures.js';
import { type Handlers, nox as run, NOW, Refusal, type RunOptions, SseText, startServer } from './cli-support.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server with these handlers, and `nox` aimed at it with a token. */
async function withServer(handlers: Handlers) {
  const server = await startServer(handlers);
  closers.push(server.close);
  const nox = (argv: string[], options: RunOptions = {}) =>
    run(argv, { ...options, env: { NOX_URL: server.url, NOX_TOKEN: 't0', HOME: '/nowhere', ...options.env } });
  return { ...server, nox };
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'nox-cli-'));
  closers.push(() => rm(path, { recursive: true }));
  return path;
}

const pageOf = (agents: ReturnType<typeof agentOf>[]) => ({
  agents,
  pagination: { page: 1, limit: 500, total: agents.length },
});

describe('nox agent ls', () => {
  it('shows a table, with hostile text made harmless', async () => {
    const { nox, calls } = await withServer({
      agents_list: () =>
        pageOf([
          agentOf({ name: 'Lead\u001b[2J', pending_approvals: 2, status: 'waiting' }),
          agentOf({
            id: 'worker',
            name: 'W',
            status: 'crashed',
            pid: null,
            started_at: null,
            memory_usage: null,
            cpu_usage: null,
            next_start_at: new Date(NOW + 12_000).toISOString(),
            reason: 'exit 1',
          }),
        ]),
    });
    const { exit, stdout, stderr } = await nox(['agent', 'ls']);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toBe(
      [
        'ID      NAME      STATUS                    UP   MEMORY  CPU  TURNS     COST  WHY',
        'lead    Lead␛[2J  ◆ waiting (2 to approve)  5m  100 MiB  3 %      3  $0.0123  -',
        'worker  W         ↻ crashed, again in 12s    -        -    -      3  $0.0123  exit 1',
        '',
      ].join('\n'),
    );
    expect(calls[0]).toMatchObject({ route: 'agents_list', authorization: 'Bearer t0' });
  });

  it('gives one JSON value, and teaches the first step when there is nothing', async () => {
    const { nox } = await withServer({ agents_list: () => pageOf([]) });
    const json = await nox(['agent', 'ls', '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ agents: [], pagination: { page: 1, limit: 0, total: 0 } });
    const words = await nox(['agents', 'list']);
    expect(words).toMatchObject({ exit: 0, stdout: '' });
    expect(words.stderr).toContain('nox agent add');
  });

  it('reads all pages', async () => {
    const many = Array.from({ length: 501 }, (_, i) => agentOf({ id: `agent-${i}` }));
    const { nox, calls } = await withServer({
      agents_list: ({ query: { page, limit } }) => ({
        agents: many.slice((page - 1) * limit, page * limit),
        pagination: { page, limit, total: many.length },
      }),
    });
    const { stdout } = await nox(['agent', 'ls', '--status', 'idle', '--json']);
    expect(JSON.parse(stdout).agents).toHaveLength(501);
    expect(calls.map((c) => c.query)).toMatchObject([
      { page: 1, status: 'idle' },
      { page: 2, status: 'idle' },
    ]);
  });
});

describe('nox agent add and edit', () => {
  it('sends what the options say', async () => {
    const cwd = await folder();
    await writeFile(join(cwd, 'p.md'), 'You plan.\n');
    const { nox, calls } = await withServer({ agents_create: () => agentOf() });
    const options = '--id lead --prompt-file p.md --model sonnet --cwd shop --start --max-memory 512 --priority high';
    const made = await nox(['agent', 'add', 'Lead', ...options.split(' '), '--env', 'GH_TOKEN=env:GH_TOKEN'], { cwd });
    expect(made).toMatchObject({ exit: 0, stdout: 'lead\n' });
    expect(calls[0]?.body).toEqual({
      name: 'Lead',
      id: 'lead',
      system_prompt: 'You plan.\n',
      runtime: 'claude',
      model: 'sonnet',
      cwd: join(cwd, 'shop'),
      priority: 'high',
      resource_limits: { max_memory_mb: 512 },
      env: { GH_TOKEN: 'env:GH_TOKEN' },
      start: true,
    });
  });

  it.each([
    [['--runtime', 'command', '--', 'node', 'a.mjs', '--fast']],
    [['--command', 'node', 'a.mjs', '--', '--fast']],
  ])('takes a program as %j', async (args) => {
    const { nox, calls } = await withServer({ agents_create: () => agentOf() });
    expect(await nox(['agent', 'add', 'Echo', ...args])).toMatchObject({ exit: 0 });
    expect(calls[0]?.body).toMatchObject({ runtime: 'command', command: ['node', 'a.mjs', '--fast'] });
  });

  it.each([
    [['agent', 'add', 'My', 'Lead'], 'quote'],
    [['agent', 'add', 'x', '--prompt', 'a', '--prompt-file', 'b'], 'not both'],
    [['agent', 'add', 'x', '--env', 'TOKEN'], 'NAME=env:NAME'],
    [['agent', 'edit', 'lead'], 'Say what to change'],
    [['agent', 'edit', 'lead', '--unset', 'name'], 'not a setting that can be taken away'],
    [['agent', 'edit', 'lead', '--model', 'opus', '--unset', 'model'], 'both set and taken away'],
    [['agent', 'add', 'x', '--runtime', 'acp'], 'Allowed choices'],
    [['agent', 'stop', 'lead', '--grace', 'soon'], 'number of seconds'],
  ])('refuses %j with exit status 2 and asks nobody', async (argv, words) => {
    const { nox, calls } = await withServer({});
    const { exit, stderr } = await nox(argv);
    expect(exit).toBe(2);
    expect(stderr).toContain(words);
    expect(calls).toEqual([]);
  });

  it('changes only what is named', async () => {
    const { nox, calls } = await withServer({ agents_update: () => agentOf() });
    await nox(['agent', 'edit', 'lead', '--prompt', '']);
    expect(calls[0]).toMatchObject({ params: { id: 'lead' }, body: { system_prompt: '' } });
    expect(Object.keys(calls[0]?.body as object)).toEqual(['system_prompt']);
  });

  it('takes settings away, whole or by their key', async () => {
    const { nox, calls } = await withServer({ agents_update: () => agentOf() });
    const unset = ['model', 'budget.usd_per_day', 'budget.turns_per_day', 'resource_limits.max_depth'];
    await nox(['agent', 'edit', 'lead', '--max-memory', '512', '--unset', ...unset]);
    expect(calls[0]?.body).toEqual({
      model: null,
      budget: { usd_per_day: null, turns_per_day: null },
      resource_limits: { max_memory_mb: 512, max_depth: null },
    });
  });
});

const startingOf = ({ params }: { params: { id: string } }) => agentOf({ id: params.id, status: 'starting' });

describe('nox agent start, stop, …', () => {
  it('acts on each agent in turn and tells where it stands', async () => {
    const { nox, calls } = await withServer({ agents_start: startingOf, agents_stop: startingOf });
    const started = await nox(['agent', 'start', 'lead', 'worker']);
    expect(started.stderr).toBe('lead ◌ starting, pid 42\nworker ◌ starting, pid 42\n');
    await nox(['agent', 'stop', 'lead', '--grace', '1.5']);
    expect(calls.at(-1)?.body).toEqual({ force: false, grace_ms: 1500, requeue: false });
  });

  it('gives the server’s refusal as words, as JSON and as the exit status of the error table', async () => {
    const { nox } = await withServer({
      agents_start: () => {
        throw new Refusal('CLAUDE_CLI_UNAVAILABLE');
      },
    });
    const words = await nox(['agent', 'start', 'lead']);
    expect(words).toMatchObject({ exit: 6, stdout: '' });
    expect(words.stderr).toContain('npm install -g @anthropic-ai/claude-code');
    expect(words.stderr).toContain('req_1');
    const json = await nox(['agent', 'start', 'lead', '--json']);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'CLAUDE_CLI_UNAVAILABLE' }, request_id: 'req_1' });
  });
});

describe('nox agent rm', () => {
  const handlers: Handlers = {
    agents_get: () => agentOf({ queued_turns: 2, current_turn_id: TURN_ID }),
    agents_delete: () => ({}),
  };

  it('says what is lost and deletes on a yes', async () => {
    const { nox, calls } = await withServer(handlers);
    const { exit, stderr } = await nox(['agent', 'rm', 'lead'], { typed: ['y'] });
    expect(exit).toBe(0);
    expect(stderr).toContain(
      'lead loses its running process, the turn that is under way, 2 queued prompts, its session.',
    );
    expect(calls.map((c) => c.route)).toEqual(['agents_get', 'agents_delete']);
  });

  it('keeps it on any other answer, and when nobody can be asked', async () => {
    const { nox, calls } = await withServer(handlers);
    expect(await nox(['agent', 'rm', 'lead'], { typed: [''] })).toMatchObject({ exit: 1 });
    const piped = await nox(['agent', 'rm', 'lead'], { stdin: 'y\n' });
    expect(piped.exit).toBe(2);
    expect(piped.stderr).toContain('--yes');
    expect(calls.map((c) => c.route)).toEqual(['agents_get', 'agents_get']);
    expect(await nox(['agent', 'rm', 'lead', '--yes'])).toMatchObject({ exit: 0 });
  });
});

const end = (fields: object = {}) =>
  frame('message_end', { turn_id: TURN_ID, status: 'complete', text: 'done', usage: null, reason: null, ...fields });

/** Presses Ctrl-C when the reply has begun. */
const onStdout = (text: string, interrupt: () => void) => text === 'part' && interrupt();

describe('nox agent prompt', () => {
  const start = frame('message_start', { turn_id: TURN_ID, agent_id: 'lead', status: 'running' });

  it('streams the reply to stdout and the rest to stderr, harmless', async () => {
    const { nox, calls } = await withServer({
      agents_prompt: () =>
        new SseText(
          start +
            frame('content', { text: 'one\u001b]0;x\u0007' }) +
            frame('tool_call_start', { tool_use_id: 't', name: 'Bash', input: { command: 'ls\u001b[A' } }) +
            frame('approval', { approval_id: 'apr_1', status: 'pending' }) +
            frame('tool_call_end', { tool_use_id: 't', is_error: false, result: 'a\nb' }) +
            frame('content', { text: 'two' }) +
            end(),
        ),
    });
    const { exit, stdout, stderr } = await nox(['agent', 'prompt', 'lead', 'say', 'it']);
    expect(exit).toBe(0);
    expect(stdout).toBe('one␛]0;x␇\ntwo\n');
    expect(stderr).toBe('⚙ Bash ls␛[A\n◆ waits for you: nox approval show apr_1\n✓ a b\n');
    expect(calls[0]?.body).toMatchObject({ content: 'say it', stream: true });
  });

  it('reads stdin, and gives NDJSON frames', async () => {
    const { nox, calls } = await withServer({ agents_prompt: () => new SseText(start + end()) });
    const { stdout } = await nox(['agent', 'prompt', 'lead', '-', '--json'], { stdin: 'from\na pipe\n' });
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).event),
    ).toEqual(['message_start', 'message_end']);
    expect(calls[0]?.body).toMatchObject({ content: 'from\na pipe' });
  });

  it('ends with 1 when the turn failed, and says why', async () => {
    const { nox } = await withServer({
      agents_prompt: () => new SseText(start + end({ status: 'error', text: '', reason: 'overloaded' })),
    });
    const { exit, stderr } = await nox(['agent', 'prompt', 'lead', 'x']);
    expect(exit).toBe(1);
    expect(stderr).toBe(`✕ error ${TURN_ID}: overloaded\n`);
  });

  it('says how to read a turn whose stream broke off', async () => {
    const { nox } = await withServer({ agents_prompt: () => new SseText(start) });
    const { exit, stderr } = await nox(['agent', 'prompt', 'lead', 'x']);
    expect(exit).toBe(7);
    expect(stderr).toContain(`nox turn show ${TURN_ID}`);
  });

  it('cancels the turn on Ctrl-C and tells how it ended', async () => {
    const { promise: cancelled, resolve: ended } = Promise.withResolvers<void>();
    const { nox, calls } = await withServer({
      agents_prompt: async (_, request) => {
        // The answer is held open by hand: its head first, its end when the turn was cancelled.
        const { socket } = request;
        socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n');
        socket.write(start + frame('content', { text: 'part' }));
        await cancelled;
        socket.end(end({ status: 'interrupted', text: 'part', reason: 'by admin' }));
        return new Promise(() => {});
      },
      turns_cancel: () => {
        ended();
        return turnOf({ status: 'interrupted' });
      },
    });
    const out = await nox(['agent', 'prompt', 'lead', 'x'], { onStdout });
    expect(calls.map((c) => c.route)).toEqual(['agents_prompt', 'turns_cancel']);
    expect(out).toMatchObject({ exit: 1, stdout: 'part\n' });
  });

  it('queues with --no-wait', async () => {
    const { nox, calls } = await withServer({
      agents_prompt: () => ({ turn_id: TURN_ID, status: 'queued', text: '', usage: null, reason: null }),
    });
    expect(await nox(['agent', 'prompt', 'lead', 'later', '--no-wait'])).toMatchObject({ stdout: `${TURN_ID}\n` });
    expect(calls[0]?.body).toEqual({ content: 'later', stream: false, wait: false });
  });
});

describe('nox agent logs', () => {
  it('prints lines, harmless', async () => {
    const timestamp = new Date(NOW).toISOString();
    const { nox, calls } = await withServer({
      agents_logs: () => ({ lines: [{ id: 1, timestamp, stream: 'stderr', line: 'x\u001b[31m' }] }),
    });
    const { stdout } = await nox(['agent', 'logs', 'lead', '-n', '5']);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d stderr x␛\[31m\n$/);
    expect(calls[0]?.query).toEqual({ lines: 5, follow: false });
  });
});

describe('nox agent reset-breaker', () => {
  it('resets each, shows what came of it, and fails when one is not there', async () => {
    const { nox, calls } = await withServer({
      agents_reset_breaker: ({ params }) => {
        const { id } = params;
        if (id === 'gone') throw new Refusal('AGENT_NOT_FOUND');
        return agentOf({ id, status: 'starting' });
      },
    });
    expect(await nox(['agent', 'reset-breaker', 'one', 'two'])).toMatchObject({ exit: 0 });
    expect(calls.map(({ route, params }) => `${route} ${(params as { id: string }).id}`)).toEqual([
      'agents_reset_breaker one',
      'agents_reset_breaker two',
    ]);
    expect(await nox(['agent', 'reset-breaker', 'gone'])).toMatchObject({ exit: 3 });
  });
});
