import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplaceAgent } from '../../src/contracts/agent.js';
import type { Actor } from '../../src/contracts/auth.js';
import { SystemConfig } from '../../src/contracts/config.js';
import type { ReconcileStep, RegistryCommit } from '../../src/contracts/registry.js';
import { INTENT_FILES } from '../../src/registry/intent.js';
import { type Intent, Reconciler, type RegistryService } from '../../src/registry/registry.service.js';
import { ADMIN, agentConfig, Kit } from './registry-kit.js';

let kit: Kit;
let registry: RegistryService;
const file = (name: string): string => join(kit.root, name);
const text = (name: string): Promise<string> => readFile(file(name), 'utf8');

beforeEach(async () => {
  kit = await Kit.make();
  registry = await kit.open();
});
afterEach(() => kit.remove());

const unchanged = async (change: () => Promise<unknown>, code: string): Promise<void> => {
  const [before, head, agents] = [await text('agents.toml'), await kit.git('rev-parse', 'main'), registry.agents()];
  await expect(change()).rejects.toMatchObject({ code });
  expect(await text('agents.toml')).toBe(before);
  expect(await kit.git('rev-parse', 'main')).toBe(head);
  expect(registry.agents()).toBe(agents);
  expect((await readdir(kit.root)).filter((name) => name.startsWith('.nox-tmp-'))).toEqual([]);
};

class Recorder extends Reconciler {
  readonly applied: { before: string[]; after: string[]; actor: string }[] = [];

  plan(before: Intent, after: Intent): ReconcileStep[] {
    const gone = [...before.agents.keys()].filter((id) => !after.agents.has(id));
    return gone.map((agent_id) => ({ agent_id, action: 'remove', reason: 'not in that version' }));
  }

  apply(before: Intent, after: Intent, actor: Actor): Promise<ReconcileStep[]> {
    this.applied.push({ before: [...before.agents.keys()], after: [...after.agents.keys()], actor: actor.name });
    return Promise.resolve(this.plan(before, after));
  }
}

describe('opening', () => {
  it('makes the files of the template, two histories and a clean tree', async () => {
    await registry.record.flush();
    const names = await readdir(kit.root);
    expect(names).toEqual(
      expect.arrayContaining([
        ...INTENT_FILES,
        'approval-history.toml',
        'resource-usage.toml',
        'agents',
        'tasks',
        '.gitignore',
      ]),
    );
    expect(await kit.git('status', '--porcelain')).toBe('');
    expect(await kit.git('branch', '--show-current')).toBe('main');
    expect(await kit.git('ls-tree', '-r', '--name-only', 'record')).toContain('approval-history.toml');
    expect(await kit.git('ls-tree', '-r', '--name-only', 'main')).not.toContain('approval-history.toml');
    expect(registry.opening_commits.map((commit) => commit.action)).toEqual(['init']);
  });

  it('has the defaults of the contract in its template', () => {
    expect(registry.config()).toEqual(SystemConfig.parse({}));
    expect(registry.agents().size).toBe(0);
  });

  it('changes nothing when it is opened again', async () => {
    await registry.createAgent('lead', agentConfig(), ADMIN);
    const [head, agents] = [await kit.git('rev-parse', 'main'), registry.agents()];
    await registry.close();
    const again = await kit.open();
    expect(await kit.git('rev-parse', 'main')).toBe(head);
    expect(again.agents()).toEqual(agents);
    expect(again.opening_commits).toEqual([]);
  });

  it('refuses a second Nox and names the first', async () => {
    await expect(kit.open()).rejects.toMatchObject({
      code: 'INVALID_STATE',
      message: expect.stringContaining(`${process.pid}`),
    });
    expect(await registry.status()).toMatchObject({ branch: 'main', dirty: [] });
  });

  it('takes over from an owner that is gone, and from a torn lock file', async () => {
    await registry.close();
    for (const left of [JSON.stringify({ pid: process.pid, start_time: '1', boot_id: 'x' }), '{"pid":']) {
      await writeFile(file('.git/nox.lock'), left);
      await (await kit.open()).close();
    }
    expect(await readdir(file('.git'))).not.toContain('nox.lock');
  });

  it('refuses another branch and says how to come back', async () => {
    await registry.close();
    await kit.git('checkout', '-q', '-b', 'other');
    await expect(kit.open()).rejects.toMatchObject({
      code: 'INVALID_STATE',
      message: expect.stringContaining('switch main'),
    });
  });

  it('never climbs to an outer repository', async () => {
    await registry.close();
    await mkdir(join(kit.base, '.git', 'info'), { recursive: true });
    await (await kit.open()).close();
    expect(await readFile(join(kit.base, '.git/info/exclude'), 'utf8')).toBe('/.nox-registry/\n');
  });
});

