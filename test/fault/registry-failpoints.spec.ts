import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeBundle } from '../../src/registry/care/bundle.js';
import { GitProcess } from '../../src/registry/git/git-process.js';
import { armFailpoints } from '../../src/shared/failpoint.js';
import { ADMIN, agentConfig, Kit } from '../integration/registry-kit.js';
import {
  brokenPromises,
  buildWriter,
  type Death,
  fsck,
  WarmWriter,
  writeUntilDead,
} from '../support/registry-crash.js';
import { bundleOf, type LabourName, remoteOf } from '../support/registry-labours.js';
import { runRestoreKills } from './long/restore.js';

const SOURCE = join(import.meta.dirname, '../../src');

/** Every failpoint of the registry's writer, and at which of its hits the writer dies. */
const WRITER: Readonly<Record<string, readonly number[]>> = {
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

/** Those of other work on a registry, by the work that meets them; `after` what else must happen first. */
const WORK: Readonly<Record<string, { labour: LabourName; hits: readonly number[]; after?: string }>> = {
  'record.commit.before': { labour: 'care', hits: [2] },
  'gc.packed': { labour: 'care', hits: [1] },
  'gc.tidied': { labour: 'care', hits: [1] },
  'prune.imported': { labour: 'care', hits: [1, 2] },
  'prune.copied': { labour: 'care', hits: [1] },
  'prune.ref.before': { labour: 'care', hits: [1] },
  'prune.ref.moved': { labour: 'care', hits: [1] },
  'prune.forgotten': { labour: 'care', hits: [1] },
  'bundle.written': { labour: 'care', hits: [1] },
  'time.committed': { labour: 'time', hits: [1, 2] },
  'branch.kept': { labour: 'time', hits: [1] },
  'switch.marked': { labour: 'time', hits: [1, 2] },
  'switch.file.replaced': { labour: 'time', hits: [1] },
  'switch.head': { labour: 'time', hits: [1, 2] },
  'switch.index': { labour: 'time', hits: [1, 2] },
  'switch.done': { labour: 'time', hits: [1, 2] },
  'switch.undone': { labour: 'time', hits: [1], after: 'switch.index=throw@1' },
  'hand.kept': { labour: 'hand', hits: [1, 2] },
  'push.ended': { labour: 'hand', hits: [1] },
};

/** Those of making it whole again: in a folder, and from a bundle. */
const OPENING: Readonly<Record<string, { labour: 'begin' | 'repair'; hits: readonly number[] }>> = {
  'open.made': { labour: 'begin', hits: [1] },
  'open.filled': { labour: 'begin', hits: [1] },
  'repair.unpacked': { labour: 'repair', hits: [1] },
  'repair.aside': { labour: 'repair', hits: [1, 2, 3, 5, 8] },
  'repair.placed': { labour: 'repair', hits: [1] },
};

const RESTORE = ['unpacked', 'marked', 'registry.aside', 'aside', 'journal', 'placed', 'synced'].map(
  (name) => `restore.${name}`,
);

/** How a place fails: a fault of its own, or a full disk. By turns; `npm run chaos -- --only registry-failpoints` tries both. */
const DEEDS = ['throw', 'enospc'] as const;
const NIGHTLY = process.env['NOX_NIGHTLY'] !== undefined;

/** Behind the moved ref nothing that can fail is left: what is not in place then is made anew later. */
const BEHIND: ReadonlySet<string> = new Set(['commit.index.before', 'commit.index.after']);

/** Two writes were acknowledged after something had failed. */
const wentOn = (lines: readonly string[]): boolean =>
  lines.slice(lines.findIndex((line) => line.startsWith('failed '))).filter((line) => line.startsWith('ack ')).length >=
    2 && lines.some((line) => line.startsWith('failed '));

function failpointsOfSource(): string[] {
  const files = ['registry', 'system/backup'].flatMap((folder) =>
    readdirSync(join(SOURCE, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(SOURCE, folder, name)),
  );
  return files
    .filter((file) => /(?<!\.spec)\.ts$/.test(file))
    .flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/\bfailpoint\('([^']+)'\)/g)].map(([, name]) => name ?? ''),
    );
}

