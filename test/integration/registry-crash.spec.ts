import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Disk } from '../../src/registry/git/writer/disk.js';
import { blobOid } from '../../src/registry/git/writer/git-object.js';
import { writePromise } from '../../src/registry/git/writer/promise-file.js';
import { ADMIN, agentConfig, Kit, TEMPLATE } from './registry-kit.js';

const REPOSITORY = join(import.meta.dirname, '../..');
let kit: Kit;
beforeEach(async () => {
  kit = await Kit.make();
});
afterEach(() => kit.remove());

const file = (name: string): string => join(kit.root, name);

/** Names below `.git` and the folder that a crash may leave and a start must remove. */
async function leftovers(): Promise<string[]> {
  const names = await readdir(kit.root, { recursive: true });
  return names.filter((name) => /\.lock$|\.nox-tmp-/.test(name) && !name.endsWith('nox.lock'));
}

async function writeUntilKilled(program: string, round: number, delay_ms: number): Promise<string[]> {
  const child = spawn(process.execPath, [program, kit.root, TEMPLATE, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = once(child, 'exit');
  const acknowledged: string[] = [];
  let armed = false;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('ack ')) acknowledged.push(line.slice(4));
    if (armed) continue;
    armed = true;
    // Every second time git dies with it; else git works on as an orphan.
    setTimeout(() => process.kill(round % 2 === 0 ? -(child.pid ?? 0) : (child.pid ?? 0), 'SIGKILL'), delay_ms);
  }
  await ended;
  return acknowledged;
}

describe('kill -9 while writing', () => {
  it('loses no acknowledged change and leaves a registry that opens, in 20 rounds', async () => {
    const program = join(kit.base, 'writer.mjs');
    await promisify(execFile)(join(REPOSITORY, 'node_modules/.bin/esbuild'), [
      join(REPOSITORY, 'test/integration/registry-writer.ts'),
      '--bundle',
      '--platform=node',
      '--format=esm',
      `--outfile=${program}`,
      '--log-level=error',
      "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    ]);
    const first = await kit.open();
    await first.createAgent('lead', agentConfig(), ADMIN);
    // The writer rolls back by a few commits; the agent must be in all of them.
    for (let i = 1; i <= 4; i += 1) await first.updateAgent('lead', { name: `Lead ${i}` }, ADMIN);
    await first.close();
    let acknowledged = 0;
    for (let round = 0; round < 20; round += 1) {
      const before = await kit.git('rev-parse', 'main');
      const delay_ms = Math.round(Math.random() * 250);
      const acks = await writeUntilKilled(program, round, delay_ms);
      acknowledged += acks.length;
      const registry = await kit.open();
      const context = `round ${round}, killed after ${delay_ms} ms`;
      const reachable = new Set((await kit.git('rev-list', 'main')).split('\n'));
      expect({ context, lost: [before, ...acks].filter((hash) => !reachable.has(hash)) }).toEqual({
        context,
        lost: [],
      });
      expect({ context, status: await kit.git('status', '--porcelain') }).toEqual({ context, status: '' });
      expect({ context, left: await leftovers() }).toEqual({ context, left: [] });
      expect((await registry.status()).invalid).toEqual([]);
      // Whatever was in force is what HEAD holds: no half of a change.
      expect(await kit.git('show', 'main:agents.toml')).toBe((await readFile(file('agents.toml'), 'utf8')).trim());
      expect(await registry.updateAgent('lead', { name: `after ${round}` }, ADMIN)).not.toBeNull();
      await registry.close();
      const { stderr } = await promisify(execFile)('git', ['-C', kit.root, 'fsck', '--strict', '--no-dangling']);
      expect({ context, stderr: stderr.replace(/^(notice|Checking).*\n/gm, '') }).toEqual({ context, stderr: '' });
    }
    expect(acknowledged).toBeGreaterThan(20);
  }, 180_000);
});

const crashed = async (): Promise<string> => {
  const registry = await kit.open();
  await registry.createAgent('lead', agentConfig(), ADMIN);
  await registry.updateConfig({ server: { port: 4000 } }, ADMIN, 'set port');
  await registry.close();
  await writeFile(file('.git/nox.lock'), '{"pid":1,"start_time":"0","boot_id":"gone"}');
  return kit.git('rev-parse', 'main');
};
const promise = (head: string, texts: Readonly<Record<string, string>>): void => {
  const blobs = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, blobOid(Buffer.from(text))]));
  writePromise(new Disk(), file('.git'), { head, tip: '', object_ref: 'agent:lead', blobs }, true);
};

