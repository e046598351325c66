import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { NODE, BUNDLE, NoxServer } from '../support/nox-server.js';

/** Everything of a Nox that works on goes into one file, and another Nox goes on from it. */
describe('backup and restore', () => {
  let nox: NoxServer;
  let file: string;
  const fresh = (name: string) => ({
    home: join(nox.dir.path, name, '.nox'),
    registry: join(nox.dir.path, name, '.nox-registry'),
  });
  const run = async (args: readonly string[]): Promise<{ code: number; out: string; err: string }> => {
    const env = { PATH: process.env['PATH'], HOME: nox.dir.path, NOX_URL: nox.url, NOX_TOKEN: nox.access_token };
    const child = promisify(execFile)(NODE, [BUNDLE, ...args], { cwd: nox.workspace, env });
    return child.then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
      (error: { code: number; stdout: string; stderr: string }) => {
        return { code: error.code, out: error.stdout, err: error.stderr };
      },
    );
  };
  const restore = (from: string, to: { home: string; registry: string }, ...more: string[]) =>
    run(['restore', from, '--home', to.home, '--registry', to.registry, ...more]);
  const add = (id: string) =>
    nox.call('agents_create', {
      body: { id, name: id, system_prompt: `You are ${id}.`, runtime: 'command', command: ['cat'] },
    });

  beforeAll(async () => {
    nox = await NoxServer.start();
    file = join(nox.dir.path, 'nox.tar.gz');
    await add('lead');
    await nox.call('tasks_create', {
      body: { agent_id: 'lead', title: 'Write the plan', description: '', priority: 'high' },
    });
    // A person's own, by a name that Nox would not give.
    await promisify(execFile)('git', ['-C', nox.registry, 'tag', 'v1.0_mine']);
    await mkdir(join(nox.home, 'secrets'), { recursive: true });
    await writeFile(join(nox.home, 'secrets', 'token'), 'planted-secret-of-the-test');
  });
  afterAll(() => nox.close());

  it('is made and checked while Nox writes', async () => {
    const made_it = new AbortController();
    const written: string[] = [];
    const writer = (async () => {
      for (let n = 0; !made_it.signal.aborted && n < 400; n += 1) {
        await add(`busy-${n}`);
        written.push(`busy-${n}`);
      }
    })();
    const { code, out, err } = await run(['backup', file, '--json']);
    const during = written.length;
    made_it.abort();
    await writer;
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(during).toBeGreaterThan(0);
    const made = JSON.parse(out) as { head: string; left_out: string[] };
    expect(made.left_out.join()).toContain('.nox/secrets');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await run(['backup', file])).code).toBe(5);
    expect((await readdir(nox.dir.path)).filter((name) => name.endsWith('.part'))).toEqual([]);
    expect(await readdir(join(nox.home, 'backups'))).toHaveLength(1);
  });

  it('is refused where something is, and leaves it as it was', async () => {
    const before = await readFile(join(nox.registry, 'agents.toml'), 'utf8');
    const running = await restore(file, nox, '--force', '--yes');
    expect(running).toMatchObject({ code: 5, err: expect.stringContaining(String(nox.pid)) });
    const taken = { home: join(nox.dir.path, 'taken', '.nox'), registry: join(nox.dir.path, 'taken', 'registry') };
    await mkdir(taken.registry, { recursive: true });
    await writeFile(join(taken.registry, 'mine.txt'), 'mine');
    expect(await restore(file, taken)).toMatchObject({ code: 5, err: expect.stringContaining('--force') });
    // Nobody can be asked here.
    expect(await restore(file, taken, '--force')).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
    expect(await readdir(taken.registry)).toEqual(['mine.txt']);
    expect(await readFile(join(nox.registry, 'agents.toml'), 'utf8')).toBe(before);
    expect(await restore(file, taken, '--force', '--yes')).toMatchObject({ code: 0 });
    const aside = (await readdir(join(nox.dir.path, 'taken'))).find((name) =>
      name.startsWith('registry.before-restore'),
    );
    expect(await readFile(join(nox.dir.path, 'taken', aside ?? '', 'mine.txt'), 'utf8')).toBe('mine');
  });

  it('is refused when one byte of it is not as it was', async () => {
    const size = (await stat(file)).size;
    for (const at of [0, Math.floor(size / 2), size - 5]) {
      const broken = join(nox.dir.path, `broken-${at}.tar.gz`);
      await copyFile(file, broken);
      const handle = await open(broken, 'r+');
      await handle.write(randomBytes(16), 0, 16, Math.min(at, size - 16));
      await handle.close();
      const to = fresh(`broken-${at}`);
      expect((await restore(broken, to)).code).toBe(5);
      await expect(stat(to.registry)).rejects.toThrow('ENOENT');
      await expect(stat(join(to.home, 'state.db'))).rejects.toThrow('ENOENT');
    }
  });

  it('starts another Nox with all that was there, and without secrets and logins', async () => {
    const to = fresh('second');
    const { code, out } = await restore(file, to, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ registry: to.registry, put_aside: [] });
    expect(await readdir(to.home)).toEqual(['state.db']);
    const { stdout } = await promisify(execFile)('git', ['-C', to.registry, 'tag', '--list', 'v1.0_mine']);
    expect(stdout.trim()).toBe('v1.0_mine');
    const journal = new DatabaseSync(join(to.home, 'state.db'), { readOnly: true });
    for (const table of ['refresh_tokens', 'login_links'])
      expect(journal.prepare(`SELECT count(*) AS n FROM ${table}`).get()).toEqual({ n: 0 });
    journal.close();

    await using second = await NoxServer.start({ env: { NOX_HOME: to.home, NOX_REGISTRY_PATH: to.registry } });
    const commits = await second.call('registry_history', { query: { limit: 500 } });
    const original = await nox.call('registry_history', { query: { limit: 500 } });
    const newest = commits.commits[0]?.hash;
    const from = original.commits.findIndex(({ hash }) => hash === newest);
    expect(from).toBeGreaterThanOrEqual(0);
    expect(commits.commits).toEqual(original.commits.slice(from));
    const ids = (await second.call('agents_list', { query: { limit: 500 } })).agents.map(({ id }) => id);
    expect(ids).toContain('lead');
    expect(await second.call('registry_status')).toMatchObject({ dirty: [], invalid: [], held: [] });
    expect(await second.call('registry_verify')).toMatchObject({ ok: true });
    expect(await second.call('audit_verify')).toMatchObject({ ok: true });
    const { tasks } = await second.call('tasks_list', { query: {} });
    expect(tasks.map(({ title }) => title)).toEqual(['Write the plan']);
    // And it goes on.
    await second.call('agents_update', { params: { id: 'lead' }, body: { system_prompt: 'You go on.' } });
    await expect(second.call('auth_refresh', { body: { refresh_token: 'x'.repeat(43) } })).rejects.toThrow();
  });

  it('moves a part of the configuration by plain files', async () => {
    const archive = join(nox.dir.path, 'team.tar.gz');
    expect(await run(['registry', 'export', '--agent', 'lead', '--tasks', archive])).toMatchObject({
      code: 0,
      out: 'agents.toml\ntasks/lead.md\n',
    });
    expect((await run(['registry', 'export', archive])).code).toBe(5);
    const folder = join(nox.dir.path, 'fleet');
    expect((await run(['registry', 'export', folder])).code).toBe(0);
    const agents = join(folder, 'agents.toml');
    await writeFile(
      agents,
      `${await readFile(agents, 'utf8')}\n[agents.scout]\nname = "Scout"\nsystem_prompt = "Look."\n`,
    );
    await run(['agent', 'rm', 'lead', '--yes']);
    const plan = await run(['registry', 'import', archive, '--dry-run']);
    // Nothing is left out: an import takes tasks, too.
    expect(plan).toMatchObject({ code: 0, out: expect.stringContaining('needs --accept'), err: '' });
    expect((await run(['registry', 'import', archive, '--yes'])).code).toBe(2);
    expect((await run(['registry', 'import', archive, '--yes', '--accept'])).code).toBe(0);
    expect((await run(['registry', 'import', folder, '--yes', '--json'])).code).toBe(0);
    const ids = (await nox.call('agents_list', { query: { limit: 500 } })).agents.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['lead', 'scout']));
    expect(await run(['registry', 'prune'])).toMatchObject({ code: 5, err: expect.stringContaining('record_days') });
    expect(await run(['registry', 'prune', '--days', '30', '--dry-run'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^0 commits/),
    });
  });
});