describe('a change', () => {
  it('is one commit that names actor, action and object', async () => {
    const seen: RegistryCommit[] = [];
    registry.onCommit((commit) => seen.push(commit));
    const commit = await registry.createAgent('lead', agentConfig(), ADMIN);
    expect(await kit.git('rev-parse', 'main')).toBe(commit.hash);
    expect(await kit.git('log', '-1', '--format=%an|%s|%B', 'main')).toBe(
      'admin|agent: create lead|agent: create lead\n\nNox-Actor: admin\nNox-Action: create\nNox-Object: agent:lead\nNox-Request-Id: req_1',
    );
    const { commits } = await registry.history({ limit: 1 });
    expect(commits).toEqual([commit]);
    expect(seen).toEqual([commit]);
    expect((await registry.history()).commits).toHaveLength(2);
  });

  it('stays one commit each under a hundred at once', async () => {
    await registry.createAgent('lead', agentConfig(), ADMIN);
    const commits = await Promise.all(
      Array.from({ length: 100 }, (_, i) => registry.updateAgent('lead', { name: `Lead ${i}` }, ADMIN)),
    );
    expect(new Set(commits.map((commit) => commit?.hash)).size).toBe(100);
    expect(await kit.git('rev-list', '--count', 'main')).toBe('102');
    expect(registry.agents().get('lead')?.name).toBe('Lead 99');
    expect(await kit.git('status', '--porcelain')).toBe('');
    await kit.git('fsck', '--strict');
  });

  it('keeps comments, order and unknown keys that people wrote', async () => {
    const hand = `schema_version = 1
# Ours.
[agents.lead]
name = "Lead" # the boss
x_team = "blue"
created_at = 2026-01-01T00:00:00Z
last_modified = 2026-01-01T00:00:00Z

# Free text.

[agents.lead.resource_limits]
max_memory_mb = 512
x_note = 1
`;
    await writeFile(file('agents.toml'), hand);
    await registry.updateAgent('lead', { priority: 'high', resource_limits: { max_memory_mb: 1024 } }, ADMIN);
    const after = await text('agents.toml');
    for (const kept of [
      '# Ours.',
      '# the boss',
      'x_team = "blue"',
      '# Free text.',
      'x_note = 1',
      'max_memory_mb = 1024',
    ]) {
      expect(after).toContain(kept);
    }
    expect(registry.agents().get('lead')).toMatchObject({ priority: 'high', resource_limits: { max_memory_mb: 1024 } });
  });

  it('answers null when nothing changes', async () => {
    await registry.createAgent('lead', agentConfig(), ADMIN);
    expect(await registry.updateAgent('lead', { name: 'Lead', priority: 'medium' }, ADMIN)).toBeNull();
    expect(await registry.updateConfig({ server: { port: 3000 } }, ADMIN, 'set')).toBeNull();
    expect(await kit.git('rev-list', '--count', 'main')).toBe('2');
  });

  it('takes an optional key away and stamps the time', async () => {
    await registry.createAgent('lead', agentConfig({ model: 'claude-opus-5-5' }), ADMIN);
    kit.clock.advance(60_000);
    await registry.updateAgent('lead', { model: undefined }, ADMIN, 'clear model');
    expect(registry.agents().get('lead')).toEqual(agentConfig({ last_modified: '2026-01-01T00:01:00.000Z' }));
    expect((await registry.history({ limit: 1 })).commits[0]?.subject).toBe('agent: clear model lead');
  });

  it('takes away what a patch has null for: a key of a table, and the table with its last key', async () => {
    const budget = { usd_per_day: 5, turns_per_day: 10 };
    const given = { model: 'sonnet', cwd: '/work', budget, restart: { intensity: 2, backoff_ms: { initial: 50 } } };
    await registry.createAgent('lead', agentConfig(given), ADMIN);
    const now = () => registry.agents().get('lead');
    await registry.updateAgent('lead', { model: null, budget: { usd_per_day: null } }, ADMIN);
    expect(now()).toMatchObject({ cwd: '/work', budget: { turns_per_day: 10 } });
    expect(now()).not.toHaveProperty('model');
    await registry.updateAgent('lead', { budget: { turns_per_day: null }, restart: { backoff_ms: null } }, ADMIN);
    expect(now()).not.toHaveProperty('budget');
    expect(now()?.restart).toEqual({ intensity: 2 });
    await registry.updateAgent('lead', { cwd: null, restart: null }, ADMIN);
    expect(await text('agents.toml')).not.toMatch(/^(model|cwd|\[agents\.lead\.(budget|restart))/m);
    expect(await registry.updateAgent('lead', { cwd: null, idle: { hibernate_after_s: null } }, ADMIN)).toBeNull();
  });

  it('gives an agent the settings that were named and no others', async () => {
    const given = { model: 'sonnet', priority: 'high', budget: { usd_per_day: 5, turns_per_day: 10 } } as const;
    const stays = { desired_state: 'active' as const, mcp_services: ['clock'], x_team: 'blue' };
    await registry.createAgent('lead', agentConfig({ ...given, ...stays }), ADMIN);
    kit.clock.advance(60_000);
    const settings = ReplaceAgent.parse({ name: 'Lead', budget: { turns_per_day: 3 } });
    await registry.replaceAgent('lead', settings, ADMIN);
    const last_modified = '2026-01-01T00:01:00.000Z';
    expect(registry.agents().get('lead')).toEqual(
      agentConfig({ ...stays, system_prompt: '', capabilities: [], budget: { turns_per_day: 3 }, last_modified }),
    );
    expect(await registry.replaceAgent('lead', settings, ADMIN)).toBeNull();
    await expect(registry.replaceAgent('nobody', settings, ADMIN)).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND' });
  });

  it('changes settings and keeps their comments', async () => {
    await registry.updateConfig({ claude_cli: { model_endpoint: 'scripted' } }, ADMIN, 'use model');
    expect(registry.config().claude_cli.model_endpoint).toBe('scripted');
    expect(await text('system-config.toml')).toContain(
      'model_endpoint = "scripted"            # auto (the first start decides)',
    );
    await expect(registry.updateConfig({ server: { port: 99_999 } }, ADMIN, 'set')).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
    });
    expect((await registry.diff()).objects).toEqual([
      {
        kind: 'config',
        id: 'system-config',
        change: 'changed',
        fields: [{ field: 'claude_cli.model_endpoint', before: 'auto', after: 'scripted' }],
      },
    ]);
  });

  it('refuses what does not fit and changes nothing', async () => {
    await registry.createAgent('lead', agentConfig(), ADMIN);
    const before = await text('agents.toml');
    await expect(registry.createAgent('lead', agentConfig(), ADMIN)).rejects.toMatchObject({
      code: 'AGENT_ALREADY_EXISTS',
    });
    await expect(registry.updateAgent('nobody', { name: 'x' }, ADMIN)).rejects.toMatchObject({
      code: 'AGENT_NOT_FOUND',
    });
    await expect(registry.deleteAgent('nobody', ADMIN)).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND' });
    await expect(registry.updateAgent('lead', { name: '' }, ADMIN)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    await expect(registry.updateAgent('lead', { name: 'half \ud800' }, ADMIN)).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
    });
    expect(await text('agents.toml')).toBe(before);
    expect(await kit.git('rev-list', '--count', 'main')).toBe('2');
  });

  it.each([
    '../../etc/passwd',
    'a\0.toml',
    '-rf',
    '--help',
    '',
    ' ',
    '.',
    '..',
    'a:b',
    '__proto__',
    'constructor',
    'x'.repeat(300),
  ])('refuses the id %j everywhere', async (id) => {
    await expect(registry.createAgent(id, agentConfig(), ADMIN)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    await expect(registry.updateAgent(id, { name: 'x' }, ADMIN)).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND' });
    await expect(registry.deleteAgent(id, ADMIN)).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND' });
  });

  it("cannot be given trailers by an actor's name", async () => {
    const actor: Actor = { name: 'eve\n\nNox-Actor: admin <x>', role: 'operator' };
    const { hash } = await registry.createAgent('lead', agentConfig(), actor);
    const { commits } = await registry.history({ limit: 1 });
    expect(commits[0]).toMatchObject({ hash, actor: 'eve Nox-Actor: admin <x>', author: 'eve Nox-Actor: admin x' });
  });
});

