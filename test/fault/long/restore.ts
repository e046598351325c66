import { access, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StateDb } from '../../../src/shared/db/state-db.js';
import { restoreBackup } from '../../../src/system/backup/restore.js';
import { refuseHalfRestored } from '../../../src/system/backup/unfinished.js';
import { ADMIN, agentConfig, Kit } from '../../integration/registry-kit.js';
import { randomOf } from '../../support/random.js';
import { backUp, markedJournal } from '../../support/registry-backup.js';
import { buildWriter, fsck, WarmWriter } from '../../support/registry-crash.js';
import { restoreFolders } from '../../support/registry-labours.js';
import { makeTempDir } from '../../support/temp-dir.js';
import { type LongReport, type Say, secondsSince } from './report.js';

export interface RestoreKillsOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Die at these places instead, one after another, as in `NOX_FAILPOINTS`. */
  readonly failpoints?: readonly string[];
  readonly say: Say;
}

export interface RestoreKillsReport extends LongReport {
  readonly rounds: number;
  /** How the kill left the folders. */
  readonly old: number;
  readonly half: number;
  readonly restored: number;
}

/** A restore has ended by then, mostly. */
const AFTER_MS = 1200;
const ASIDE = '.before-restore-';

/**
 * A restore over what is there is killed at random. Then what was there before is found whole, in its place or aside; Nox
 * starts with the old state or the restored one, or refuses to start; and the restore, said again, comes to its end.
 */
export async function runRestoreKills(options: RestoreKillsOptions): Promise<RestoreKillsReport> {
  const { seed, failpoints, say } = options;
  const rounds = failpoints?.length ?? options.rounds;
  const began = performance.now();
  await using folder = await makeTempDir('nox-restore-');
  const program = await buildWriter(folder.path);
  const random = randomOf(seed);
  const violations: string[] = [];
  const ends = { old: 0, half: 0, restored: 0 };
  await using scene = await Scene.make();
  for (let round = 0; round < rounds; round += 1) {
    await scene.live(`before ${round}`);
    const after_ms = Math.round(random() * AFTER_MS);
    const point = failpoints?.[round];
    const death = point === undefined ? { after_ms, with_git: round % 2 === 0 } : { failpoints: point };
    await new WarmWriter(program, scene.root).writeUntilDead(round, death, { labour: 'restore' });
    const { end, broken } = await scene.judge(`before ${round}`);
    ends[end] += 1;
    broken.push(...(await scene.again(`before ${round}`)));
    violations.push(...broken.map((what) => `seed ${seed}, round ${round}, ${point ?? `${after_ms} ms`}: ${what}`));
    if ((round + 1) % 25 === 0) say(`${round + 1} of ${rounds} kills, ${violations.length} violations`);
  }
  return { seed, rounds, took_s: secondsSince(began), ...ends, violations };
}

/** A backup, and the folders that it is put into. */
class Scene {
  private constructor(private readonly kit: Kit) {}

  static async make(): Promise<Scene> {
    const kit = await Kit.make('in_memory');
    const registry = await kit.open();
    await registry.createAgent('lead', agentConfig({ name: 'backup' }), ADMIN);
    await registry.close();
    const { file, home } = restoreFolders(kit.root);
    await backUp(kit.root, join(kit.base, 'work'), file, 'backup');
    await mkdir(home);
    return new Scene(kit);
  }

  get root(): string {
    return this.kit.root;
  }

  /** Work goes on: registry and journal say `mark` now. */
  async live(mark: string): Promise<void> {
    const registry = await this.kit.open();
    await registry.updateAgent('lead', { name: mark }, ADMIN);
    await registry.close();
    const path = join(this.home, 'state.db');
    await rm(path, { force: true });
    await markedJournal(path, mark);
  }

  async judge(before: string): Promise<{ end: 'old' | 'half' | 'restored'; broken: string[] }> {
    const broken = await this.lost(before);
    if (this.refusesToStart()) return { end: 'half', broken };
    const found = [await nameIn(this.root), await markIn(join(this.home, 'state.db'))];
    if (found.every((mark) => mark === before)) return { end: 'old', broken };
    if (!found.every((mark) => mark === 'backup')) broken.push(`Nox would start with ${found.join(' and ')}`);
    return { end: 'restored', broken };
  }

  /** The restore once more, to its end. */
  async again(before: string): Promise<string[]> {
    await restoreBackup({ ...restoreFolders(this.root), force: true, now: '2026-01-03T00:00:00.000Z' });
    const broken = await this.lost(before);
    const found = [await nameIn(this.root), await markIn(join(this.home, 'state.db'))];
    if (this.refusesToStart()) broken.push('Nox refuses to start after the restore was done again');
    if (!found.every((mark) => mark === 'backup')) broken.push(`the restore done again gives ${found.join(' and ')}`);
    const said = await fsck(this.root);
    if (said !== '') broken.push(`git fsck says ${said}`);
    const names = [...(await readdir(this.kit.base)), ...(await readdir(this.home))];
    const left = names.filter((name) => /\.restoring$|^restore$|^restoring$|\.nox-tmp-/.test(name));
    if (left.length > 0) broken.push(`left behind: ${left.join(', ')}`);
    for (const name of await readdir(this.kit.base))
      if (name.includes(ASIDE)) await rm(join(this.kit.base, name), { recursive: true });
    for (const name of await readdir(this.home)) if (name.includes(ASIDE)) await rm(join(this.home, name));
    return broken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kit.remove();
  }

  private get home(): string {
    return restoreFolders(this.root).home;
  }

  private refusesToStart(): boolean {
    try {
      refuseHalfRestored(this.home);
      return false;
    } catch {
      return true;
    }
  }

  /** What of before is neither in its place nor aside. */
  private async lost(before: string): Promise<string[]> {
    const [registries, journals] = [await readdir(this.kit.base), await readdir(this.home)];
    const names = await Promise.all(
      registries
        .filter((name) => /^\.nox-registry($|\.before)/.test(name))
        .map((name) => nameIn(join(this.kit.base, name))),
    );
    const marks = await Promise.all(
      journals.filter((name) => /^state\.db($|\.before)/.test(name)).map((name) => markIn(join(this.home, name))),
    );
    return [
      ...(names.includes(before) ? [] : [`the registry "${before}" is gone`]),
      ...(marks.includes(before) ? [] : [`the journal "${before}" is gone`]),
    ];
  }
}

async function nameIn(registry: string): Promise<string | undefined> {
  const text = await readFile(join(registry, 'agents.toml'), 'utf8').catch(() => '');
  return /^name = "(.*)"$/m.exec(text)?.[1];
}

async function markIn(path: string): Promise<string | undefined> {
  if (
    !(await access(path).then(
      () => true,
      () => false,
    ))
  )
    return undefined;
  const journal = new StateDb(path);
  try {
    return journal.getMeta('mark');
  } finally {
    journal.close();
  }
}
