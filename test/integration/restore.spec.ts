import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GitProcess } from '../../src/registry/git/git-process.js';
import { StateDb } from '../../src/shared/db/state-db.js';
import { restoreBackup } from '../../src/system/backup/restore.js';
import { backUp } from '../support/registry-backup.js';
import { ADMIN, agentConfig, Kit } from './registry-kit.js';

/** What stands in the folders is put aside, all of it, and only while nobody uses it. */
describe('a restore over what is there', () => {
  let kit: Kit;
  let file: string;
  let home: string;
  let registry: string;
  const restore = () => restoreBackup({ file, home, registry, force: true, now: '2026-01-02T03:04:05.000Z' });
  const ASIDE = 'before-restore-20260102T030405Z';

  beforeEach(async () => {
    kit = await Kit.make();
    [file, home, registry] = ['backup.tar.gz', 'home', 'registry'].map((name) => join(kit.base, name)) as [
      string,
      string,
      string,
    ];
    const service = await kit.open();
    await service.createAgent('lead', agentConfig(), ADMIN);
    for (const args of [
      ['tag', 'v1.0_mine'],
      ['branch', 'Feature/Mine'],
    ])
      await kit.git(...args);
    await backUp(kit.root, join(kit.base, 'files'), file, 'backup');
    await mkdir(home);
  });
  afterEach(() => kit.remove());

  it('keeps the last good bundle, which may be all that is whole of the registry', async () => {
    await mkdir(registry);
    await writeFile(join(registry, 'mine.txt'), 'mine');
    await writeFile(join(home, 'registry.bundle'), 'the bundle of before');
    new StateDb(join(home, 'state.db')).close();
    const done = await restore();
    expect(done.last_seq).toBe(7);
    expect(done.put_aside.map((path) => path.slice(kit.base.length + 1))).toEqual([
      `registry.${ASIDE}`,
      `home/state.db.${ASIDE}`,
      `home/registry.bundle.${ASIDE}`,
    ]);
    expect(await readFile(join(home, `registry.bundle.${ASIDE}`), 'utf8')).toBe('the bundle of before');
    expect(await readFile(join(registry, 'agents.toml'), 'utf8')).toContain('[agents.lead]');
    const restored = new GitProcess(registry);
    const names = await restored.run(['for-each-ref', '--format=%(refname)']);
    expect(names.split('\n')).toEqual(expect.arrayContaining(['refs/heads/Feature/Mine', 'refs/tags/v1.0_mine']));
    expect((await readdir(home)).toSorted()).toEqual(
      ['state.db', `registry.bundle.${ASIDE}`, `state.db.${ASIDE}`].toSorted(),
    );
  });

  it('is refused while a Nox with another registry has the journal open', async () => {
    const journal = new StateDb(join(home, 'state.db'));
    const before = (await readdir(home)).toSorted();
    await expect(restore()).rejects.toMatchObject({
      code: 'INVALID_STATE',
      message: expect.stringContaining('stop it first'),
    });
    expect((await readdir(home)).toSorted()).toEqual(before);
    await journal.setMeta('still', 'here');
    journal.close();
    expect((await restore()).put_aside).toHaveLength(1);
  });

  it('leaves no mark when nothing could be exchanged', async () => {
    // A folder that cannot be renamed onto, as a mount cannot be put aside.
    await mkdir(join(registry, 'mine'), { recursive: true });
    await mkdir(join(`${registry}.${ASIDE}`, 'taken'), { recursive: true });
    await expect(restore()).rejects.toThrow();
    expect(await readdir(home)).toEqual([]);
    expect(await readdir(registry)).toEqual(['mine']);
  });
});
