import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { pruneRecord } from '../../src/registry/care/prune-record.js';
import { GitProcess } from '../../src/registry/git/git-process.js';
import { RegistryService } from '../../src/registry/registry.service.js';
import { ADMIN, agentConfig, Kit, TEMPLATE } from './registry-kit.js';

const DAY_MS = 86_400_000;
const link = (n: number) => ({ seq: n, sha256: String(n % 10).repeat(64) });

/** Old commits of the record become one, which proves what it stands for; nothing else changes. */
describe('pruning the record', () => {
  let kit: Kit;
  let registry: RegistryService;
  const head = (): Promise<string> => kit.git('rev-parse', 'record');
  const tree = (): Promise<string> => kit.git('rev-parse', 'record^{tree}');
  const subjects = async (): Promise<string[]> => (await kit.git('log', '--format=%s', 'record')).split('\n');
  const log = (range: string): Promise<string> => kit.git('log', '--format=%T %an %ae %at %ct%n%B', range);
  const prune = (over: object = {}) => registry.care.prune({ days: 30, dry_run: false, confirm: true, ...over });

  beforeEach(async () => {
    kit = await Kit.make();
    const bundle = join(kit.base, 'bundle');
    registry = await RegistryService.open({ path: kit.root, template_path: TEMPLATE, clock: kit.clock, bundle });
    await registry.createAgent('lead', agentConfig(), ADMIN);
    let n = 0;
    registry.record.anchor = () => link(n);
    await registry.record.flush();
    for (n = 1; n <= 10; n += 1) {
      await registry.record.saveState('lead', { session_id: `s-${n}`, status: 'idle', restart_count: n });
      await registry.record.flush();
      kit.clock.advance(10 * DAY_MS);
    }
  });
  afterEach(async () => {
    await registry.close();
    await kit.remove();
  });

  it('leaves files, younger commits and intent as they were', async () => {
    const [old_head, files, before, main] = [
      await head(),
      await tree(),
      await log('record~3..record'),
      await kit.git('rev-parse', 'main'),
    ];
    const from = await kit.git('rev-parse', 'record~3');
    const plan = await prune({ dry_run: true, confirm: false });
    expect(plan).toMatchObject({ pruned: 8, kept: 3, from, old_head, new_head: old_head });
    expect(await head()).toBe(old_head);

    const done = await prune();
    expect(done).toMatchObject({ pruned: 8, kept: 3, from, old_head, new_head: await head() });
    expect(await tree()).toBe(files);
    expect(await log('record~3..record')).toBe(before);
    expect(await kit.git('rev-parse', 'main')).toBe(main);
    expect((await subjects()).at(-1)).toContain('record: prune 8 commits before');
    expect(await kit.git('for-each-ref', 'refs/nox')).toBe('');
    await kit.git('fsck', '--full', '--strict');
    expect(await registry.care.verify()).toMatchObject({ ok: true });
    expect((await registry.history({ ref: 'record' })).commits).toHaveLength(4);
    // And it goes on from there.
    await registry.record.saveState('lead', { session_id: 's', status: 'busy', restart_count: 11 });
    await registry.record.flush();
    expect(await kit.git('rev-parse', 'record~1')).toBe(done.new_head);
    expect((await registry.status()).dirty).toEqual([]);
  });

  it('keeps a start that proves what was before: the old hash, and the newest link of the ledger in it', async () => {
    const old = await registry.anchors();
    const from = await kit.git('rev-parse', 'record~3');
    await prune();
    const base = await kit.git('log', '-1', '--format=%B', 'record~3');
    expect(base).toContain(`Nox-Record-Base: ${from}`);
    const anchors = await registry.anchors();
    expect(anchors).toEqual(old.slice(0, 4));
    expect(anchors.at(-1)).toEqual(link(7));
  });

  it('goes on by age: what has become old since goes into the base, however young that is', async () => {
    await prune();
    kit.clock.advance(10 * DAY_MS);
    const [files, links] = [await tree(), await registry.anchors()];
    expect(await prune()).toMatchObject({ pruned: 2, kept: 2 });
    expect(await tree()).toBe(files);
    expect(await registry.anchors()).toEqual(links.slice(0, 3));
  });

  it('holds only some commits at a time', async () => {
    const [files, before] = [await tree(), await log('record~5..record')];
    const git = new GitProcess(kit.root);
    const now_ms = kit.clock.now();
    const options = { now_ms, before_ms: now_ms - 50 * DAY_MS, dry_run: false, at_once: 2 };
    const done = await pruneRecord(git, { ...options, alone: (job) => registry.record.alone(job) });
    expect(done).toMatchObject({ pruned: 6, kept: 5, new_head: await head() });
    expect([await tree(), await log('record~5..record')]).toEqual([files, before]);
    expect((await registry.anchors()).at(-1)).toEqual(link(5));
  });

  it('is done once: nothing more to prune, and nothing without days', async () => {
    await prune();
    const once = await head();
    expect(await prune()).toMatchObject({ pruned: 0 });
    expect(await head()).toBe(once);
    await expect(prune({ days: undefined })).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await expect(prune({ confirm: false })).rejects.toMatchObject({ code: 'CONFIRMATION_REQUIRED' });
    // Everything is old: the newest commit stays.
    kit.clock.advance(1000 * DAY_MS);
    expect(await prune()).toMatchObject({ pruned: 3, kept: 1 });
    expect(await subjects()).toHaveLength(2);
  });

  it('goes to a remote beside the older history, which stays there', async () => {
    const remote = join(kit.base, 'remote.git');
    await kit.git('init', '-q', '--bare', remote);
    await registry.setRemote({ url: remote }, ADMIN);
    expect(await registry.remote.push()).toMatchObject({ state: 'ok' });
    const old = await head();
    await prune();
    expect(await registry.remote.push()).toMatchObject({ state: 'ok' });
    const base = (await kit.git('rev-parse', 'record~3')).slice(0, 12);
    const refs = await kit.git('--git-dir', remote, 'for-each-ref', '--format=%(refname:short) %(objectname)');
    expect(refs.split('\n')).toEqual([
      `main ${await kit.git('rev-parse', 'main')}`,
      `record ${old}`,
      `record-${base} ${await head()}`,
    ]);
  });

  it('loses nothing of what is committed meanwhile', async () => {
    const pruning = prune();
    for (let n = 1; n <= 5; n += 1) {
      await registry.record.saveState('lead', { session_id: `late-${n}`, status: 'idle', restart_count: n });
      await registry.record.flush();
      await registry.updateAgent('lead', { system_prompt: `late ${n}` }, ADMIN);
    }
    await pruning;
    await registry.record.flush();
    expect(await kit.git('show', 'record:agents/lead/state.toml')).toContain('late-5');
    expect(await kit.git('log', '--format=%s', 'record')).toContain('record: prune');
    expect(registry.agents().get('lead')?.system_prompt).toBe('late 5');
    await kit.git('fsck', '--full', '--strict');
  });
});
