import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';
import { eventually, firstOf } from '../support/wait.js';

/** What goes wrong, and what is said about it; nothing of it may harm another agent. */
describe('bad input and faults', () => {
  let nox: NoxServer;
  let home: TempDir;
  const fake = (id: string, start = true) => nox.call('agents_create', { body: fakeAgent(id, start) });
  const prompt = (id: string, content: string) => nox.call('agents_prompt', { params: { id }, body: { content } });

  beforeAll(async () => {
    home = await makeTempDir('nox-fake-');
    // No Claude CLI anywhere: the rest has to work all the same.
    nox = await NoxServer.start({
      env: { PATH: '/usr/bin:/bin', NOX_CLAUDE_PATH: '/nowhere/claude', FAKE_AGENT_HOME: home.path },
    });
    await fake('steady');
  });
  afterAll(async () => {
    await nox.close();
    await home.remove();
  });

  it('answers 404 for an agent that is not there', async () => {
    await expect(nox.call('agents_get', { params: { id: 'nobody' } })).rejects.toMatchObject({
      status: 404,
      code: 'AGENT_NOT_FOUND',
    });
  });

  it('answers 409 for an id that is taken', async () => {
    await expect(fake('steady')).rejects.toMatchObject({ status: 409, code: 'AGENT_ALREADY_EXISTS' });
  });

  it('answers 409 for what the present state does not allow', async () => {
    await expect(nox.call('agents_start', { params: { id: 'steady' } })).rejects.toMatchObject({
      status: 409,
      code: 'INVALID_STATE',
    });
    await fake('lying', false);
    await expect(nox.call('agents_stop', { params: { id: 'lying' } })).rejects.toMatchObject({
      status: 409,
      code: 'INVALID_STATE',
    });
    await expect(prompt('lying', 'say x')).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining('start it first'),
    });
  });

  it('names every field that does not fit, at once', async () => {
    const answer = await fetch(`${nox.url}/api/v1/agents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${nox.access_token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        name: '',
        id: '../etc',
        resource_limits: { max_memory_mb: 16_000 },
        env: { PATH: 'x' },
        colour: 'red',
      }),
    });
    expect(answer.status).toBe(400);
    const { error, request_id } = (await answer.json()) as {
      error: { code: string; details: { field: string }[] };
      request_id: string;
    };
    expect(error.code).toBe('VALIDATION_ERROR');
    expect(new Set(error.details.map((detail) => detail.field))).toEqual(
      new Set(['name', 'id', 'resource_limits.max_memory_mb', 'env.PATH', 'colour']),
    );
    expect(request_id).toMatch(/^req_/);
  });

  it.each(['agents_tasks', 'agents_services'] as const)('%s of an agent that is not there is 404', async (name) => {
    await expect(nox.call(name, { params: { id: 'nobody' } })).rejects.toMatchObject({
      status: 404,
      code: 'AGENT_NOT_FOUND',
    });
  });

  it('makes an id of a name with accents by leaving them out', async () => {
    const { id, name } = await nox.call('agents_create', { body: { name: 'Prüfer é' } });
    expect([id, name]).toEqual(['prufer-e', 'Prüfer é']);
  });

  it.each(['/etc', '../..', 'not-there'])('refuses the working directory %s', async (cwd) => {
    await expect(nox.call('agents_create', { body: { name: 'Outside', cwd } })).rejects.toMatchObject({
      status: 400,
      details: [{ field: 'cwd' }],
    });
  });

  it('says how to install the CLI when it is not there, and keeps the agent as it was', async () => {
    await nox.call('agents_create', { body: { id: 'needs-claude', name: 'Needs Claude' } });
    await expect(nox.call('agents_start', { params: { id: 'needs-claude' } })).rejects.toMatchObject({
      status: 503,
      code: 'CLAUDE_CLI_UNAVAILABLE',
      message: expect.stringContaining('npm install'),
    });
    expect(await nox.call('agents_get', { params: { id: 'needs-claude' } })).toMatchObject({
      desired_state: 'inactive',
      status: 'inactive',
    });
    const { components, status } = await nox.call('system_status');
    expect(status).toBe('degraded');
    expect(components['claude_cli']).toMatchObject({ status: 'degraded' });
  });

  it('logs malformed lines of an agent and survives them', async () => {
    expect(await prompt('steady', 'malformed\nsay fine')).toMatchObject({ status: 'complete', text: 'fine' });
    const { lines } = await nox.call('agents_logs', { params: { id: 'steady' } });
    expect(lines.some((line) => line.stream === 'stdout')).toBe(true);
  });

  it('ends the turn of an agent that dies in it, and says why', async () => {
    await fake('fragile');
    expect(await prompt('fragile', 'say begun\ncrash')).toMatchObject({
      status: 'interrupted',
      reason: expect.stringContaining('process ended'),
    });
    await eventually(
      'it is back',
      async () => (await nox.call('agents_status', { params: { id: 'fragile' } })).status === 'idle',
    );
    expect(await prompt('fragile', 'say back')).toMatchObject({ status: 'complete', text: 'back' });
  });

  it('lets a flood harm only the one that makes it', async () => {
    await fake('noisy');
    const flood = prompt('noisy', 'flood 20000');
    expect(await prompt('steady', 'say calm')).toMatchObject({ status: 'complete', text: 'calm' });
    expect((await flood).status).toBe('complete');
    const { lines } = await nox.call('agents_logs', { params: { id: 'noisy' }, query: { lines: 10_000 } });
    expect(lines.length).toBeLessThan(5000);
  });

  it('can stop an agent that never reads its input', async () => {
    await fake('deaf-one');
    expect((await prompt('deaf-one', 'deaf\nsay nothing more')).status).toBeDefined();
    const waiting = prompt('deaf-one', 'x'.repeat(60_000));
    await eventually(
      'its turn runs',
      async () => (await nox.call('agents_status', { params: { id: 'deaf-one' } })).current_turn_id !== null,
    );
    await nox.call('agents_stop', { params: { id: 'deaf-one' }, body: { force: true } });
    expect((await waiting).status).toMatch(/interrupted|cancelled/);
    expect(await prompt('steady', 'say unharmed')).toMatchObject({ text: 'unharmed' });
  });

  it('keeps the turn of a client that went away', async () => {
    const gone = new AbortController();
    const stream = await fetch(`${nox.url}/api/v1/agents/steady/prompt`, {
      method: 'POST',
      signal: gone.signal,
      headers: {
        authorization: `Bearer ${nox.access_token}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({ content: 'slow 10@20 all of this is kept' }),
    });
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    gone.abort();
    const { turns } = await nox.call('agents_conversation', { params: { id: 'steady' }, query: { limit: 1 } });
    const turn = await eventually('the turn ends', async () => {
      const found = await nox.call('turns_get', { params: { id: turns[0]?.id ?? '' } });
      return found.status === 'complete' ? found : undefined;
    });
    expect(turn.text).toContain('kept');
  });

  it('refuses to hand its own secrets to an agent', async () => {
    const body = { ...fakeAgent('thief', false), env: { X: 'env:NOX_ADMIN_PASSWORD' } };
    await expect(nox.call('agents_create', { body })).rejects.toMatchObject({
      status: 400,
      details: [{ field: 'env.X' }],
    });
  });

  it('regression: work that comes while an agent falls asleep wakes it', async () => {
    await fake('sleepy');
    for (let n = 0; n < 5; n += 1) {
      const asleep = nox.call('agents_hibernate', { params: { id: 'sleepy' } }).catch(() => undefined);
      const reply = await prompt('sleepy', `say awake ${n}`);
      expect(reply).toMatchObject({ status: 'complete', text: `awake ${n}` });
      await asleep;
    }
  });

  it('regression: a taken port leaves no Nox behind', async () => {
    await expect(NoxServer.start({ env: { NOX_PORT: String(nox.port) } })).rejects.toThrow(/is taken/);
  });

  it('answers queued prompts in their order and can cancel one', async () => {
    const start = (content: string) =>
      nox.call('agents_prompt', { params: { id: 'steady' }, body: { content, wait: false } });
    const first = await start('slow 20@20 first');
    const second = await start('say second');
    const third = await start('say third');
    expect(second.status).toBe('queued');
    expect(await nox.call('turns_cancel', { params: { id: third.turn_id } })).toMatchObject({ status: 'cancelled' });
    const ends: string[] = [];
    await firstOf('both turns end', nox.events({ after_seq: 0, areas: ['turn'] }), (event) => {
      if (event.type === 'turn.ended') ends.push(event.payload.turn.id);
      return ends.includes(first.turn_id) && ends.includes(second.turn_id);
    });
    expect(ends.indexOf(first.turn_id)).toBeLessThan(ends.indexOf(second.turn_id));
  });
});