describe('when git or the disk fails', () => {
  it('answers GIT_OPERATION_FAILED, changes nothing, and works again afterwards', async () => {
    await registry.createAgent('lead', agentConfig(), ADMIN);
    // Also the superuser cannot write objects below a file.
    await rename(file('.git/objects'), file('.git/objects.away'));
    await symlink('objects.away', file('.git/objects'));
    const damage = async (): Promise<void> => {
      await rm(file('.git/objects'));
      await writeFile(file('.git/objects'), '');
    };
    const mend = async (): Promise<void> => {
      await rm(file('.git/objects'));
      await rename(file('.git/objects.away'), file('.git/objects'));
    };
    const [before, agents] = [await text('agents.toml'), registry.agents()];
    await damage();
    await expect(registry.updateAgent('lead', { name: 'New' }, ADMIN)).rejects.toMatchObject({
      code: 'GIT_OPERATION_FAILED',
    });
    await mend();
    expect(await text('agents.toml')).toBe(before);
    expect(registry.agents()).toBe(agents);
    expect(await kit.git('status', '--porcelain')).toBe('');
    expect(await registry.updateAgent('lead', { name: 'New' }, ADMIN)).toMatchObject({ action: 'update' });
  });

  it('changes nothing when .git cannot be written', async () => {
    await registry.createAgent('lead', agentConfig(), ADMIN);
    // Permissions would not stop the superuser; a folder in the place of a file does.
    await rm(file('.git/nox-promise.json'));
    await mkdir(file('.git/nox-promise.json'));
    await unchanged(() => registry.updateAgent('lead', { name: 'New' }, ADMIN), 'GIT_OPERATION_FAILED');
  });

  it('gives up on a lock that stays, and changes nothing', async () => {
    await registry.createAgent('lead', agentConfig(), ADMIN);
    await writeFile(file('.git/index.lock'), '');
    await unchanged(() => registry.updateAgent('lead', { name: 'New' }, ADMIN), 'GIT_OPERATION_FAILED');
    await rm(file('.git/index.lock'));
    await registry.updateAgent('lead', { name: 'New' }, ADMIN);
  });

  it('waits for a lock that goes away', async () => {
    await registry.createAgent('lead', agentConfig(), ADMIN);
    await writeFile(file('.git/index.lock'), '');
    const write = registry.updateAgent('lead', { name: 'New' }, ADMIN);
    await rm(file('.git/index.lock'));
    expect(await write).toMatchObject({ action: 'update' });
  });
});

