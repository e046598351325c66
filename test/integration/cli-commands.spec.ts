import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { agentOf, approvalOf, commitOf, frame, systemOf, turnOf, TURN_ID } from './cli-fixtures.js';
import { type Handlers, nox as run, NOW, Refusal, type RunOptions, SseText, startServer } from './cli-support.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'nox-cli-'));
  closers.push(() => rm(path, { recursive: true }));
  return path;
}

/** A server with these handlers, and `nox` aimed at it, with a configuration folder of its own. */
async function withServer(handlers: Handlers) {
  const server = await startServer(handlers);
  closers.push(server.close);
  const config = await folder();
  const env = { NOX_URL: server.url, XDG_CONFIG_HOME: config, HOME: '/nowhere' };
  const nox = (argv: string[], options: RunOptions = {}) => run(argv, { ...options, env: { ...env, ...options.env } });
  return { ...server, nox, credentials: join(config, 'nox', 'credentials.json') };
}

const tokens = (n: number, expires_in = 600) => ({
  access_token: `access-${n}`,
  token_type: 'Bearer' as const,
  expires_in,
  refresh_token: `refresh-token-number-${n}`,
  user: { username: 'admin', role: 'admin' as const },
});

const refuse = () => {
  throw new Refusal('UNAUTHORIZED');
};

describe('nox login and logout', () => {
  it('asks without echo, keeps the login for its owner only, and uses it', async () => {
    const { nox, calls, credentials } = await withServer({
      auth_login: () => tokens(1),
      system_status: () => systemOf(),
      auth_logout: () => ({}),
    });
    const login = await nox(['login'], { typed: ['', 'correct horse'] });
    expect(login).toMatchObject({ exit: 0, stdout: '' });
    expect(login.stderr).not.toContain('correct');
    expect(calls[0]?.body).toEqual({ username: 'admin', password: 'correct horse' });
    expect((await stat(credentials)).mode & 0o777).toBe(0o600);
    expect((await stat(join(credentials, '..'))).mode & 0o777).toBe(0o700);
    await nox(['status']);
    expect(calls[1]).toMatchObject({ route: 'system_status', authorization: 'Bearer access-1' });
    expect(await nox(['logout'])).toMatchObject({ exit: 0 });
    expect(calls[2]?.body).toEqual({ refresh_token: 'refresh-token-number-1' });
    expect(JSON.parse(await readFile(credentials, 'utf8')).servers).toEqual({});
  });

  it('takes a password from stdin, and a one-time link', async () => {
    const { nox, calls, url } = await withServer({ auth_login: () => tokens(1), auth_login_link: () => tokens(2) });
    await nox(['login', '--username', 'ci', '--password-stdin'], { stdin: 'pass word\n' });
    expect(calls[0]?.body).toEqual({ username: 'ci', password: 'pass word' });
    const link = `${url}/login#link=abcdefghijklmnop`;
    expect(await nox(['login', '--link', link], { env: { NOX_URL: '' } })).toMatchObject({ exit: 0 });
    expect(calls[1]).toMatchObject({ route: 'auth_login_link', body: { token: 'abcdefghijklmnop' } });
  });

  it('forgets the login also when the server is gone', async () => {
    const { nox, close, credentials } = await withServer({ auth_login: () => tokens(1) });
    await nox(['login', '--username', 'a', '--password-stdin'], { stdin: 'x' });
    await close();
    closers.shift();
    const { exit, stderr } = await nox(['logout']);
    expect(exit).toBe(0);
    expect(stderr).toContain('could not be told');
    expect(JSON.parse(await readFile(credentials, 'utf8')).servers).toEqual({});
  });

  it('renews the login before it ends, once for commands at the same time', async () => {
    let n = 1;
    const { nox, calls, credentials } = await withServer({
      auth_login: () => tokens(1),
      auth_refresh: () => tokens(++n),
      system_status: () => systemOf(),
    });
    await nox(['login', '--username', 'a', '--password-stdin'], { stdin: 'x' });
    const later = { now_ms: NOW + 595_000 };
    const both = await Promise.all([nox(['status'], later), nox(['status'], later)]);
    expect(both.map((b) => b.exit)).toEqual([0, 0]);
    expect(calls.filter((c) => c.route === 'auth_refresh').map((c) => c.body)).toEqual([
      { refresh_token: 'refresh-token-number-1' },
    ]);
    expect(calls.filter((c) => c.route === 'system_status').map((c) => c.authorization)).toEqual([
      'Bearer access-2',
      'Bearer access-2',
    ]);
    expect(await readFile(credentials, 'utf8')).toContain('refresh-token-number-2');
  });

  it('says to log in when the login has ended, with exit status 4', async () => {
    const { nox, credentials } = await withServer({
      auth_login: () => tokens(1),
      auth_refresh: refuse,
      system_status: refuse,
    });
    await nox(['login', '--username', 'a', '--password-stdin'], { stdin: 'x' });
    const { exit, stderr } = await nox(['status']);
    expect(exit).toBe(4);
    expect(stderr).toContain('nox login');
    expect(JSON.parse(await readFile(credentials, 'utf8')).servers).toEqual({});
  });

  it('says which file is damaged', async () => {
    const { nox, credentials } = await withServer({ auth_login: () => tokens(1) });
    await nox(['login', '--username', 'a', '--password-stdin'], { stdin: 'x' });
    await writeFile(credentials, '{');
    const { exit, stderr } = await nox(['status']);
    expect(exit).toBe(1);
    expect(stderr).toContain(credentials);
  });
});

