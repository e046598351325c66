import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FileProblem } from '../../src/registry/intent.js';
import type { RegistryService } from '../../src/registry/registry.service.js';
import { bare, PLANTED } from '../support/planted-secrets.js';
import { ADMIN, agentConfig, Kit } from './registry-kit.js';

let kit: Kit;
let registry: RegistryService;
const problems: FileProblem[] = [];
const agents = (): string => join(kit.root, 'agents.toml');

beforeAll(async () => {
  kit = await Kit.make();
  registry = await kit.open();
  registry.onInvalid((problem) => problems.push(problem));
  await registry.createAgent('lead', agentConfig(), ADMIN);
});
afterAll(() => kit.remove());

describe('planted secrets', () => {
  it('are of at least forty formats', () => {
    expect(new Set(PLANTED.map(([kind]) => kind)).size).toBeGreaterThanOrEqual(40);
  });

  it.each(PLANTED)('%s: the API refuses it and names the key, not the value', async (kind, secret) => {
    const head = await kit.git('rev-parse', 'HEAD');
    const write = registry.updateAgent('lead', { system_prompt: `Use ${secret} for it.\n` }, ADMIN);
    const error = await write.then(
      () => {
        throw new Error('it was written');
      },
      (thrown: Error) => thrown,
    );
    expect(error).toMatchObject({
      code: 'SECRET_REFUSED',
      status: 422,
      details: { file: 'agents.toml', key: 'agents.lead.system_prompt', kind },
    });
    expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(bare(secret));
    expect(await kit.git('rev-parse', 'HEAD')).toBe(head);
  });

  it('by hand are kept on the disk, not committed, and named by file, line and field', async () => {
    const good = await readFile(agents(), 'utf8');
    const before = await kit.git('rev-parse', 'HEAD');
    for (const [kind, secret] of PLANTED) {
      problems.length = 0;
      const value = JSON.stringify(`see ${secret}`);
      await writeFile(agents(), good.replace('\nname = "Lead"', `\nname = "Lead"\ncwd = ${value}`));
      await registry.refresh();
      expect(problems).toMatchObject([{ file: 'agents.toml', field: 'agents.lead.cwd' }]);
      expect(problems[0]?.message).toContain(kind);
    }
    const [, token] = PLANTED[0] ?? [];
    await writeFile(agents(), `${good}\n# ${token}\n`);
    await registry.refresh();
    expect(problems.at(-1)).toMatchObject({ field: '', line: good.split('\n').length + 1 });
    expect((await registry.status()).invalid).toHaveLength(1);
    expect(await kit.git('rev-parse', 'HEAD')).toBe(before);
    await writeFile(agents(), good);
    await registry.refresh();
    expect((await registry.status()).invalid).toEqual([]);
  });

  it('edited while Nox was down are refused at the start', async () => {
    await registry.close();
    const good = await readFile(agents(), 'utf8');
    await writeFile(agents(), good.replace('You plan.', `You plan. ${PLANTED[0]?.[1]}`));
    registry = await kit.open();
    expect(registry.opening_commits).toEqual([]);
    expect((await registry.status()).invalid).toMatchObject([{ file: 'agents.toml' }]);
    await writeFile(agents(), good);
    await registry.refresh();
  });

  it('are cut out of the record, and are in no commit, no message and no warning', async () => {
    const state = { session_id: null, status: PLANTED.map(([, secret]) => secret).join('\n\n'), restart_count: 0 };
    await registry.record.saveState('lead', state);
    await registry.record.flush();
    const everything = [
      await kit.git('log', '-p', '--all'),
      await kit.git('cat-file', '--batch-all-objects', '--batch'),
      JSON.stringify(kit.warnings),
      JSON.stringify(await registry.status()),
    ].join('\n');
    for (const [kind, secret] of PLANTED) expect([kind, everything.includes(bare(secret))]).toEqual([kind, false]);
    expect(everything).toContain('[redacted:github-token]');
  });

  it('leave words about secrets alone', async () => {
    const system_prompt = [
      'Never print ANTHROPIC_API_KEY. Send Authorization: Bearer <token>, or Basic auth.',
      'postgres://user:password@localhost/db and https://user:${TOKEN}@example.com are examples.',
      `sha256 ${'a1'.repeat(32)}, commit ${'0f'.repeat(20)}, key-value, sk-short, SKU 12345678, glpat-example.`,
      'image = "mcp/github@sha256:…", task-force, ask-anything, dp.pt., eyJ is base64 of {".',
    ].join('\n');
    expect(await registry.updateAgent('lead', { system_prompt }, ADMIN)).not.toBeNull();
  });
});