describe('a hand edit', () => {
  it('that fits is committed as external before the next change, and followed', async () => {
    const recorder = new Recorder();
    registry.reconciler = recorder;
    await registry.createAgent('lead', agentConfig(), ADMIN);
    await writeFile(file('agents.toml'), `${await text('agents.toml')}\n# mine\n[agents.worker]\nname = "W"\n`);
    kit.clock.advance(3_600_000);
    await registry.updateAgent('lead', { name: 'Boss' }, ADMIN);
    const { commits } = await registry.history({ limit: 2 });
    expect(commits.map(({ author, subject }) => `${author}: ${subject}`)).toEqual([
      'admin: agent: update lead',
      'external: registry: edit agents.toml',
    ]);
    expect(registry.agents().get('worker')?.created_at).toBe('2026-01-01T01:00:00.000Z');
    expect(await text('agents.toml')).toContain(
      '# mine\n[agents.worker]\nname = "W"\ncreated_at = 2026-01-01T01:00:00Z\n',
    );
    await registry.close();
    expect(recorder.applied).toEqual([{ before: ['lead'], after: ['lead', 'worker'], actor: 'external' }]);
  });

  it('that does not fit is refused with file, line and field, and kept', async () => {
    const problems: string[] = [];
    registry.onInvalid((problem) => problems.push(problem.file));
    await registry.createAgent('lead', agentConfig(), ADMIN);
    const broken = (await text('agents.toml')).replace('priority = "medium"', 'priority = "urgent"');
    await writeFile(file('agents.toml'), broken);
    const line = broken.split('\n').findIndex((row) => row.includes('urgent')) + 1;
    await expect(registry.updateAgent('lead', { name: 'x' }, ADMIN)).rejects.toMatchObject({
      code: 'REGISTRY_INVALID',
      details: { file: 'agents.toml', line, field: 'agents.lead.priority' },
    });
    expect(await text('agents.toml')).toBe(broken);
    expect(registry.agents().get('lead')?.priority).toBe('medium');
    expect(problems).toEqual(['agents.toml']);
    // Other files are not held up by it.
    await registry.updateConfig({ server: { port: 4000 } }, ADMIN, 'set port');
    const status = await registry.status();
    expect(status.invalid).toEqual([
      {
        file: 'agents.toml',
        line,
        field: 'agents.lead.priority',
        message: expect.stringContaining(`agents.toml:${line}: agents.lead.priority`),
      },
    ]);
    expect(status.dirty).toEqual(['agents.toml']);
    await writeFile(file('agents.toml'), broken.replace('urgent', 'high'));
    await registry.updateAgent('lead', { name: 'x' }, ADMIN);
    expect(registry.agents().get('lead')).toMatchObject({ name: 'x', priority: 'high' });
    expect((await registry.status()).invalid).toEqual([]);
  });

  it.each([
    ['is deleted', () => rm(file('agents.toml'))],
    [
      'is a link to elsewhere',
      async () => {
        await rm(file('agents.toml'));
        await symlink('/etc/hostname', file('agents.toml'));
      },
    ],
    ['is not UTF-8', () => writeFile(file('agents.toml'), Buffer.from([0x61, 0xff]))],
    ['holds conflict markers', () => writeFile(file('agents.toml'), '<<<<<<< HEAD\n')],
    [
      'sets a forbidden variable',
      () => writeFile(file('agents.toml'), '[agents.lead]\nname = "x"\n[agents.lead.env]\nNODE_OPTIONS = "env:X"\n'),
    ],
    [
      'holds a value for a secret',
      () => writeFile(file('agents.toml'), '[agents.lead]\nname = "x"\n[agents.lead.env]\nTOKEN = "abc"\n'),
    ],
  ])('is refused when the file %s', async (_, edit) => {
    await registry.createAgent('lead', agentConfig(), ADMIN);
    await edit();
    await expect(registry.updateAgent('lead', { name: 'x' }, ADMIN)).rejects.toMatchObject({
      code: 'REGISTRY_INVALID',
    });
    expect(registry.agents().get('lead')?.name).toBe('Lead');
    await registry.close();
    const again = await kit.open();
    expect(again.agents().get('lead')?.name).toBe('Lead');
    expect((await again.status()).invalid).toMatchObject([{ file: 'agents.toml' }]);
  });

  it('made while Nox was down is committed at the next start', async () => {
    await registry.createAgent('lead', agentConfig(), ADMIN);
    await registry.close();
    await writeFile(file('agents.toml'), (await text('agents.toml')).replace(/^name = "Lead"/m, 'name = "Boss"'));
    const again = await kit.open();
    expect(again.agents().get('lead')?.name).toBe('Boss');
    expect(again.opening_commits).toMatchObject([{ author: 'external', subject: 'registry: edit agents.toml' }]);
    expect(await kit.git('status', '--porcelain')).toBe('');
  });

  it('that a person committed is adopted as it is', async () => {
    await registry.createAgent('lead', agentConfig(), ADMIN);
    await writeFile(file('agents.toml'), (await text('agents.toml')).replace(/^name = "Lead"/m, 'name = "Boss"'));
    await kit.git('commit', '-q', '-am', 'by hand');
    await registry.refresh();
    expect(registry.agents().get('lead')?.name).toBe('Boss');
    expect((await registry.history({ limit: 1 })).commits[0]).toMatchObject({ subject: 'by hand', actor: null });
  });
});