describe('nox status and model', () => {
  it('shows components and what waits, and fails when Nox has failed', async () => {
    const components = { registry: { status: 'failed' as const, detail: 'disk full' } };
    const { nox } = await withServer({
      system_status: () => systemOf({ status: 'failed', components, approvals_pending: 2 }),
    });
    const { exit, stdout, stderr } = await nox(['status']);
    expect(exit).toBe(1);
    expect(stdout).toContain('registry   ✕ failed  disk full');
    expect(stderr).toContain('nox approval ls');
  });

  it('switches the model', async () => {
    const { nox, calls } = await withServer({ system_model: () => systemOf() });
    expect(await nox(['model', 'use', 'claude', '--json'])).toMatchObject({
      exit: 0,
      stdout: '{"mode":"claude","demo":false,"detail":"your own"}\n',
    });
    expect(calls[0]?.body).toEqual({ mode: 'claude' });
    expect(await nox(['model', 'use', 'gpt'])).toMatchObject({ exit: 2 });
  });
});

describe('nox approval', () => {
  const A = 'apr_01AAAAAAAAAAAAAAAAAAAAAAA1';
  const B = 'apr_01BBBBBBBBBBBBBBBBBBBBBBB2';
  const list: Handlers['approvals_list'] = ({ query: { status } }) => {
    const all = [approvalOf({ id: A }), approvalOf({ id: B, status: 'denied', decided_at: null })];
    const approvals = all.filter((a) => status === undefined || a.status === status);
    return { approvals, pagination: { page: 1, limit: 500, total: approvals.length } };
  };

  it('lists what waits', async () => {
    const { nox } = await withServer({ approvals_list: list });
    const { stdout } = await nox(['approval', 'ls']);
    expect(stdout).toContain(`${A}  lead   ▰▰▰▱ high  ◆ pending  5m ago  -       Bash  rm -rf build`);
    expect(stdout).not.toContain(B);
  });

  it('shows the exact input, everything without ink made visible', async () => {
    const input = { command: 'curl x |\u200b sh\n\u001b[2K\u202eecho ok', timeout: 5 };
    const { nox } = await withServer({ approvals_list: list, approvals_get: () => approvalOf({ input }) });
    const { stdout } = await nox(['approval', 'show', '1']);
    expect(stdout).toContain('  command\n    curl x |<U+200B> sh␊\n    ␛[2K<U+202E>echo ok\n  timeout\n    5\n');
  });

  it('decides by a shortened id, with reason and edited input', async () => {
    const { nox, calls } = await withServer({
      approvals_list: list,
      approvals_approve: ({ params }) => approvalOf({ id: params.id, status: 'approved' }),
      approvals_deny: ({ params }) => approvalOf({ id: params.id, status: 'denied' }),
    });
    const approved = await nox(['approval', 'approve', 'aaa1', '--reason', 'ok', '--input', '{"command":"ls"}']);
    expect(approved.stderr).toBe(`${A} ✓ approved: Bash of lead\n`);
    expect(calls.at(-1)).toMatchObject({
      route: 'approvals_approve',
      params: { id: A },
      body: { reason: 'ok', updated_input: { command: 'ls' }, channel: 'cli' },
    });
    await nox(['approval', 'deny', B]);
    expect(calls.at(-1)).toMatchObject({ route: 'approvals_deny', params: { id: B }, body: { channel: 'cli' } });
  });

  it.each([
    [['approve', '01', '--status'], 2],
    [['approve', 'zzz'], 3],
    [['approve', 'aaa1', '--input', '[1]'], 2],
    [['approve', 'aaa1', '--input', '{'], 2],
    [['ls', '--status', 'maybe'], 2],
  ])('refuses %j with %d', async (argv, exit) => {
    const { nox, calls } = await withServer({ approvals_list: list });
    expect(await nox(['approval', ...argv])).toMatchObject({ exit, stdout: '' });
    expect(calls.every((c) => c.route === 'approvals_list')).toBe(true);
  });

  it('tells a decision that came too late by exit status 5', async () => {
    const { nox } = await withServer({
      approvals_approve: () => {
        throw new Refusal('APPROVAL_ALREADY_DECIDED');
      },
    });
    expect(await nox(['approval', 'approve', A])).toMatchObject({ exit: 5 });
  });
});