describe('a crash of the registry at each failpoint', () => {
  let kit: Kit;
  let program: string;
  const acknowledged: string[] = [];
  let survived = 0;

  beforeAll(async () => {
    kit = await Kit.make('in_memory');
    program = await buildWriter(kit.base);
    const registry = await kit.open();
    await registry.createAgent('lead', agentConfig(), ADMIN);
    // The writer rolls back by a few commits; the agent must be in all of them.
    for (let i = 1; i <= 4; i += 1) await registry.updateAgent('lead', { name: `Lead ${i}` }, ADMIN);
    await registry.close();
    await kit.git('init', '-q', '--bare', remoteOf(kit.root));
  });
  afterAll(() => kit.remove());

  /** Lets a process do some work until it dies; what it says was acknowledged must be there, and writing goes on. */
  const survives = async (labour: LabourName, death: Death): Promise<readonly string[]> => {
    const writer = new WarmWriter(program, kit.root);
    acknowledged.push(...(await writer.writeUntilDead(survived, death, { labour, now_ms: kit.clock.now() })));
    kit.clock.advance(writer.heard.filter((line) => line.startsWith('record ')).length * 86_400_000);
    const registry = await kit.open();
    try {
      const broken = await brokenPromises(kit.root, registry, acknowledged, '--all');
      expect({ death, broken }).toEqual({ death, broken: [] });
      await registry.branches.switch('main', { confirm: true }, ADMIN);
      survived += 1;
      expect(await registry.updateAgent('lead', { name: `survived ${survived}` }, ADMIN)).not.toBeNull();
    } finally {
      await registry.close();
    }
    return writer.heard;
  };
  const names = { ...WRITER, ...WORK, ...OPENING };

  it('is named for every failpoint of the source, once', () => {
    expect(failpointsOfSource().sort()).toEqual([...Object.keys(names), ...RESTORE].sort());
  });

  it.each(Object.entries(WRITER))(
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

  it.each(Object.entries(WORK))('%s: the same', async (name, { labour, hits, after }) => {
    for (const hit of hits) {
      const failpoints = [...(after === undefined ? [] : [after]), `${name}=kill@${hit}`].join(',');
      await survives(labour, { failpoints });
    }
    expect(await fsck(kit.root)).toBe('');
  });

  const failing = [...Object.keys(WRITER), ...Object.keys(WORK)].filter((name) => !BEHIND.has(name));
  const ways = failing.map((name, at) => ({ name, deeds: NIGHTLY ? DEEDS : [DEEDS[at % 2]] }));
  it.each(ways)('$name that fails ($deeds): it is told, and work goes on', async ({ name, deeds }) => {
    const { labour, after } = WORK[name] ?? { labour: 'time' as const };
    for (const deed of deeds) {
      const failpoints = [...(after === undefined ? [] : [after]), `${name}=${deed}@1`].join(',');
      const heard = await survives(labour, { failpoints, when: (lines) => wentOn(lines) });
      expect({ name, deed, failed: heard.some((line) => line.startsWith('failed ')) }).toMatchObject({ failed: true });
    }
    expect(await fsck(kit.root)).toBe('');
  });

  it.each(Object.entries(OPENING).filter(([, { labour }]) => labour === 'begin'))(
    '%s: the next start goes on with what is there',
    async (name) => {
      const other = await Kit.make('in_memory');
      try {
        await new WarmWriter(program, other.root).writeUntilDead(
          0,
          { failpoints: `${name}=kill` },
          { labour: 'begin' },
        );
        const registry = await other.open();
        expect(await brokenPromises(other.root, registry, [])).toEqual([]);
        expect(await registry.createAgent('lead', agentConfig(), ADMIN)).not.toBeNull();
      } finally {
        await other.remove();
      }
    },
  );

  it.each(Object.entries(OPENING).filter(([, { labour }]) => labour === 'repair'))(
    '%s: the next start ends the repair, with what is newer than the bundle (regression: it refused to start)',
    async (name, { hits }) => {
      await makeBundle(new GitProcess(kit.root), bundleOf(kit.root));
      for (const hit of hits) {
        const failpoints = `${name}=kill@${hit}`;
        const before = await kit.git('rev-parse', 'main');
        kit.clock.advance(1000);
        const order = { labour: 'repair', now_ms: kit.clock.now() } as const;
        await new WarmWriter(program, kit.root).writeUntilDead(0, { failpoints }, order);
        const registry = await kit.open();
        const broken = await brokenPromises(kit.root, registry, [before, ...acknowledged], '--all');
        expect({ hit, broken }).toEqual({ hit, broken: [] });
        expect(await registry.updateAgent('lead', { name: `after ${failpoints}` }, ADMIN)).not.toBeNull();
        await registry.close();
        expect(await fsck(kit.root)).toBe('');
      }
    },
  );

  it('regression: a switch that failed, and could not be taken back wholly, came into force with the next start', async () => {
    const registry = await kit.open();
    await registry.branches.create({ name: 'elsewhere' }, ADMIN);
    await registry.updateAgent('lead', { name: 'Before' }, ADMIN);
    armFailpoints('switch.index=throw,switch.undone=throw');
    await expect(registry.branches.switch('elsewhere', { confirm: true }, ADMIN)).rejects.toThrow();
    armFailpoints(undefined);
    await registry.updateAgent('lead', { name: 'After' }, ADMIN);
    await registry.close();
    const next = await kit.open();
    expect([(await next.status()).branch, next.agents().get('lead')?.name]).toEqual(['main', 'After']);
    expect(await brokenPromises(kit.root, next, acknowledged, '--all')).toEqual([]);
    await next.close();
  });

  it('restore.*: what was there is kept, and the restore said again comes to its end', async () => {
    const failpoints = RESTORE.map((name) => `${name}=kill`);
    const report = await runRestoreKills({ rounds: 0, seed: 0, failpoints, say: () => undefined });
    expect(report).toMatchObject({ violations: [], old: 1, half: 6, restored: 0 });
  });
});
