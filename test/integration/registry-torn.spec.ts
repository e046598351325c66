import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ADMIN, agentConfig, Kit } from './registry-kit.js';

/** What a loss of power left of files that git, or an editor, had not flushed. */
describe('a registry that a loss of power tore', () => {
  let kit: Kit;
  const git = (...name: string[]): string => join(kit.root, '.git', ...name);

  beforeEach(async () => {
    kit = await Kit.make('in_memory');
  });
  afterEach(() => kit.remove());

  it('regression: a first start that was cut off is begun anew over empty and zeroed files of git', async () => {
    for (const torn of ['', '\0'.repeat(60)]) {
      await (await kit.open()).close();
      // As far as it had come when the power went.
      for (const name of ['index', 'refs/heads/main', 'refs/heads/record', 'info/attributes'])
        await rm(git(name), { force: true });
      for (const name of ['HEAD', 'config']) await writeFile(git(name), torn);
      const registry = await kit.open();
      await registry.createAgent('lead', agentConfig(), ADMIN);
      await registry.close();
      expect(await kit.git('fsck', '--full', '--strict', '--no-dangling')).toBe('');
      expect(await readFile(git('config'), 'utf8')).toContain('name = nox');
      await rm(kit.root, { recursive: true });
    }
  });

  it('regression: a switch of branches that was cut off is brought to its end over a torn index', async () => {
    const registry = await kit.open();
    await registry.branches.create({ name: 'try' }, ADMIN);
    await registry.close();
    await writeFile(git('nox-switch.json'), JSON.stringify({ from: 'main', to: 'try' }));
    await writeFile(git('index'), Buffer.alloc(400));
    const again = await kit.open();
    expect((await again.status()).branch).toBe('try');
    expect(await kit.git('status', '--porcelain')).toBe('');
  });
});
