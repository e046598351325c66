import { readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Actor } from '../../src/contracts/auth.js';
import type { ExternalEdit } from '../../src/contracts/registry.js';
import type { RegistryNews, RegistryService } from '../../src/registry/registry.service.js';
import { ADMIN, agentConfig, Kit } from './registry-kit.js';

let kit: Kit;
let registry: RegistryService;
let news: RegistryNews[];
const file = (name: string): string => join(kit.root, name);
const text = (name: string): Promise<string> => readFile(file(name), 'utf8');
const edit = async (name: string, change: (text: string) => string): Promise<void> =>
  writeFile(file(name), change(await text(name)));
const types = (): string[] => news.map(({ type }) => type);
const waiting = async (): Promise<ExternalEdit[]> => (await registry.external.view()).edits;
const decision = async () => ({
  edits: (await waiting()).map(({ file, version }) => ({ file, version })),
  confirm: true,
});
const inGit = (name: string): Promise<string> => kit.git('show', `main:${name}`);
const ENV = '\n# why it needs it\n[agents.lead.env]\nTOKEN = "env:TOKEN"\n';

const open = async (): Promise<void> => {
  registry = await kit.open();
  registry.onNews((each) => news.push(each));
};
beforeEach(async () => {
  [kit, news] = [await Kit.make(), []];
  await open();
  await registry.createAgent('lead', agentConfig(), ADMIN);
});
afterEach(() => kit.remove());