describe('a start after a crash', () => {
  it('removes locks and temporary files of those who are gone', async () => {
    await crashed();
    await mkdir(file('.git/refs/heads/x'), { recursive: true });
    for (const name of [
      '.git/index.lock',
      '.git/HEAD.lock',
      '.git/refs/heads/main.lock',
      '.git/refs/heads/x/y.lock',
      '.git/record.index.lock',
    ]) {
      await writeFile(file(name), '');
    }
    await mkdir(file('agents/lead/conversations'), { recursive: true });
    for (const name of ['.nox-tmp-a', '.git/.nox-tmp-b', 'agents/lead/conversations/.nox-tmp-c'])
      await writeFile(file(name), 'half');
    const registry = await kit.open();
    expect(await leftovers()).toEqual([]);
    await registry.updateAgent('lead', { name: 'Boss' }, ADMIN);
    await registry.record.flush();
    expect(kit.warnings[0]?.message).toContain('locks');
  });

  it('commits a whole change that was written and not committed, as its own', async () => {
    const head = await crashed();
    const text = (await readFile(file('agents.toml'), 'utf8')).replace(/^name = "Lead"/m, 'name = "Boss"');
    await writeFile(file('agents.toml'), text);
    await kit.git('add', 'agents.toml');
    promise(head, { 'agents.toml': text });
    const registry = await kit.open();
    expect(registry.opening_commits).toMatchObject([
      { author: 'nox', action: 'recover', object: 'agent:lead', files: ['agents.toml'] },
    ]);
    expect(registry.agents().get('lead')?.name).toBe('Boss');
    expect(await kit.git('status', '--porcelain')).toBe('');
    expect((await registry.history({ limit: 1 })).commits).toEqual(registry.opening_commits);
  });

  it('takes back a change of several files that is there in part', async () => {
    const head = await crashed();
    const agents = 'schema_version = 1\n';
    const config = 'schema_version = 1\n[server]\nport = 5000\n';
    promise(head, { 'agents.toml': agents, 'system-config.toml': config });
    await writeFile(file('agents.toml'), agents);
    const registry = await kit.open();
    expect([...registry.agents().keys()]).toEqual(['lead']);
    expect(registry.config().server.port).toBe(4000);
    expect(registry.opening_commits).toEqual([]);
    expect(await kit.git('rev-parse', 'main')).toBe(head);
    expect(await kit.git('status', '--porcelain')).toBe('');
  });

  it('makes the index equal HEAD when only the index differs, or is damaged', async () => {
    const head = await crashed();
    await kit.git('rm', '-q', '--cached', 'system-config.toml');
    await (await kit.open()).close();
    expect(await kit.git('status', '--porcelain')).toBe('');
    await writeFile(file('.git/index'), 'DIRC damaged');
    await (await kit.open()).close();
    expect(await kit.git('status', '--porcelain')).toBe('');
    expect(await kit.git('rev-parse', 'main')).toBe(head);
  });

  it('refuses a damaged branch instead of beginning anew', async () => {
    await crashed();
    await writeFile(file('.git/refs/heads/main'), '');
    await expect(kit.open()).rejects.toMatchObject({
      code: 'GIT_OPERATION_FAILED',
      message: expect.stringContaining('damaged'),
    });
  });

  it('goes on with a first start that was not finished', async () => {
    await mkdir(file('.git'), { recursive: true });
    await kit.git('init', '-q', '-b', 'main');
    await writeFile(file('agents.toml'), 'schema_version = 1\n# mine\n');
    const registry = await kit.open();
    expect(registry.opening_commits).toMatchObject([{ action: 'init' }]);
    expect(await readFile(file('agents.toml'), 'utf8')).toContain('# mine');
    expect(await kit.git('status', '--porcelain')).toBe('');
  });
});