describe('rollback', () => {
  it('is previewed, confirmed, a new commit, and followed by the live system', async () => {
    const recorder = new Recorder();
    registry.reconciler = recorder;
    const first = await registry.createAgent('lead', agentConfig(), ADMIN);
    const second = await registry.createAgent('worker', agentConfig({ name: 'W' }), ADMIN);
    await registry.updateConfig({ server: { port: 4000 } }, ADMIN, 'set port');
    await registry.record.ensureAgent('worker');
    await registry.record.flush();
    const [head, record] = [await kit.git('rev-parse', 'main'), await kit.git('rev-parse', 'record')];

    await expect(registry.rollback({ commit_hash: first.hash }, ADMIN)).rejects.toMatchObject({
      code: 'CONFIRMATION_REQUIRED',
    });
    const preview = await registry.rollback({ commit_hash: first.hash, dry_run: true }, ADMIN);
    expect(preview).toMatchObject({
      dry_run: true,
      commit: null,
      target: { hash: first.hash },
      reconciled: [{ agent_id: 'worker', action: 'remove' }],
    });
    expect(preview.objects.map(({ kind, id, change }) => `${change} ${kind} ${id}`)).toEqual([
      'removed agent worker',
      'changed config system-config',
    ]);
    expect(preview.patch).toContain('-[agents.worker]');
    expect(await kit.git('rev-parse', 'main')).toBe(head);

    const done = await registry.rollback({ commit_hash: first.hash, confirm: true }, ADMIN);
    expect(done.objects).toEqual(preview.objects);
    expect(done.commit).toMatchObject({
      rollback_of: head,
      rollback_to: first.hash,
      subject: `registry: roll back to ${first.hash.slice(0, 7)}`,
    });
    expect(await kit.git('rev-parse', 'main^')).toBe(head);
    expect(await kit.git('rev-parse', 'main^{tree}')).toBe(await kit.git('rev-parse', `${first.hash}^{tree}`));
    expect([...registry.agents().keys()]).toEqual(['lead']);
    expect(registry.config().server.port).toBe(3000);
    expect(recorder.applied).toEqual([{ before: ['lead', 'worker'], after: ['lead'], actor: 'admin' }]);
    expect((await registry.history({ limit: 1 })).commits).toEqual([
      { ...done.commit, files: ['agents.toml', 'system-config.toml'] },
    ]);

    const undone = await registry.rollback({ last: true, confirm: true }, ADMIN);
    expect(undone.target.hash).toBe(head);
    expect([...registry.agents().keys()]).toEqual(['lead', 'worker']);
    expect(await kit.git('rev-parse', 'main^{tree}')).toBe(await kit.git('rev-parse', `${head}^{tree}`));
    await registry.record.flush();
    expect(await kit.git('rev-parse', 'record')).toBe(record);
    expect(await text('agents/worker/state.toml')).toContain('schema_version = 1');
    expect(await kit.git('status', '--porcelain')).toBe('');
    expect(second.hash).not.toBe(done.commit?.hash);
  });

  it('finds the version by time', async () => {
    const first = await registry.createAgent('lead', agentConfig(), ADMIN);
    kit.clock.advance(2 * 3_600_000);
    await registry.updateAgent('lead', { name: 'Boss' }, ADMIN);
    const target = async (request: object): Promise<string> =>
      (await registry.rollback({ dry_run: true, ...request }, ADMIN)).target.hash;
    expect(await target({ hours: 1 })).toBe(first.hash);
    expect(await target({ at: '2026-01-01T01:59:59Z' })).toBe(first.hash);
    expect(await target({ last: true })).toBe(first.hash);
    await expect(target({ at: '2020-01-01T00:00:00Z' })).rejects.toMatchObject({ code: 'COMMIT_NOT_FOUND' });
  });

  it('to what is in force makes no commit', async () => {
    const head = await kit.git('rev-parse', 'main');
    expect(await registry.rollback({ commit_hash: head, confirm: true }, ADMIN)).toMatchObject({
      commit: null,
      objects: [],
      reconciled: [],
    });
    expect(await kit.git('rev-parse', 'main')).toBe(head);
    await expect(registry.rollback({ last: true, confirm: true }, ADMIN)).rejects.toMatchObject({
      code: 'COMMIT_NOT_FOUND',
    });
  });

  it('refuses a version that does not fit', async () => {
    await writeFile(file('agents.toml'), 'schema_version = 2\n');
    await kit.git('commit', '-q', '-am', 'by hand');
    const bad = await kit.git('rev-parse', 'main');
    await kit.git('revert', '--no-edit', 'HEAD');
    await expect(registry.rollback({ commit_hash: bad, confirm: true }, ADMIN)).rejects.toMatchObject({
      code: 'REGISTRY_INVALID',
      details: { file: 'agents.toml', field: 'schema_version' },
    });
  });

  it('refuses commits that are not of main', async () => {
    await registry.record.flush();
    const record = await kit.git('rev-parse', 'record');
    const blob = await kit.git('rev-parse', 'main:agents.toml');
    for (const commit_hash of [record, blob, '0'.repeat(40), 'f'.repeat(40)]) {
      await expect(registry.rollback({ commit_hash, confirm: true }, ADMIN)).rejects.toMatchObject({
        code: 'COMMIT_NOT_FOUND',
      });
    }
  });
});

