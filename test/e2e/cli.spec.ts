import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { ADMIN_PASSWORD, NoxServer, ROOT } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** The same story from a terminal, with the built command and nothing else. */
describe('the command line', () => {
  let nox: NoxServer;
  const run = async (args: readonly string[], input = '') => {
    const child = spawn(join(ROOT, 'bin', 'nox'), args, {
      cwd: nox.workspace,
      env: {
        PATH: process.env['PATH'],
        HOME: nox.dir.path,
        XDG_CONFIG_HOME: join(nox.dir.path, 'config'),
        NOX_URL: nox.url,
        NOX_CLAUDE_PATH: CLAUDE_PATH,
      },
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.stdin.end(input);
    const [code] = (await once(child, 'close')) as [number];
    return { code, out, err };
  };
  const json = async (args: readonly string[]) =>
    JSON.parse((await run([...args, '--json'])).out) as Record<string, unknown>;

  beforeAll(async () => {
    nox = await NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } });
  });
  afterAll(() => nox.close());

  it('asks to log in first, and says how', async () => {
    const { code, err } = await run(['agent', 'ls']);
    expect(code).toBe(4);
    expect(err).toContain('nox login');
  });

  it('logs in and keeps the tokens for this user only', async () => {
    expect(await run(['login', '--username', 'admin', '--password-stdin'], `${ADMIN_PASSWORD}\n`)).toMatchObject({
      code: 0,
    });
    expect(statSync(join(nox.dir.path, 'config', 'nox', 'credentials.json')).mode & 0o777).toBe(0o600);
  });

  it('adds an agent, talks to it and streams the answer', async () => {
    expect(await run(['agent', 'add', 'Helper', '--prompt', 'You help.', '--start'])).toMatchObject({ code: 0 });
    const { code, out } = await run(['agent', 'prompt', 'helper', 'say hello from the terminal']);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('hello from the terminal') });
    expect((await run(['agent', 'ls'])).out).toContain('○ idle');
  });

  it('shows a waiting call to the byte, and decides it', async () => {
    const prompt = run(['agent', 'prompt', 'helper', 'tool Bash {"command":"touch from-cli.txt"}\nsay made']);
    const id = await eventually('the request', async () => {
      const { approvals } = (await json(['approval', 'ls'])) as { approvals: { id: string }[] };
      return approvals[0]?.id;
    });
    expect((await run(['approval', 'show', id])).out).toContain('touch from-cli.txt');
    expect(await run(['approval', 'approve', id, '--reason', 'ok'])).toMatchObject({ code: 0 });
    expect(await prompt).toMatchObject({ code: 0, out: expect.stringContaining('made') });
    expect(existsSync(join(nox.workspace, 'workspaces', 'helper', 'from-cli.txt'))).toBe(true);
    expect(await run(['approval', 'deny', id])).toMatchObject({ code: 5 });
  });

  it('shows the history and goes back only when told to', async () => {
    expect((await run(['registry', 'history'])).out).toContain('create helper');
    const plan = await run(['registry', 'rollback', '--last', '--dry-run']);
    expect(plan.out).toContain('helper');
    expect(await run(['registry', 'rollback', '--last'])).toMatchObject({ code: 2 });
    expect(await run(['registry', 'rollback', '--last', '--yes'])).toMatchObject({ code: 0 });
    expect(await run(['agent', 'show', 'helper'])).toMatchObject({ code: 3 });
  });

  it('tells by its exit status what went wrong', async () => {
    expect(await run(['agent', 'show', 'nobody'])).toMatchObject({ code: 3 });
    expect(await run(['agent', 'nonsense'])).toMatchObject({ code: 2 });
    expect(await run(['agent', 'ls', '--url', 'http://127.0.0.1:9'])).toMatchObject({ code: 7 });
  });

  it('knows whether this machine is fit', async () => {
    const { code, out } = await run(['doctor']);
    expect(out).toContain('claude');
    expect(code).toBe(0);
  });
});
