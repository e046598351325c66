import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryService } from '../../src/registry/registry.service.js';
import { ADMIN, agentConfig, Kit } from './registry-kit.js';

/** What one registry has in force, into another: nothing is taken away, nothing is decided silently. */
describe('export and import', () => {
  let [here, there]: Kit[] = [];
  let from: RegistryService;
  let into: RegistryService;
  const all = { tasks: false } as const;
  type Files = Parameters<RegistryService['transfer']['import']>[0]['files'];
  const exported = async (agents?: string[]): Promise<Files> => {
    const { files } = await from.transfer.export({ ...all, ...(agents === undefined ? {} : { agents }) });
    return files;
  };

  beforeEach(async () => {
    [here, there] = [await Kit.make(), await Kit.make()];
    [from, into] = [await here.open(), await there.open()];
    for (const id of ['lead', 'worker', 'other']) await from.createAgent(id, agentConfig({ name: id }), ADMIN);
    await from.addRelationship({ from: 'lead', to: 'worker', type: 'supervisor' }, ADMIN);
    await from.addRelationship({ from: 'lead', to: 'other', type: 'peer' }, ADMIN);
  });
  afterEach(async () => {
    await here?.remove();
    await there?.remove();
  });

  it('round trips: the other registry then says the same', async () => {
    const { commit, conflicts } = await into.transfer.import({ files: await exported(), confirm: true }, ADMIN);
    expect(conflicts).toEqual([]);
    expect(commit).toMatchObject({ action: 'import', actor: 'admin' });
    expect([...into.agents()]).toEqual([...from.agents()]);
    expect(into.intent().relationships).toEqual(from.intent().relationships);
    expect((await into.history()).commits[0]?.hash).toBe(commit?.hash);
    expect((await into.status()).dirty).toEqual([]);
    const again = await into.transfer.import({ files: await exported(), confirm: true }, ADMIN);
    expect(again.commit).toBeNull();
  });

  it('takes some agents alone, with what they are to each other', async () => {
    const files = await exported(['lead', 'worker']);
    expect(files.map(({ path }) => path)).toEqual(['agents.toml', 'agent-relationships.toml']);
    await into.createAgent('mine', agentConfig(), ADMIN);
    await into.transfer.import({ files, confirm: true }, ADMIN);
    expect([...into.agents().keys()].sort()).toEqual(['lead', 'mine', 'worker']);
    expect(into.intent().relationships).toEqual([expect.objectContaining({ from: 'lead', to: 'worker' })]);
    await expect(from.transfer.export({ ...all, agents: ['nobody'] })).rejects.toMatchObject({
      code: 'AGENT_NOT_FOUND',
    });
  });

  it('names every key that both have, and changes nothing until a side is chosen', async () => {
    await into.createAgent('lead', agentConfig({ name: 'lead', system_prompt: 'Mine.' }), ADMIN);
    const head = (await into.status()).head;
    const files = await exported();
    const plan = await into.transfer.import({ files, dry_run: true }, ADMIN);
    expect(plan.conflicts).toEqual([
      expect.objectContaining({ file: 'agents.toml', key: 'agents.lead.system_prompt', ours: 'Mine.' }),
    ]);
    await expect(into.transfer.import({ files, confirm: true }, ADMIN)).rejects.toMatchObject({
      code: 'MERGE_CONFLICT',
    });
    await expect(into.transfer.import({ files }, ADMIN)).rejects.toMatchObject({ code: 'CONFIRMATION_REQUIRED' });
    expect((await into.status()).head).toBe(head);
    await into.transfer.import({ files, confirm: true, prefer: 'theirs' }, ADMIN);
    expect(into.agents().get('lead')?.system_prompt).toBe(from.agents().get('lead')?.system_prompt);
  });

  it('asks for a word of its own where it decides what agents may do', async () => {
    await from.updateAgent('lead', { env: { GH_TOKEN: 'env:GH_TOKEN' } }, ADMIN);
    const files = await exported(['lead']);
    const plan = await into.transfer.import({ files, dry_run: true }, ADMIN);
    expect(plan.security).toEqual([expect.objectContaining({ file: 'agents.toml', key: 'agents.lead.env.GH_TOKEN' })]);
    await expect(into.transfer.import({ files, confirm: true }, ADMIN)).rejects.toMatchObject({
      code: 'CONFIRMATION_REQUIRED',
      message: expect.stringContaining('agents.lead.env.GH_TOKEN'),
    });
    expect(into.agents().size).toBe(0);
    await into.transfer.import({ files, confirm: true, accept: true }, ADMIN);
    expect(into.agents().get('lead')?.env).toEqual({ GH_TOKEN: 'env:GH_TOKEN' });
  });

  it('refuses what does not fit, and secrets, naming file, line and key', async () => {
    const import_ = (text: string, more: object = {}) =>
      into.transfer.import({ files: [{ path: 'agents.toml', text }], confirm: true, ...more }, ADMIN);
    await expect(import_('schema_version = 1\n[agents.lead]\nname = 7\n')).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      message: expect.stringContaining('agents.toml:3: agents.lead.name'),
    });
    const token = `ghp_${'a1B2'.repeat(9)}`;
    const leaky = `[agents.lead]\nname = "Lead"\nsystem_prompt = "Use ${token}."\n`;
    const refused = await import_(leaky, { dry_run: true }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'SECRET_REFUSED', message: expect.stringContaining('lead.system_prompt') });
    expect(JSON.stringify(refused)).not.toContain(token);
    await expect(into.transfer.import({ files: [{ path: '../agents.toml', text: '' }] }, ADMIN)).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
    });
  });

  it('exports task files, and nothing that one of them leads to', async () => {
    const of = (id: string) => join(here!.root, 'tasks', `${id}.md`);
    await mkdir(join(here!.root, 'tasks'), { recursive: true });
    await writeFile(of('lead'), '# Tasks\n');
    const { files } = await from.transfer.export({ tasks: true });
    expect(files.at(-1)).toEqual({ path: 'tasks/lead.md', text: '# Tasks\n' });
    await writeFile(join(here!.base, 'secret'), 'planted');
    await symlink(join(here!.base, 'secret'), of('worker'));
    await expect(from.transfer.export({ tasks: true })).rejects.toMatchObject({
      code: 'INVALID_STATE',
      message: expect.stringContaining('tasks/worker.md'),
    });
  });

  it("keeps this registry's comments", async () => {
    await into.createAgent('mine', agentConfig(), ADMIN);
    const path = join(there!.root, 'agents.toml');
    const text = into.intent().files.get('agents.toml') ?? '';
    await writeFile(path, text.replace('[agents.mine]', '# Do not touch.\n[agents.mine]'));
    await into.refresh();
    await into.transfer.import({ files: await exported(), confirm: true }, ADMIN);
    expect(into.intent().files.get('agents.toml')).toContain('# Do not touch.\n[agents.mine]');
  });
});
