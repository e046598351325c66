import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADMIN, agentConfig, Kit } from '../integration/registry-kit.js';
import { brokenPromises, buildWriter, fsck, writeUntilDead } from '../support/registry-crash.js';

const SOURCE = join(import.meta.dirname, '../../src/registry');

/** Every failpoint of the registry's writer, and at which of its hits the writer dies. */
const CASES: Readonly<Record<string, readonly number[]>> = {
  'commit.staging': [1, 3, 6],
  'commit.staged': [1, 4, 7],
  'commit.flushed': [1, 3, 8],
  'commit.pack.named': [1, 4, 6],
  'commit.objects.placed': [1, 3, 7],
  'commit.file.replaced': [1, 4, 5, 6, 9],
  'commit.ref.before': [1, 4, 7],
  'commit.ref.moved': [1, 3, 6],
  'commit.index.before': [1, 4, 8],
  'commit.index.after': [1, 3, 7],
};

function failpointsOfSource(): string[] {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /(?<!\.spec)\.ts$/.test(file),
  );
  return files.flatMap((file) =>
    [...readFileSync(join(SOURCE, file), 'utf8').matchAll(/\bfailpoint\('([^']+)'\)/g)].map(([, name]) => name ?? ''),
  );
}

describe('a crash of the registry at each failpoint', () => {
  let kit: Kit;
  let program: string;
  const acknowledged: string[] = [];

  beforeAll(async () => {
    kit = await Kit.make('in_memory');
    program = await buildWriter(kit.base);
    const registry = await kit.open();
    await registry.createAgent('lead', agentConfig(), ADMIN);
    // The writer rolls back by a few commits; the agent must be in all of them.
    for (let i = 1; i <= 4; i += 1) await registry.updateAgent('lead', { name: `Lead ${i}` }, ADMIN);
    await registry.close();
  });
  afterAll(() => kit.remove());

  it('is named for every failpoint of the source, once', () => {
    expect(failpointsOfSource().sort()).toEqual(Object.keys(CASES).sort());
  });

  it.each(Object.entries(CASES))(
    '%s: old or new, nothing acknowledged is lost, nothing is left behind',
    async (name, hits) => {
      for (const [round, hit] of hits.entries()) {
        acknowledged.push(...(await writeUntilDead(program, kit.root, round, { failpoints: `${name}=kill@${hit}` })));
        const registry = await kit.open();
        expect({ hit, broken: await brokenPromises(kit.root, registry, acknowledged) }).toEqual({ hit, broken: [] });
        expect(await registry.updateAgent('lead', { name: `after ${name} ${hit}` }, ADMIN)).not.toBeNull();
        await registry.close();
      }
      expect(await fsck(kit.root)).toBe('');
    },
  );
});