describe('nox usage', () => {
  const sums = { turns: 2, input_tokens: 300, output_tokens: 40, cost_usd: 1.5 };

  it('of all agents today, and day by day of all or of one, with what they may use', async () => {
    const { nox, calls } = await withServer({
      usage: () => ({ today: { day: '2026-11-21', ...sums }, agents: [{ agent_id: 'lead', ...sums }], budget: {} }),
      usage_days: () => ({
        days: [{ day: '2026-11-21', ...sums }],
        agents: [{ agent_id: 'lead', ...sums }],
        budget: { turns_per_day: 9 },
      }),
      agents_usage: () => ({ agent_id: 'lead', days: [{ day: '2026-11-21', ...sums }], budget: { usd_per_day: 5 } }),
    });
    const all = await nox(['usage']);
    expect(all.stdout).toMatch(/^lead +2 +300 +40 +\$1\.50\nall today +2 +300 +40 +\$1\.50\n/m);
    expect(all.stderr).toBe('');
    const one = await nox(['usage', 'lead', '--days', '1']);
    expect(one.stdout).toMatch(/^2026-11-21 +2 +300 +40 +\$1\.50\n/m);
    expect(one.stderr).toContain('budget per day: 5 USD');
    expect(calls[1]).toMatchObject({ route: 'agents_usage' });
    const days = await nox(['usage', '--days', '3']);
    expect(days.stdout).toMatch(/^2026-11-21 +2 +300 +40 +\$1\.50\n/m);
    expect(days.stdout).toMatch(/^lead +2 +300 +40 +\$1\.50\n/m);
    expect(days.stderr).toContain('budget per day: 9 turns');
    expect(calls[2]).toMatchObject({ route: 'usage_days', query: { days: 3 } });
  });

  it('refuses days that are none', async () => {
    const { nox } = await withServer({});
    expect(await nox(['usage', '--days', '0'])).toMatchObject({ exit: 2 });
    expect(await nox(['usage', 'lead', '--days', 'x'])).toMatchObject({ exit: 2 });
  });
});

describe('nox agent top', () => {
  it('shows what each uses and may use, the busiest first', async () => {
    const limits = {
      max_memory_mb: 2048,
      max_cpu_percent: 50,
      max_concurrent_tasks: 1,
      max_spawn_rate: 1,
      max_depth: 1,
    };
    const used = { timestamp: '2026-11-21T08:00:00Z', memory_bytes: 300 * 2 ** 20, cpu_percent: 49.6, processes: 3 };
    const { nox } = await withServer({
      agents_list: () => ({
        agents: [agentOf({ id: 'asleep', status: 'hibernated' }), agentOf({ id: 'lead', throttled: true })],
        pagination: { page: 1, limit: 500, total: 2 },
      }),
      agents_resources: ({ params }) =>
        params.id === 'lead'
          ? { limits, now: used, history: [{ ...used, memory_bytes: 500 * 2 ** 20 }] }
          : { limits, now: null, history: [] },
    });
    const { stdout } = await nox(['agent', 'top']);
    const [, first, second] = stdout.split('\n');
    expect(first).toMatch(/^lead +\S+ \w+, throttled +50 % +50 % +300 MiB +2048 MiB +500 MiB +3$/);
    expect(second).toMatch(/^asleep +\S+ hibernated +- +50 % +- +2048 MiB +- +-$/);
    expect(JSON.parse((await nox(['agent', 'top', '--json'])).stdout)).toMatchObject({
      agents: [
        { id: 'lead', throttled: true, now: used, peak_memory_bytes: 500 * 2 ** 20 },
        { id: 'asleep', now: null },
      ],
    });
  });
});

