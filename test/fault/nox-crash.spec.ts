import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAKE_AGENT, fakeAgent } from '../support/fake-agent.js';
import { BUNDLE, NODE, NoxServer } from '../support/nox-server.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';
import { eventually, within } from '../support/wait.js';

/** Living processes whose environment carries the home of this test's agents. */
function processesOf(home: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const alive = !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
        return alive && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`FAKE_AGENT_HOME=${home}\0`);
      } catch {
        return false; // it ended while we looked
      }
    });
}

/** Nox is killed at different points; what was acknowledged is there again, nothing old lives, nothing runs twice. */
describe('kill -9 of Nox', () => {
  let nox: NoxServer;
  let home: string;
  let folder: TempDir;
  const create = (id: string, start = true) => nox.call('agents_create', { body: fakeAgent(id, start) });
  const prompt = (id: string, content: string, wait = true) =>
    nox.call('agents_prompt', { params: { id }, body: { content, wait } });
  const idle = (id: string) =>
    eventually(`${id} is idle`, async () => {
      const status = await nox.call('agents_status', { params: { id } });
      return status.status === 'idle' ? status : undefined;
    });
  /** The agents of this test, Nox itself left out: it holds the variable too. */
  const agents = () =>
    processesOf(home).filter((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`${FAKE_AGENT.join('\0')}\0`),
    );

  beforeEach(async () => {
    folder = await makeTempDir('nox-fake-');
    home = folder.path;
    nox = await NoxServer.start({ env: { FAKE_AGENT_HOME: home } });
  });
  afterEach(async () => {
    await nox.close();
    expect(agents()).toEqual([]);
    await folder.remove();
  });

  it('in the middle of a turn: the turn is interrupted, what waited still runs, the conversation goes on', async () => {
    await create('one');
    await prompt('one', 'say before');
    const running = await prompt('one', 'say begun\nhang', false);
    await eventually(
      'it runs',
      async () => (await nox.call('turns_get', { params: { id: running.turn_id } })).status === 'running',
    );
    const waiting = await prompt('one', 'say after', false);
    await nox.restart('SIGKILL');
    expect(await nox.call('turns_get', { params: { id: running.turn_id } })).toMatchObject({
      status: 'interrupted',
      reason: 'Nox ended while this turn ran',
    });
    const after = await eventually('the waiting turn', async () => {
      const turn = await nox.call('turns_get', { params: { id: waiting.turn_id } });
      return turn.status === 'complete' ? turn : undefined;
    });
    expect(after.text).toBe('after');
    expect((await prompt('one', 'history')).text).toContain('a:before');
    expect(agents()).toHaveLength(1);
  });

  it('while a call waits for approval: it is cancelled and never runs', async () => {
    await create('one');
    void prompt('one', 'tool Bash {"command":"touch made.txt"}').catch(() => undefined);
    const request = await eventually(
      'the request',
      async () => (await nox.call('approvals_list', { query: { status: 'pending' } })).approvals[0],
    );
    await nox.restart('SIGKILL');
    expect(await nox.call('approvals_get', { params: { id: request.id } })).toMatchObject({
      status: 'cancelled',
      decided_by: 'nox',
    });
    await expect(nox.call('approvals_approve', { params: { id: request.id } })).rejects.toMatchObject({ status: 409 });
    await idle('one');
    expect(readdirSync(join(nox.workspace, 'workspaces', 'one'))).not.toContain('made.txt');
  });

  it('leaves no child of an agent, also one that ignores signals and has a session of its own', async () => {
    await create('one');
    await prompt('one', 'ignore-signals\nspawn 3\nsay spawned');
    const before = processesOf(home).length;
    expect(before).toBeGreaterThanOrEqual(5);
    await nox.kill('SIGKILL');
    await nox.boot();
    await idle('one');
    await eventually(
      'only the new process and Nox',
      () => agents().length === 1 && processesOf(home).length <= before - 3,
    );
  });

  it('keeps every acknowledged change of the registry, and git is whole', async () => {
    const acknowledged: string[] = [];
    const writer = (async () => {
      for (let n = 0; n < 200; n += 1) {
        try {
          const id = `agent-${n}`;
          await create(id, false);
          acknowledged.push(id);
        } catch {
          return; // Nox was killed under this one: it was not acknowledged
        }
      }
    })();
    await eventually('some writes', () => acknowledged.length >= 5);
    await nox.kill('SIGKILL');
    await writer;
    await nox.boot();
    const { agents: found } = await nox.call('agents_list', { query: { limit: 500 } });
    expect(found.map((agent) => agent.id)).toEqual(expect.arrayContaining(acknowledged));
    const git = (...args: string[]) => execFileSync('git', ['-C', nox.registry, ...args], { encoding: 'utf8' });
    expect(git('fsck', '--no-dangling')).toBe('');
    expect(git('status', '--porcelain')).toBe('');
    for (const id of acknowledged) expect(git('log', '--format=%s')).toContain(`create ${id}`);
  });

  it('recovers the lock files that a killed git left behind', async () => {
    await nox.kill('SIGKILL');
    for (const lock of ['index.lock', 'HEAD.lock', 'refs/heads/main.lock'])
      writeFileSync(join(nox.registry, '.git', lock), '');
    await nox.boot();
    await create('after-locks', false);
    expect(await nox.call('agents_get', { params: { id: 'after-locks' } })).toMatchObject({ status: 'inactive' });
  });

  it('never runs twice on one registry: the second refuses and says who has it', async () => {
    const second = spawn(NODE, [BUNDLE, 'serve'], {
      cwd: nox.workspace,
      env: {
        PATH: process.env['PATH'],
        NOX_HOME: join(nox.dir.path, 'other'),
        NOX_REGISTRY_PATH: nox.registry,
        NOX_PORT: '0',
        NOX_ADMIN_PASSWORD: 'a password for tests',
      },
    });
    let said = '';
    for (const stream of [second.stdout, second.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    const code = await within('the second ends', new Promise((resolve) => second.once('exit', resolve)));
    expect(code).not.toBe(0);
    expect(said).toContain(String(nox.pid));
  });
});
