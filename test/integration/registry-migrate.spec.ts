import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ADMIN, agentConfig, Kit } from './registry-kit.js';

/** A registry that an older Nox wrote goes on, and one of a newer Nox is left alone. */
describe('versions of registry files', () => {
  let kit: Kit;
  let path: string;
  const text = (): Promise<string> => readFile(path, 'utf8');
  const old = (agent: string): string => `schema_version = 0\n\n# Mine.\n[agents.lead]\nname = "Lead"\n${agent}`;
  /** As if an earlier Nox had left it. */
  const leave = async (content: string): Promise<string> => {
    await writeFile(path, content);
    await kit.git('add', 'agents.toml');
    const as = ['-c', 'user.name=nox', '-c', 'user.email=nox@nox.invalid'];
    await kit.git(...as, 'commit', '-qm', 'agent: create lead\n\nNox-Actor: admin\nNox-Action: create');
    return kit.git('rev-parse', 'HEAD');
  };

  beforeEach(async () => {
    kit = await Kit.make();
    path = join(kit.root, 'agents.toml');
    await (await kit.open()).close();
  });
  afterEach(() => kit.remove());

  it('are brought up to date once, by one commit of Nox', async () => {
    const before = await leave(old('max_memory_mb = 512\nstatus = "active"\n'));
    const registry = await kit.open();
    expect(registry.opening_commits).toMatchObject([
      { actor: 'nox', action: 'migrate', files: ['agents.toml'], subject: 'registry: migrate agents.toml' },
    ]);
    expect(registry.agents().get('lead')).toMatchObject({
      desired_state: 'active',
      resource_limits: { max_memory_mb: 512 },
    });
    expect(await text()).toContain('# Mine.\n[agents.lead]');
    expect(await text()).toContain('schema_version = 1');
    expect(await registry.status()).toMatchObject({ dirty: [], invalid: [], held: [] });
    await registry.updateAgent('lead', { name: 'Chief' }, ADMIN);
    // To the version that was there before, as today's Nox writes it.
    await registry.rollback({ commit_hash: before, confirm: true }, ADMIN);
    expect(registry.agents().get('lead')?.name).toBe('Lead');
    expect(await text()).toContain('schema_version = 1');
    await registry.close();
    const head = await kit.git('rev-parse', 'HEAD');
    const again = await kit.open();
    expect(again.opening_commits).toEqual([]);
    expect(await kit.git('rev-parse', 'HEAD')).toBe(head);
  });

  it('of an older version are taken from an editor, too', async () => {
    const registry = await kit.open();
    await writeFile(path, old('status = "inactive"\n'));
    await registry.refresh();
    expect(registry.agents().get('lead')?.desired_state).toBe('inactive');
    expect(await text()).toContain('# Mine.\n[agents.lead]');
    expect(await text()).toContain('schema_version = 1');
    expect((await registry.history()).commits[0]).toMatchObject({ actor: 'external' });
    expect(await registry.status()).toMatchObject({ dirty: [], invalid: [] });
  });

  it('of a newer version are refused in words, while the last good one stays in force', async () => {
    const registry = await kit.open();
    await registry.createAgent('lead', agentConfig(), ADMIN);
    const newer = (await text()).replace('schema_version = 1', 'schema_version = 2');
    await writeFile(path, newer);
    await registry.refresh();
    expect((await registry.status()).invalid).toMatchObject([
      { file: 'agents.toml', line: 1, field: 'schema_version', message: expect.stringContaining('newer Nox') },
    ]);
    await expect(registry.updateAgent('lead', { name: 'X' }, ADMIN)).rejects.toMatchObject({
      code: 'REGISTRY_INVALID',
    });
    expect(registry.agents().get('lead')?.name).toBe('Lead');
    await registry.close();
    const again = await kit.open();
    expect([...again.agents().keys()]).toEqual(['lead']);
    expect((await again.status()).invalid).toHaveLength(1);
    expect(await text()).toBe(newer);
  });
});
