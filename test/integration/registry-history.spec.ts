import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { RegistryService } from '../../src/registry/registry.service.js';
import { parseToml, type TomlTable } from '../../src/registry/toml/toml.js';
import { ADMIN, agentConfig, Kit } from './registry-kit.js';

let kit: Kit;
let registry: RegistryService;
beforeEach(async () => {
  kit = await Kit.make();
  registry = await kit.open();
  for (const id of ['lead', 'worker']) await registry.createAgent(id, agentConfig(), ADMIN);
});
afterEach(() => kit.remove());

const index = (): string => join(kit.root, '.git', 'nox-history.db');
const hashes = async (query: Parameters<RegistryService['history']>[0]): Promise<string[]> =>
  (await registry.history({ limit: 500, ...query })).commits.map(({ hash }) => hash);
const log = async (...args: string[]): Promise<string[]> => {
  const text = await kit.git('log', '--format=%H', ...args);
  return text === '' ? [] : text.split('\n');
};

/** Commits in which the agent's table is not what it was one commit before: from git alone. */
async function changesOf(id: string): Promise<string[]> {
  const tables: [hash: string, table: string][] = [];
  for (const hash of (await log('main')).toReversed()) {
    const text = await kit.git('show', `${hash}:agents.toml`);
    const { [id]: table } = (parseToml(text)['agents'] ?? {}) as TomlTable;
    // Nox's own stamp says nothing.
    tables.push([hash, JSON.stringify({ ...(table as TomlTable), last_modified: table === undefined ? '-' : '' })]);
  }
  const absent = JSON.stringify({ last_modified: '-' });
  return tables.flatMap(([hash, table], n) => ((tables[n - 1]?.[1] ?? absent) === table ? [] : [hash])).toReversed();
}

type Step = (n: number) => Promise<unknown>;
const STEPS: Readonly<Record<string, Step>> = {
  lead: (n) => registry.updateAgent('lead', { name: `Lead ${n}` }, ADMIN),
  worker: (n) => registry.updateAgent('worker', { name: `Worker ${n}` }, ADMIN),
  config: (n) => registry.updateConfig({ server: { port: 3000 + n } }, ADMIN, 'set port'),
  group: (n) =>
    Promise.all(['lead', 'worker'].map((id) => registry.updateAgent(id, { capabilities: [`g-${n}`] }, ADMIN))),
  hand: async (n) => {
    const path = join(kit.root, 'agents.toml');
    await writeFile(path, (await readFile(path, 'utf8')).replace(/^name = "Lead.*$/m, `name = "Lead by hand ${n}"`));
    await registry.refresh();
  },
  back: async () => {
    const [goal] = (await registry.history({ limit: 3 })).commits.slice(-1);
    await registry.rollback({ commit_hash: goal?.hash ?? '', confirm: true }, ADMIN);
  },
  ask: () => hashes({}),
  lose: () => rm(index(), { force: true }),
  spoil: async () => {
    await registry.close();
    await writeFile(index(), 'no database');
    registry = await kit.open();
  },
};

describe('the history from its index', () => {
  it('is that of git, by file and by agent, whatever was done and whatever became of the index', async () => {
    let n = 0;
    // The third newest commit, to which `back` goes, has both agents from the first step on.
    for (const name of ['lead', 'worker']) await STEPS[name]?.((n += 1));
    const steps = fc.array(fc.constantFrom(...Object.keys(STEPS)), { minLength: 5, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(steps, async (names) => {
        for (const name of names) await STEPS[name]?.((n += 1));
        expect(await hashes({})).toEqual(await log('main'));
        for (const path of ['agents.toml', 'system-config.toml', 'mcp-services.toml'])
          expect(await hashes({ path })).toEqual(await log('main', '--', path));
        for (const agent of ['lead', 'worker']) expect(await hashes({ agent })).toEqual(await changesOf(agent));
        const both = (await changesOf('lead')).filter((hash) => hash !== undefined);
        expect(await hashes({ agent: 'lead', path: 'agents.toml' })).toEqual(both);
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });

  it('pages, and knows folders of the record', async () => {
    for (let n = 0; n < 6; n += 1) await STEPS['lead']?.(n);
    const all = await log('main');
    const first = await registry.history({ limit: 4 });
    expect(first.has_more).toBe(true);
    const rest = await hashes({ before: first.commits.at(-1)?.hash });
    expect([...first.commits.map(({ hash }) => hash), ...rest]).toEqual(all);
    await registry.record.ensureAgent('lead');
    await registry.record.flush();
    expect(await hashes({ ref: 'record', path: 'agents' })).toEqual(await log('record', '--', 'agents'));
    await expect(registry.history({ before: '0'.repeat(40) })).rejects.toMatchObject({ code: 'COMMIT_NOT_FOUND' });
  });

  it('goes on over a merge, a switch and a ref that somebody moved back', async () => {
    await registry.branches.create({ name: 'try' }, ADMIN);
    await STEPS['lead']?.(1);
    await registry.branches.switch('try', { confirm: true }, ADMIN);
    await STEPS['worker']?.(2);
    expect(await hashes({})).toEqual(await log('try'));
    await registry.branches.switch('main', { confirm: true }, ADMIN);
    await registry.branches.merge('try', { confirm: true }, ADMIN);
    await STEPS['lead']?.(3);
    expect(await hashes({})).toEqual(await log('main'));
    const merge = (await registry.history({ agent: 'worker' })).commits[0];
    expect(merge).toMatchObject({ merge_of: await kit.git('rev-parse', 'try'), files: ['agents.toml'] });
    await registry.close();
    await kit.git('reset', '-q', '--hard', 'HEAD~2');
    registry = await kit.open();
    expect(await hashes({})).toEqual(await log('main'));
  });
});
