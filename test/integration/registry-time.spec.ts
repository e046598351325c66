import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ReconcileStep } from '../../src/contracts/registry.js';
import { planReconcile } from '../../src/agents/reconcile.js';
import {
  type Intent,
  Reconciler,
  type RegistryNews,
  type RegistryService,
} from '../../src/registry/registry.service.js';
import { ADMIN, agentConfig, Kit } from './registry-kit.js';

let kit: Kit;
let registry: RegistryService;
let news: RegistryNews[];
let live: Live;
const file = (name: string): string => join(kit.root, name);
const text = (name: string): Promise<string> => readFile(file(name), 'utf8');
const model = (id: string): string | undefined => registry.agents().get(id)?.model;
const setModel = (id: string, name: string) => registry.updateAgent(id, { model: name }, ADMIN);
const yes = { confirm: true } as const;

/** The real plan, over agents that all run. */
class Live extends Reconciler {
  readonly done: ReconcileStep[][] = [];

  plan(before: Intent, after: Intent): ReconcileStep[] {
    return planReconcile(before.agents, after.agents, () => 'running');
  }

  apply(before: Intent, after: Intent): Promise<ReconcileStep[]> {
    this.done.push(this.plan(before, after));
    return Promise.resolve(this.done.at(-1) ?? []);
  }
}

const reopen = async (): Promise<void> => {
  await registry.close();
  registry = await kit.open();
  registry.reconciler = live;
};

beforeEach(async () => {
  kit = await Kit.make();
  registry = await kit.open();
  live = new Live();
  registry.reconciler = live;
  news = [];
  registry.onNews((each) => news.push(each));
  for (const id of ['lead', 'worker']) {
    await registry.createAgent(id, agentConfig({ name: id, desired_state: 'active', model: 'one' }), ADMIN);
  }
  kit.clock.advance(3_600_000);
});
afterEach(() => kit.remove());

const clean = async (): Promise<void> => {
  expect(await kit.git('status', '--porcelain')).toBe('');
  expect(await kit.git('fsck', '--no-dangling')).toBe('');
};