describe('nox turn', () => {
  it('shows a turn with its calls', async () => {
    const tool = {
      tool_use_id: 't',
      name: 'Bash',
      input: { command: 'ls' },
      input_sha256: 'x',
      decision: 'allow' as const,
      approval_id: null,
      result: 'a\nb',
      is_error: false,
    };
    const { nox } = await withServer({
      turns_get: () =>
        turnOf({
          blocks: [
            { type: 'text', text: 'look:' },
            { type: 'tool', tool },
          ],
        }),
    });
    const { stdout } = await nox(['turn', 'show', TURN_ID]);
    expect(stdout).toContain('prompt\nhello\n\nlook:\n\n⚙ Bash ls (allow)\n✓ a b\n');
  });

  it('cancels', async () => {
    const { nox } = await withServer({ turns_cancel: () => turnOf({ status: 'cancelled' }) });
    expect(await nox(['turn', 'cancel', TURN_ID])).toMatchObject({ exit: 0, stderr: `${TURN_ID} ■ cancelled\n` });
  });
});

describe('nox registry', () => {
  const [NEW, OLD] = [commitOf('bbbb1'), commitOf('aaaa1', { subject: 'agent: create \u001b[1mlead' })];
  const history: Handlers['registry_history'] = ({ query }) => ({
    commits: query.ref === 'record' ? [] : [NEW, OLD],
    has_more: false,
  });
  const plan = {
    target: OLD,
    commit: null,
    objects: [
      {
        kind: 'agent' as const,
        id: 'lead',
        change: 'changed' as const,
        fields: [{ field: 'model', before: 'a', after: null }],
      },
    ],
    reconciled: [{ agent_id: 'lead', action: 'restart' as const, reason: 'model changed' }],
    patch: '',
  };
  const rollback: Handlers['registry_rollback'] = ({ body }) => ({
    ...plan,
    dry_run: body.dry_run,
    commit: body.dry_run ? null : commitOf('cccc1'),
  });

  const undo: Handlers['registry_undo'] = ({ body: { dry_run } }) => ({
    ...plan,
    dry_run,
    commit: dry_run ? null : commitOf('cccc1'),
  });

  it('shows the history, harmless', async () => {
    const { nox, calls } = await withServer({ registry_history: history });
    const { stdout } = await nox(['registry', 'history', '--since', '2h ago', '--path', 'agents.toml']);
    expect(stdout).toContain('aaaa1000  5m ago  admin  agent: create ␛[1mlead');
    expect(calls[0]?.query).toMatchObject({ since: '2026-11-21T10:00:00.000Z', path: 'agents.toml', limit: 20 });
  });

  it('resolves short hashes', async () => {
    const diff = { from: OLD.hash, to: NEW.hash, objects: [], patch: '+a\n' };
    const { nox, calls } = await withServer({ registry_history: history, registry_diff: () => diff });
    expect(await nox(['registry', 'diff', 'AAAA', 'bbbb1'])).toMatchObject({ exit: 0, stdout: '\n+a\n' });
    expect(calls.at(-1)?.query).toEqual({ from: OLD.hash, to: NEW.hash });
    expect(await nox(['registry', 'show', 'dddd'])).toMatchObject({ exit: 3 });
    expect(await nox(['registry', 'show', 'HEAD~1'])).toMatchObject({ exit: 2 });
  });

  it('shows the plan first and goes back to exactly that', async () => {
    const { nox, calls } = await withServer({ registry_rollback: rollback });
    const { exit, stdout, stderr } = await nox(['registry', 'rollback', '--last', '--no-color'], { typed: ['yes'] });
    expect(exit).toBe(0);
    expect(stderr).toContain('~ agent lead changed\n    model: "a" → -\nAgents:\n  restart lead: model changed\n');
    expect(stdout).toBe(`${commitOf('cccc1').hash}\n`);
    expect(calls.map((c) => c.body)).toEqual([
      { last: true, confirm: false, dry_run: true },
      { commit_hash: OLD.hash, confirm: true, dry_run: false },
    ]);
  });

  it('changes nothing on a no, without a terminal, and in a dry run', async () => {
    const { nox, calls } = await withServer({ registry_rollback: rollback });
    expect(await nox(['registry', 'rollback', '--hours', '2'], { typed: ['n'] })).toMatchObject({ exit: 1 });
    expect(await nox(['registry', 'rollback', '--last'])).toMatchObject({ exit: 2 });
    const dry = await nox(['registry', 'rollback', '--at', '1d', '--dry-run', '--json']);
    expect(JSON.parse(dry.stdout)).toMatchObject({ dry_run: true });
    expect(calls.every((c) => (c.body as { dry_run: boolean }).dry_run)).toBe(true);
    expect(calls.at(-1)?.body).toMatchObject({ at: '2026-11-20T12:00:00.000Z' });
  });

  it('goes back in part, and undoes, as it was shown', async () => {
    const { nox, calls } = await withServer({ registry_rollback: rollback, registry_undo: undo });
    await nox(['registry', 'rollback', '--hours', '24', '--agent', 'lead', '--yes']);
    expect(calls.map((c) => c.body)).toEqual([
      { hours: 24, agents: ['lead'], confirm: false, dry_run: true },
      { commit_hash: OLD.hash, agents: ['lead'], confirm: true, dry_run: false },
    ]);
    expect(await nox(['registry', 'undo'])).toMatchObject({ exit: 2 });
    expect(await nox(['registry', 'undo', '--yes'])).toMatchObject({ exit: 0, stdout: `${commitOf('cccc1').hash}\n` });
    expect(calls.at(-1)?.body).toEqual({ confirm: true, dry_run: false });
    expect(await nox(['registry', 'rollback', '--last', '--path', '../x'])).toMatchObject({ exit: 2 });
  });

  it('shows the conflicts of a merge by key and takes a side for one', async () => {
    const conflict = { file: 'agents.toml' as const, key: 'agents.lead.model', base: 'a', ours: 'b', theirs: 'c' };
    const merge: Handlers['registry_branch_merge'] = ({ body }) => {
      const conflicts = body.choices.length > 0 ? [] : [conflict];
      const commit = body.dry_run ? null : commitOf('cccc1');
      return { dry_run: body.dry_run, from: 'try', conflicts, commit, objects: [], reconciled: [] };
    };
    const { nox, calls } = await withServer({ registry_branch_merge: merge });
    const refused = await nox(['registry', 'branch', 'merge', 'try', '--yes', '--no-color']);
    expect(refused).toMatchObject({ exit: 5 });
    expect(refused.stderr).toContain('agents.toml:agents.lead.model\n    ours: "b"\n    theirs: "c"');
    const key = 'agents.toml:agents.lead.model';
    expect(await nox(['registry', 'branch', 'merge', 'try', '--theirs', key, '--yes'])).toMatchObject({ exit: 0 });
    expect(calls.at(-1)?.body).toMatchObject({
      choices: [{ file: 'agents.toml', key: 'agents.lead.model', take: 'theirs' }],
      confirm: true,
    });
    expect(await nox(['registry', 'branch', 'merge', 'try', '--ours', 'x'])).toMatchObject({ exit: 2 });
  });

  it('wants exactly one target', async () => {
    const { nox } = await withServer({});
    expect(await nox(['registry', 'rollback'])).toMatchObject({ exit: 2 });
    expect(await nox(['registry', 'rollback', 'abcd', '--last'])).toMatchObject({ exit: 2 });
  });
});