describe('history', () => {
  it('pages, filters by file and shows one commit', async () => {
    for (const name of ['one', 'two', 'three']) await registry.createAgent(name, agentConfig({ name }), ADMIN);
    await registry.updateConfig({ server: { port: 4000 } }, ADMIN, 'set port');
    const page = await registry.history({ limit: 2 });
    expect(page).toMatchObject({
      has_more: true,
      commits: [{ object: 'config:system-config' }, { object: 'agent:three' }],
    });
    const next = await registry.history({ limit: 10, before: page.commits[1]?.hash });
    expect(next).toMatchObject({
      has_more: false,
      commits: [{ object: 'agent:two' }, { object: 'agent:one' }, { object: 'registry' }],
    });
    expect((await registry.history({ before: next.commits[2]?.hash })).commits).toEqual([]);
    expect((await registry.history({ path: 'agents.toml' })).commits).toHaveLength(4);
    const view = await registry.commit(page.commits[1]?.hash ?? '');
    expect(view.objects).toMatchObject([{ kind: 'agent', id: 'three', change: 'added' }]);
    expect(view.patch).toContain('+[agents.three]');
    expect((await registry.commit(next.commits[2]?.hash ?? '')).from).toBeNull();
    await registry.record.flush();
    expect((await registry.history({ ref: 'record' })).commits).toMatchObject([
      { author: 'nox', action: 'checkpoint' },
    ]);
  });

  it.each([
    'HEAD',
    'HEAD~1',
    '@{-1}',
    'refs/heads/main:secret',
    '--output=/tmp/pwn',
    'a'.repeat(39),
    'a'.repeat(41),
    'A'.repeat(40),
    ':/msg',
  ])('refuses the hash %j before git sees it', async (hash) => {
    const refused = { code: 'VALIDATION_ERROR' };
    await expect(registry.commit(hash)).rejects.toMatchObject(refused);
    await expect(registry.diff({ from: hash })).rejects.toMatchObject(refused);
    await expect(registry.history({ before: hash })).rejects.toMatchObject(refused);
    await expect(registry.rollback({ commit_hash: hash, confirm: true }, ADMIN)).rejects.toMatchObject(refused);
  });

  it('says that an unknown commit is unknown', async () => {
    const unknown = 'ab'.repeat(20);
    for (const ask of [
      () => registry.commit(unknown),
      () => registry.diff({ from: unknown }),
      () => registry.diff({ to: unknown }),
      () => registry.history({ before: unknown }),
    ]) {
      await expect(ask()).rejects.toMatchObject({ code: 'COMMIT_NOT_FOUND' });
    }
  });
});