describe('a rollback of a part', () => {
  it('of one agent restarts that one alone and leaves what else has changed', async () => {
    await setModel('lead', 'two');
    await setModel('worker', 'two');
    const request = { hours: 1, agents: ['lead'] };
    const plan = await registry.time.rollback({ ...request, dry_run: true }, ADMIN);
    expect(plan.reconciled.map(({ agent_id, action }) => [agent_id, action])).toEqual([['lead', 'restart']]);
    expect(plan.objects).toMatchObject([{ kind: 'agent', id: 'lead', change: 'changed' }]);
    expect(plan.patch).toContain('-model = "two"\n+model = "one"');
    expect([model('lead'), live.done]).toEqual(['two', []]);

    const { commit, reconciled } = await registry.time.rollback({ ...request, ...yes }, ADMIN);
    expect(reconciled).toEqual(plan.reconciled);
    expect([model('lead'), model('worker')]).toEqual(['one', 'two']);
    expect(commit).toMatchObject({ object: 'agent:lead', action: 'roll back', rollback_to: plan.target.hash });
    expect(await kit.git('log', '-1', '--format=%an: %s')).toMatch(/^admin: agent: roll back lead to [0-9a-f]{7}$/);
    await clean();
  });

  it('brings back an agent that is gone, and takes away one that was not there', async () => {
    const [was] = (await registry.history()).commits;
    await registry.deleteAgent('lead', ADMIN);
    await registry.createAgent('late', agentConfig({ desired_state: 'active' }), ADMIN);
    const back = { commit_hash: was?.hash ?? '', agents: ['lead', 'late'], ...yes };
    const { reconciled } = await registry.time.rollback(back, ADMIN);
    expect(reconciled.map(({ agent_id, action }) => `${action} ${agent_id}`).sort()).toEqual(
      expect.arrayContaining(['create lead', 'remove late']),
    );
    expect([...registry.agents().keys()].sort()).toEqual(['lead', 'worker']);
  });

  it('of one file leaves the others', async () => {
    await registry.updateConfig({ server: { port: 4000 } }, ADMIN, 'set port');
    await setModel('lead', 'two');
    await registry.time.rollback({ hours: 1, paths: ['system-config.toml'], ...yes }, ADMIN);
    expect([registry.config().server.port, model('lead')]).toEqual([3000, 'two']);
  });

  it('refuses an agent that nobody knows, and agents with paths', async () => {
    const wrong = registry.time.rollback({ last: true, agents: ['stranger'], ...yes }, ADMIN);
    await expect(wrong).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND' });
    const both = { last: true as const, agents: ['lead'], paths: ['agents.toml' as const], ...yes };
    await expect(registry.time.rollback(both, ADMIN)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  });
});

describe('undo', () => {
  it('takes a rollback back, and done twice does it again', async () => {
    await setModel('lead', 'two');
    const before = await text('agents.toml');
    await registry.time.rollback({ hours: 1, ...yes }, ADMIN);
    const after = await text('agents.toml');
    expect(await registry.time.undo({ dry_run: true }, ADMIN)).toMatchObject({
      commit: null,
      reconciled: [{ agent_id: 'lead', action: 'restart' }],
    });
    expect(await text('agents.toml')).toBe(after);
    const undone = await registry.time.undo(yes, ADMIN);
    expect(undone.commit?.subject).toMatch(/^registry: undo rollback [0-9a-f]{7}$/);
    expect(await text('agents.toml')).toBe(before);
    await registry.time.undo(yes, ADMIN);
    expect(await text('agents.toml')).toBe(after);
    await clean();
  });

  it('keeps what was changed since', async () => {
    await setModel('lead', 'two');
    await registry.time.rollback({ hours: 1, agents: ['lead'], ...yes }, ADMIN);
    await setModel('worker', 'three');
    await registry.time.undo(yes, ADMIN);
    expect([model('lead'), model('worker')]).toEqual(['two', 'three']);
  });

  it('names the keys that were changed since, and changes nothing', async () => {
    await setModel('lead', 'two');
    await registry.time.rollback({ hours: 1, agents: ['lead'], ...yes }, ADMIN);
    await setModel('lead', 'three');
    const head = await kit.git('rev-parse', 'HEAD');
    await expect(registry.time.undo(yes, ADMIN)).rejects.toMatchObject({
      code: 'MERGE_CONFLICT',
      details: { conflicts: [{ key: 'agents.lead.model', base: 'one', ours: 'three', theirs: 'two' }] },
    });
    expect(await kit.git('rev-parse', 'HEAD')).toBe(head);
  });

  it('says that there is nothing to undo, and wants a confirmation', async () => {
    await expect(registry.time.undo(yes, ADMIN)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await expect(registry.time.undo({}, ADMIN)).rejects.toMatchObject({ code: 'CONFIRMATION_REQUIRED' });
  });
});

describe('a branch', () => {
  it('is tried live and left again; main is as it was', async () => {
    await registry.branches.create({ name: 'try' }, ADMIN);
    expect((await registry.branches.switch('try', yes, ADMIN)).reconciled).toEqual([]);
    await setModel('lead', 'two');
    expect(await registry.branches.list()).toMatchObject([
      { name: 'try', current: true, ahead: 0 },
      { name: 'main', current: false, ahead: 0, behind: 1 },
    ]);
    expect(await registry.status()).toMatchObject({ branch: 'try', dirty: [] });
    await clean();
    await reopen();
    expect(model('lead')).toBe('two');

    const preview = await registry.branches.switch('main', { dry_run: true }, ADMIN);
    expect(preview.reconciled).toMatchObject([{ agent_id: 'lead', action: 'restart' }]);
    expect(await registry.branches.switch('main', yes, ADMIN)).toMatchObject({ reconciled: preview.reconciled });
    expect(model('lead')).toBe('one');
    expect((await registry.branches.diff('try')).objects).toMatchObject([{ id: 'lead', change: 'changed' }]);
    await clean();
    await reopen();
    expect([model('lead'), (await registry.status()).branch]).toEqual(['one', 'main']);
  });

  it('is merged key by key, and merged again later', async () => {
    await registry.branches.create({ name: 'try' }, ADMIN);
    await registry.branches.switch('try', yes, ADMIN);
    await setModel('lead', 'two');
    await registry.branches.switch('main', yes, ADMIN);
    await setModel('worker', 'three');
    const merged = await registry.branches.merge('try', yes, ADMIN);
    expect(merged).toMatchObject({ conflicts: [], reconciled: [{ agent_id: 'lead', action: 'restart' }] });
    expect([model('lead'), model('worker')]).toEqual(['two', 'three']);
    expect((await registry.branches.merge('try', yes, ADMIN)).commit).toBeNull();

    // Since the last merge only main has changed this key: no conflict with what was merged before.
    await setModel('lead', 'four');
    await registry.branches.switch('try', yes, ADMIN);
    await registry.updateAgent('lead', { name: 'Boss' }, ADMIN);
    await registry.branches.switch('main', yes, ADMIN);
    await registry.branches.merge('try', yes, ADMIN);
    expect(registry.agents().get('lead')).toMatchObject({ model: 'four', name: 'Boss' });
    const { head } = await registry.branches.delete('try', false, ADMIN);
    // What the merge names is never lost, whatever git throws away.
    expect(await kit.git('for-each-ref', '--contains', head, '--format=%(refname)')).toBe(`refs/nox/merged/${head}`);
    expect((await registry.commit(head)).commit.hash).toBe(head);
    await clean();
  });

  it('in conflict changes nothing until a side is chosen', async () => {
    await registry.branches.create({ name: 'try' }, ADMIN);
    await setModel('lead', 'two');
    await registry.branches.switch('try', yes, ADMIN);
    await setModel('lead', 'three');
    await registry.branches.switch('main', yes, ADMIN);
    const conflict = { file: 'agents.toml', key: 'agents.lead.model', base: 'one', ours: 'two', theirs: 'three' };
    const plan = await registry.branches.merge('try', { dry_run: true }, ADMIN);
    expect(plan.conflicts).toEqual([conflict]);
    const head = await kit.git('rev-parse', 'main');
    await expect(registry.branches.merge('try', yes, ADMIN)).rejects.toMatchObject({
      code: 'MERGE_CONFLICT',
      details: { conflicts: [conflict] },
    });
    expect([await kit.git('rev-parse', 'main'), model('lead')]).toEqual([head, 'two']);
    const choices = [{ file: 'agents.toml', key: 'agents.lead.model', take: 'theirs' }] as const;
    const { commit } = await registry.branches.merge('try', { choices: [...choices], ...yes }, ADMIN);
    expect(commit?.merge_of).toMatch(/^[0-9a-f]{40}$/);
    expect(model('lead')).toBe('three');
  });

  it('is refused and deleted with words', async () => {
    const { branches } = registry;
    await branches.create({ name: 'try' }, ADMIN);
    await expect(branches.create({ name: 'try' }, ADMIN)).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    await expect(branches.switch('none', yes, ADMIN)).rejects.toMatchObject({ code: 'BRANCH_NOT_FOUND' });
    await expect(branches.switch('try', {}, ADMIN)).rejects.toMatchObject({ code: 'CONFIRMATION_REQUIRED' });
    await expect(branches.delete('main', true, ADMIN)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await branches.switch('try', yes, ADMIN);
    await setModel('lead', 'two');
    await expect(branches.delete('try', true, ADMIN)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await expect(branches.delete('main', true, ADMIN)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await branches.switch('main', yes, ADMIN);
    await expect(branches.delete('try', false, ADMIN)).rejects.toThrow('delete it with force');
    await branches.delete('try', true, ADMIN);
    expect(news.map(({ type }) => type)).toEqual([
      'registry.named',
      'registry.switched',
      'registry.switched',
      'registry.named',
    ]);
  });

  it.each(['--upload-pack=x', 'HEAD', 'a/../b', 'x.lock', 'record', '-f', 'é', 'main ', '@{-1}'])(
    'named %j is refused before git sees it',
    async (name) => {
      await expect(registry.branches.create({ name }, ADMIN)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
      await expect(registry.branches.delete(name, true, ADMIN)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
      if (name === 'record') return;
      await expect(registry.branches.tag({ name }, ADMIN)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    },
  );

  it('whose switch a crash cut off is in force after the next start; an edit of that moment is kept', async () => {
    await registry.branches.create({ name: 'try' }, ADMIN);
    await registry.branches.switch('try', yes, ADMIN);
    await setModel('lead', 'two');
    const wanted = await text('agents.toml');
    await registry.branches.switch('main', yes, ADMIN);
    await registry.close();
    // The marker was written, and nothing more.
    await writeFile(file('.git/nox-switch.json'), JSON.stringify({ from: 'main', to: 'try' }));
    registry = await kit.open();
    expect([await text('agents.toml'), (await registry.status()).branch]).toEqual([wanted, 'try']);
    await clean();
    await registry.close();
    // Files are the new ones, HEAD is not; a person saved one file.
    await writeFile(file('.git/HEAD'), 'ref: refs/heads/main\n');
    await writeFile(file('.git/nox-switch.json'), JSON.stringify({ from: 'main', to: 'try' }));
    await writeFile(file('agents.toml'), `${wanted}# mine\n`);
    registry = await kit.open();
    expect(await text('agents.toml')).toContain('# mine');
    expect(registry.opening_commits).toMatchObject([{ author: 'external', files: ['agents.toml'] }]);
    await clean();
  });
});

describe('a tag', () => {
  it('names what is in force, is gone back to, and goes', async () => {
    const tag = await registry.branches.tag({ name: 'good', message: 'before the\nmove' }, ADMIN);
    expect(tag).toMatchObject({ name: 'good', message: 'before the move', actor: 'admin' });
    await setModel('lead', 'two');
    expect(await registry.branches.tags()).toEqual([tag]);
    expect(await kit.git('cat-file', '-t', 'good')).toBe('tag');
    await registry.time.rollback({ tag: 'good', ...yes }, ADMIN);
    expect(model('lead')).toBe('one');
    await expect(registry.branches.tag({ name: 'good' }, ADMIN)).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    await registry.branches.deleteTag('good', ADMIN);
    const gone = registry.time.rollback({ tag: 'good', ...yes }, ADMIN);
    await expect(gone).rejects.toMatchObject({ code: 'TAG_NOT_FOUND' });
    await clean();
  });

  it('cannot name the record', async () => {
    await registry.record.flush();
    const commit_hash = await kit.git('rev-parse', 'record');
    const wrong = registry.branches.tag({ name: 'good', commit_hash }, ADMIN);
    await expect(wrong).rejects.toMatchObject({ code: 'COMMIT_NOT_FOUND' });
  });
});