const event = (seq: number) => {
  const timestamp = new Date(NOW).toISOString();
  return { id: `evt_${seq}`, seq, type: 'system.stopping', timestamp, payload: { reason: 'told\u001bto' } };
};

describe('nox events', () => {
  it('shows the last ones', async () => {
    const { nox, calls } = await withServer({
      system_status: () => systemOf(),
      events: () => ({ events: [event(119), { ...event(120), type: 'later.kind' }], last_seq: 120 }),
    });
    const { stdout } = await nox(['events', '-n', '2', '--area', 'system', 'agent']);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d {4}119 system\.stopping +told␛to\n$/);
    expect(calls[1]?.query).toMatchObject({ after_seq: 118, areas: 'system,agent', follow: false, limit: 2 });
  });

  it('follows as NDJSON until the server refuses', async () => {
    const answers = [() => new SseText(frame('system.stopping', event(121), 121))];
    const { nox } = await withServer({
      events: () => {
        const next = answers.shift();
        if (next === undefined) throw new Refusal('FORBIDDEN');
        return next();
      },
    });
    const { exit, stdout, stderr } = await nox(['events', '-f', '--after', '120', '--json']);
    expect(exit).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ seq: 121 });
    expect(stderr).toContain('connection lost');
  });
});

describe('nox user', () => {
  it('adds with a password typed twice', async () => {
    const { nox, calls } = await withServer({ users_create: () => ({ username: 'eve', role: 'viewer' }) });
    const typed = ['long enough', 'long enough'];
    expect(await nox(['user', 'add', 'eve', '--role', 'viewer'], { typed })).toMatchObject({ exit: 0 });
    expect(calls[0]?.body).toEqual({ username: 'eve', role: 'viewer', password: 'long enough' });
    expect(await nox(['user', 'add', 'eve'], { typed: ['long enough', 'long enouhg'] })).toMatchObject({ exit: 2 });
    expect(calls).toHaveLength(1);
  });

  it('removes only when told to', async () => {
    const { nox, calls } = await withServer({ users_delete: () => ({}) });
    expect(await nox(['user', 'rm', 'eve'])).toMatchObject({ exit: 2 });
    expect(await nox(['user', 'rm', 'eve', '-y'])).toMatchObject({ exit: 0 });
    expect(calls.map((c) => c.params)).toEqual([{ username: 'eve' }]);
  });
});

