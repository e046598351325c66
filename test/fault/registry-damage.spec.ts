import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RegistryService } from '../../src/registry/registry.service.js';
import { ManualClock } from '../../src/shared/clock.js';
import { ADMIN, agentConfig, Kit, TEMPLATE } from '../integration/registry-kit.js';
import { fsck } from '../support/registry-crash.js';

const TIMES = Number(process.env['NOX_DAMAGES'] ?? 50);
/** Of files that hold what was written, or say where it is; what else git and Nox keep is made anew from it. */
const HOLDS_CONTENT = /^\.git\/(?:objects\/(?!info\/)|refs\/|packed-refs$|HEAD$)/;

describe('one flipped bit or a cut end in a file of the repository', () => {
  let kit: Kit;
  let good: string;
  let damaged: string;
  let bundle: string;
  /** What each file of intent says in the newest commit. */
  let newest: string;

  const open = (repair = false): Promise<RegistryService> =>
    RegistryService.open({ path: damaged, template_path: TEMPLATE, clock: new ManualClock(), bundle, repair });

  beforeAll(async () => {
    kit = await Kit.make();
    [damaged, good, bundle] = ['damaged', 'good', 'bundle'].map((name) => join(kit.base, name)) as [
      string,
      string,
      string,
    ];
    const registry = await open();
    await registry.createAgent('lead', agentConfig(), ADMIN);
    for (let n = 0; n < 30; n += 1) await registry.updateAgent('lead', { name: `Lead ${n}` }, ADMIN);
    await registry.record.ensureAgent('lead');
    await registry.record.flush();
    await registry.branches.create({ name: 'try' }, ADMIN);
    expect(await registry.care.verify()).toMatchObject({ ok: true, problems: [] });
    // Newer than the bundle.
    await registry.updateAgent('lead', { name: 'Newest' }, ADMIN);
    newest = readFileSync(join(damaged, 'agents.toml'), 'utf8');
    await registry.close();
    cpSync(damaged, good, { recursive: true });
    cpSync(bundle, `${bundle}.good`);
  });

  const reset = (): void => {
    rmSync(damaged, { recursive: true });
    cpSync(good, damaged, { recursive: true });
    cpSync(`${bundle}.good`, bundle);
  };
  afterAll(() => kit.remove());

  const files = (): string[] =>
    readdirSync(good, { recursive: true, encoding: 'utf8' })
      .filter((name) => statSync(join(good, name)).isFile() && statSync(join(good, name)).size > 0)
      .sort();

  /** Answers what was done. */
  function spoil(name: string, random: number): string {
    const path = join(damaged, name);
    const bytes = readFileSync(path);
    // The newline at a ref's end says nothing: without it the ref is whole.
    const at = Math.floor(random * (bytes.length - 1));
    if (random < 0.5) {
      // Without the bit that makes small letters large: a ref in large ones is the same ref.
      const bit = [0, 1, 2, 3, 4, 6, 7][at % 7] ?? 0;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      rmSync(path);
      writeFileSync(path, bytes);
      return `${name}: bit ${bit} of byte ${at} flipped`;
    }
    truncateSync(path, at);
    return `${name}: cut to ${at} of ${bytes.length} bytes`;
  }

  it(`is found, nothing is written, and a repair brings back a whole registry, in ${TIMES} of them`, async () => {
    const seen = { found_at_start: 0, found_by_verify: 0, harmless: 0 };
    const names = files();
    for (let n = 0; n < TIMES; n += 1) {
      reset();
      const name = names[Math.floor(Math.random() * names.length)] ?? '';
      const what = spoil(name, Math.random());
      let registry = await open().catch(() => undefined);
      if (registry === undefined) {
        seen.found_at_start += 1;
        registry = await open(true);
      } else if ((await registry.care.verify()).ok) {
        // An edit of a file in the folder is a hand edit: it is committed as such, held, or told as not valid.
        expect({ what, content: HOLDS_CONTENT.test(name) }).toEqual({ what, content: false });
        seen.harmless += 1;
        await registry.close();
        continue;
      } else {
        seen.found_by_verify += 1;
        const write = registry.updateAgent('lead', { priority: 'high' }, ADMIN);
        await expect(write).rejects.toMatchObject({ code: 'REGISTRY_DAMAGED', status: 503 });
        // Nor is a hand edit taken up.
        const path = join(damaged, 'agents.toml');
        const text = readFileSync(path, 'utf8');
        writeFileSync(path, `${text}\n# by hand\n`);
        await expect(registry.refresh()).rejects.toMatchObject({ code: 'REGISTRY_DAMAGED' });
        writeFileSync(path, text);
        await registry.care.repair();
      }
      expect({ what, fsck: await fsck(damaged), newest: readFileSync(join(damaged, 'agents.toml'), 'utf8') }).toEqual({
        what,
        fsck: '',
        newest,
      });
      expect(await registry.care.verify()).toMatchObject({ ok: true });
      expect(await registry.updateAgent('lead', { priority: 'high' }, ADMIN)).not.toBeNull();
      expect((await registry.branches.list()).map((branch) => branch.name).sort()).toEqual(['main', 'try']);
      await registry.close();
    }
    expect(seen.found_at_start + seen.found_by_verify).toBeGreaterThan(0);
  }, 3_600_000);

  it('says where the damaged parts are, and keeps newer commits that can be read', async () => {
    reset();
    const tip = readFileSync(join(good, '.git/refs/heads/main'), 'utf8').trim();
    writeFileSync(join(damaged, '.git/refs/heads/try'), 'nowhere\n');
    const registry = await open();
    expect(await registry.care.verify()).toMatchObject({ ok: false });
    const done = await registry.care.repair();
    expect(done.refs).toContainEqual({ ref: 'refs/heads/main', commit_hash: tip, from: 'repository' });
    expect(done.refs).toContainEqual(expect.objectContaining({ ref: 'refs/heads/try', from: 'bundle' }));
    expect(existsSync(join(done.damaged_folder, 'refs/heads/try'))).toBe(true);
    await expect(registry.care.repair()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await registry.close();
  });
});
