import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Disk } from '../../src/registry/git/writer/disk.js';
import { blobOid } from '../../src/registry/git/writer/git-object.js';
import { writePromise } from '../../src/registry/git/writer/promise-file.js';

import { runRegistryCrash } from '../fault/long/registry-crash.js';
import { ADMIN, agentConfig, Kit } from './registry-kit.js';

const ROUNDS = 250;
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

describe('kill -9 while writing', () => {
  it('breaks no promise in 250 rounds (`npm run chaos -- --only registry-crash`: more)', async () => {
    const report = await runRegistryCrash({ rounds: ROUNDS, seed: Date.now() % 1_000_000, say: () => undefined });
    expect(report).toMatchObject({ violations: [] });
    expect(report.acknowledged).toBeGreaterThan(ROUNDS);
  }, 600_000);
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
    // Torn by a loss of power, where git looks in a check only.
    const index = await readFile(file('.git/index'));
    await writeFile(file('.git/index'), Buffer.concat([index.subarray(0, -1), Buffer.of((index.at(-1) ?? 0) ^ 1)]));
    await (await kit.open()).close();
    expect(await kit.git('fsck', '--strict', '--no-dangling')).toBe('');
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