describe('nox doctor', () => {
  it('works without a server and names what is wrong with its remedy', async () => {
    const home = await folder();
    await chmod(home, 0o755);
    const env = {
      NOX_URL: 'http://127.0.0.1:1',
      NOX_HOME: home,
      XDG_CONFIG_HOME: home,
      PATH: process.env['PATH'] ?? '',
    };
    const { exit, stdout } = await run(['doctor', '--json'], { env, cwd: home });
    expect(exit).toBe(1);
    const { checks } = JSON.parse(stdout) as { checks: { name: string; result: string; remedy?: string }[] };
    const result = Object.fromEntries(checks.map((c) => [c.name, c.result]));
    expect(result).toMatchObject({
      node: 'ok',
      git: 'ok',
      home: 'fail',
      registry: 'ok',
      server: 'warn',
      queue: 'ok',
      login: 'warn',
    });
    for (const check of checks) expect(check.remedy !== undefined).toBe(check.result !== 'ok');
    await chmod(home, 0o700);
    const well = await run(['doctor'], { env, cwd: home });
    expect(well.stdout).toContain('✓ ok    home');
    expect(well.stdout).toContain('→ nox login');
  });
});

describe('the command line', () => {
  it('answers help and version on stdout with 0, and mistakes on stderr with 2', async () => {
    expect(await run(['--version'])).toMatchObject({ exit: 0, stderr: '' });
    const help = await run(['agent', 'add', '--help']);
    expect(help.stdout).toContain('$ nox agent add');
    expect(help.stdout).toContain('--json');
    for (const argv of [['frob'], ['agent', 'frob'], ['agent', 'show'], ['agent', 'ls', '--frob'], ['agent']]) {
      const wrong = await run(argv);
      expect(wrong).toMatchObject({ exit: 2, stdout: '' });
      expect(wrong.stderr).not.toBe('');
    }
  });

  it('prints where the dashboard is, and completions', async () => {
    expect(await run(['open', '--url', 'box:4000'])).toMatchObject({ stdout: 'http://box:4000/\n' });
    expect((await run(['completion', 'bash'])).stdout).toContain('"registry rollback")');
    expect(await run(['open', '--url', 'ftp://box'])).toMatchObject({ exit: 2 });
  });

  it('says with 7 that nobody answers', async () => {
    const { exit, stderr } = await run(['status', '--url', 'http://127.0.0.1:1'], { env: { HOME: '/nowhere' } });
    expect(exit).toBe(7);
    expect(stderr).toContain('nox serve');
  });
});