describe('a hand edit that a person must confirm', () => {
  const both = (before: string): string => before.replace(/^name = "Lead"/m, 'name = "Boss" # mine') + ENV;

  it('waits on the disk, while the rest of it is live', async () => {
    await edit('agents.toml', both);
    await registry.refresh();
    expect(registry.agents().get('lead')).toMatchObject({ name: 'Boss' });
    expect(registry.agents().get('lead')?.env).toBeUndefined();
    expect(await inGit('agents.toml')).toContain('name = "Boss" # mine');
    expect(await inGit('agents.toml')).not.toContain('env:TOKEN');
    expect(await text('agents.toml')).toContain(ENV);
    expect(await waiting()).toMatchObject([
      {
        file: 'agents.toml',
        state: 'held',
        fields: [{ key: 'agents.lead.env.TOKEN', before: null, after: 'env:TOKEN' }],
      },
    ]);
    expect(types()).toEqual(['registry.held']);
    expect((await registry.history({ limit: 1 })).commits[0]).toMatchObject({ author: 'external' });
    expect(await registry.status()).toMatchObject({
      held: [{ file: 'agents.toml', fields: ['agents.lead.env.TOKEN'] }],
      dirty: ['agents.toml'],
    });
    // As it was saved it can be found in git, too.
    const [{ saved } = { saved: null }] = await waiting();
    expect(await kit.git('show', `${saved}:agents.toml`)).toContain('TOKEN = "env:TOKEN"');
    await kit.git('fsck', '--strict');
  });

  it('is in force when it was accepted, as a commit of that person', async () => {
    await edit('agents.toml', both);
    const done = await registry.external.accept(await decision(), ADMIN);
    expect(registry.agents().get('lead')?.env).toEqual({ TOKEN: 'env:TOKEN' });
    expect(done).toMatchObject({
      files: ['agents.toml'],
      commit: { author: 'admin', subject: 'registry: accept agents.toml' },
    });
    expect(await inGit('agents.toml')).toContain('# why it needs it');
    expect(await kit.git('status', '--porcelain')).toBe('');
    expect(await waiting()).toEqual([]);
    expect(types()).toEqual(['registry.held', 'registry.mended', 'registry.accepted']);
  });

  it('is off the disk when it was rejected, and can be found again', async () => {
    await edit('agents.toml', both);
    const done = await registry.external.reject(await decision(), ADMIN);
    expect(await text('agents.toml')).not.toContain('env:TOKEN');
    expect(await text('agents.toml')).toContain('name = "Boss" # mine');
    expect(registry.agents().get('lead')?.env).toBeUndefined();
    expect(await kit.git('status', '--porcelain')).toBe('');
    expect(await kit.git('show', `${done.kept[0]?.commit}:agents.toml`)).toContain('TOKEN = "env:TOKEN"');
    expect(await kit.git('log', '-1', '--format=%an %s', 'refs/nox/edits')).toBe('admin registry: reject agents.toml');
    expect(await waiting()).toEqual([]);
    expect(types()).toContain('registry.rejected');
  });

  it('regression: waits again when it is made again after it was rejected', async () => {
    await edit('agents.toml', both);
    await registry.refresh();
    await registry.createAgent('worker', agentConfig({ name: 'W' }), ADMIN);
    await registry.external.reject(await decision(), ADMIN);
    const head = await kit.git('rev-parse', 'main');
    await edit('agents.toml', (before) => before + ENV);
    await registry.refresh();
    expect(await waiting()).toMatchObject([{ fields: [{ key: 'agents.lead.env.TOKEN' }] }]);
    expect(await text('agents.toml')).toContain(ENV);
    expect(await kit.git('rev-parse', 'main')).toBe(head);
  });

  it('is decided by a person only, as they saw it, and with a confirmation', async () => {
    await edit('agents.toml', both);
    const seen = await decision();
    for (const by of [
      { name: 'agent:lead', role: 'admin' },
      { name: 'external', role: 'admin' },
      { name: 'ann', role: 'operator' },
    ] as Actor[]) {
      await expect(registry.external.accept(seen, by)).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await expect(registry.external.reject(seen, by)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    await expect(registry.external.accept({ ...seen, confirm: false }, ADMIN)).rejects.toMatchObject({
      code: 'CONFIRMATION_REQUIRED',
    });
    await edit('agents.toml', (before) => before.replace('env:TOKEN', 'env:OTHER'));
    await expect(registry.external.accept(seen, ADMIN)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await expect(registry.external.reject(seen, ADMIN)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    expect(registry.agents().get('lead')?.env).toBeUndefined();
    expect(await text('agents.toml')).toContain('env:OTHER');
    const nothing = { edits: [{ file: 'system-config.toml' as const, version: 'x' }], confirm: true };
    await expect(registry.external.accept(nothing, ADMIN)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('goes on waiting through writes, rollbacks and restarts', async () => {
    await edit('agents.toml', both);
    await registry.refresh();
    await registry.updateAgent('lead', { priority: 'high' }, ADMIN);
    await registry.createAgent('worker', agentConfig({ name: 'W' }), ADMIN);
    const held = [{ key: 'agents.lead.env.TOKEN', before: null, after: 'env:TOKEN' }];
    expect(await waiting()).toMatchObject([{ fields: held }]);
    expect(await text('agents.toml')).toContain('# why it needs it\n[agents.lead.env]');
    expect(await text('agents.toml')).toContain('[agents.worker]');
    expect(await inGit('agents.toml')).not.toContain('env:TOKEN');
    await registry.rollback({ last: true, confirm: true }, ADMIN);
    expect([...registry.agents().keys()]).toEqual(['lead']);
    expect(await kit.git('rev-parse', 'main^{tree}')).toBe(await kit.git('rev-parse', 'main~2^{tree}'));
    expect(await waiting()).toMatchObject([{ fields: held }]);
    const head = await kit.git('rev-parse', 'main');
    await registry.close();
    await open();
    expect(registry.agents().get('lead')).toMatchObject({ name: 'Boss', priority: 'high' });
    expect(registry.agents().get('lead')?.env).toBeUndefined();
    expect(await waiting()).toMatchObject([{ fields: held }]);
    expect(await kit.git('rev-parse', 'main')).toBe(head);
    // As it was saved, and as the writes left it; a start adds no third one.
    await registry.close();
    await open();
    expect(await kit.git('rev-list', '--count', 'refs/nox/edits')).toBe('2');
  });

  it('stands in the way of a switch to another branch', async () => {
    await registry.branches.create({ name: 'try' }, ADMIN);
    await edit('agents.toml', both);
    await expect(registry.branches.switch('try', { confirm: true }, ADMIN)).rejects.toMatchObject({
      code: 'EDIT_HELD',
      message: expect.stringContaining('agents.toml'),
    });
    expect(await text('agents.toml')).toContain(ENV);
    await registry.external.reject(await decision(), ADMIN);
    await registry.branches.switch('try', { confirm: true }, ADMIN);
    expect((await registry.status()).branch).toBe('try');
  });

  it('waits also when it was made while Nox was down, or was committed past it', async () => {
    await registry.close();
    await edit('agents.toml', both);
    await kit.git('commit', '-q', '-am', 'mine');
    await edit('approval-policy.toml', (before) => `${before}\n[[rules]]\nid = "all"\nwhen = {}\nthen = "allow"\n`);
    await open();
    expect(registry.agents().get('lead')).toMatchObject({ name: 'Boss' });
    expect(registry.agents().get('lead')?.env).toBeUndefined();
    expect(registry.policy().policy.rules.map(({ id }) => id)).not.toContain('all');
    expect((await waiting()).map((each) => [each.file, each.fields.map(({ key }) => key)])).toEqual([
      ['agents.toml', ['agents.lead.env.TOKEN']],
      ['approval-policy.toml', ['rules.all']],
    ]);
    expect(await inGit('agents.toml')).not.toContain('env:TOKEN');
    await registry.external.accept(await decision(), ADMIN);
    expect(registry.policy().policy.rules.map(({ id }) => id)).toContain('all');
    expect(registry.agents().get('lead')?.env).toEqual({ TOKEN: 'env:TOKEN' });
    expect(await kit.git('status', '--porcelain')).toBe('');
  });

  it('waits when it is committed past a running Nox', async () => {
    await edit('agents.toml', both);
    await kit.git('commit', '-q', '-am', 'mine');
    await registry.refresh();
    expect(registry.agents().get('lead')).toMatchObject({ name: 'Boss' });
    expect(registry.agents().get('lead')?.env).toBeUndefined();
    expect(await inGit('agents.toml')).not.toContain('env:TOKEN');
    await registry.close();
    await open();
    expect(registry.agents().get('lead')?.env).toBeUndefined();
    expect(await waiting()).toHaveLength(1);
  });

  it('is gone when the person takes it back', async () => {
    await edit('agents.toml', both);
    await registry.refresh();
    await edit('agents.toml', (before) => before.replace(ENV, ''));
    expect(await waiting()).toEqual([]);
    expect(types()).toEqual(['registry.held', 'registry.mended']);
    expect(await kit.git('status', '--porcelain')).toBe('');
  });
});

describe('a hand edit that does not fit', () => {
  it('can be rejected, and is found again', async () => {
    await edit('agents.toml', (before) => `${before}broken = [\n`);
    await registry.refresh();
    const [bad] = await waiting();
    expect(bad).toMatchObject({ state: 'invalid', file: 'agents.toml', problem: { line: expect.any(Number) } });
    expect(await kit.git('show', `${bad?.saved}:agents.toml`)).toContain('broken = [');
    await expect(registry.external.accept(await decision(), ADMIN)).rejects.toMatchObject({ code: 'REGISTRY_INVALID' });
    await registry.external.reject(await decision(), ADMIN);
    expect(await text('agents.toml')).not.toContain('broken');
    await registry.updateAgent('lead', { name: 'x' }, ADMIN);
    expect(await kit.git('status', '--porcelain')).toBe('');
  });

  it.each([
    ['is empty', () => writeFile(file('agents.toml'), ' \n')],
    ['is gone', () => unlink(file('agents.toml'))],
    ['cannot be read', () => writeFile(file('agents.toml'), Buffer.from([0xff, 0xfe]))],
  ])('and %s takes no agent away', async (_, spoil) => {
    await spoil();
    await registry.refresh();
    expect([...registry.agents().keys()]).toEqual(['lead']);
    expect(await waiting()).toMatchObject([{ state: 'invalid', file: 'agents.toml' }]);
    await registry.external.reject(await decision(), ADMIN);
    expect(await text('agents.toml')).toContain('[agents.lead]');
    expect(await waiting()).toEqual([]);
  });

  it('does not bring a secret into git, also when it is rejected', async () => {
    const secret = `ghp_${'a1B2'.repeat(9)}`;
    await edit('agents.toml', (before) => `${before}# ${secret}\nbroken = [\n`);
    const done = await registry.external.reject(await decision(), ADMIN);
    expect(await text('agents.toml')).not.toContain(secret);
    expect(await readFile(done.kept[0]?.path ?? '', 'utf8')).toContain(secret);
    expect(await kit.git('log', '-p', '--all')).not.toContain(secret);
  });
});

describe('a hand edit and a write at once', () => {
  it('lose nothing of each other when the editor had loaded an older version', async () => {
    await registry.createAgent('worker', agentConfig({ name: 'W' }), ADMIN);
    const loaded = await text('agents.toml');
    kit.clock.advance(1000);
    await registry.updateAgent('lead', { model: 'claude-x' }, ADMIN);
    await registry.createAgent('third', agentConfig({ name: 'T' }), ADMIN);
    await writeFile(file('agents.toml'), loaded.replace('name = "W"', 'name = "Worker" # mine'));
    await registry.refresh();
    expect(Object.fromEntries([...registry.agents()].map(([id, { name, model }]) => [id, [name, model]]))).toEqual({
      lead: ['Lead', 'claude-x'],
      worker: ['Worker', undefined],
      third: ['T', undefined],
    });
    expect(await text('agents.toml')).toContain('# mine');
    expect(await kit.git('status', '--porcelain')).toBe('');
    // As the editor saved it, it is kept.
    expect(await kit.git('show', 'refs/nox/edits:agents.toml')).toBe(
      loaded.replace('name = "W"', 'name = "Worker" # mine').trim(),
    );
  });

  it('say which key both changed, and who has it', async () => {
    const loaded = await text('agents.toml');
    kit.clock.advance(1000);
    await registry.updateAgent('lead', { name: 'by API' }, ADMIN);
    await writeFile(file('agents.toml'), loaded.replace(/^name = "Lead"/m, 'name = "by hand"'));
    const { conflicts } = await registry.external.view();
    expect(conflicts).toMatchObject([
      {
        file: 'agents.toml',
        taken: 'theirs',
        conflicts: [{ key: 'agents.lead.name', base: 'Lead', ours: 'by API', theirs: 'by hand' }],
      },
    ]);
    expect(registry.agents().get('lead')?.name).toBe('by hand');
    expect(news).toContainEqual({ type: 'registry.conflict', payload: { conflict: conflicts[0] } });
  });
});

describe('the watch', () => {
  /** What an editor does when it saves. */
  const saves: Record<string, (path: string, next: string) => Promise<void>> = {
    'in place': (path, next) => writeFile(path, next),
    'by rename': async (path, next) => {
      await writeFile(`${path}.tmp`, next);
      await rename(`${path}.tmp`, path);
    },
    'as vim does': async (path, next) => {
      await writeFile(join(kit.root, '4913'), '');
      await unlink(join(kit.root, '4913'));
      await writeFile(join(kit.root, '.agents.toml.swp'), 'b0VIM');
      await rename(path, `${path}~`);
      await writeFile(path, next);
      await unlink(`${path}~`);
      await unlink(join(kit.root, '.agents.toml.swp'));
    },
  };

  it.each(Object.keys(saves))('sees what an editor saves %s, and nothing of its own writes', async (how) => {
    await registry.watch({ quiet_ms: 5, sweep_ms: 3_600_000 });
    await registry.updateAgent('lead', { priority: 'high' }, ADMIN);
    const seen = new Promise<string>((resolve) => registry.onCommit(({ author }) => resolve(author)));
    const tick = setInterval(() => kit.clock.advance(5), 5);
    await saves[how]?.(file('agents.toml'), (await text('agents.toml')).replace(/^name = "Lead"/m, 'name = "Boss"'));
    expect(await seen).toBe('external');
    clearInterval(tick);
    expect(registry.agents().get('lead')?.name).toBe('Boss');
    await rm(file('.agents.toml.swp'), { force: true });
    expect(await kit.git('status', '--porcelain')).toBe('');
  });

  it('finds on its rounds what nobody told', async () => {
    await registry.watch({ quiet_ms: 3_600_000, at_most_ms: 3_600_000, sweep_ms: 1000 });
    const seen = new Promise<string>((resolve) => registry.onCommit(({ author }) => resolve(author)));
    await edit('agents.toml', (before) => before.replace(/^name = "Lead"/m, 'name = "Boss"'));
    kit.clock.advance(1000);
    expect(await seen).toBe('external');
  });
});
