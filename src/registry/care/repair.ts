import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncPath, syncTree, writeFileAtomic } from '../../shared/atomic-file.js';
import { exists } from '../../shared/exists.js';
import { failpoint } from '../../shared/failpoint.js';
import { errnoOf, NoxError } from '../../shared/nox-error.js';
import { GitProcess } from '../git/git-process.js';
import { refsOf } from './bundle.js';
import { checkRepository } from './repository-check.js';

const TIMEOUT_MS = 10 * 60_000;
/**
 * What of git's folder is made anew; the rest is Nox's own, or says nothing about the content. HEAD last: without it git
 * itself takes half of this for no repository.
 */
const REPLACED = ['objects', 'refs', 'packed-refs', 'index', 'logs', 'config', 'shallow', 'HEAD'] as const;
/** The new repository while it is made, and when it is whole: then what is in its place is exchanged, after a crash too. */
const MAKING = 'nox-repair';
const WHOLE = 'nox-repaired';
/** In the whole one: what it has, and where the damaged parts go. */
const PLAN = 'nox-plan.json';

/** What a repair did. */
export interface Repaired {
  /** Where the damaged parts were put. */
  readonly damaged_folder: string;
  /** Refs with where they are now, and whether newer commits than the bundle's were saved. */
  readonly refs: readonly {
    readonly ref: string;
    readonly commit_hash: string;
    readonly from: 'bundle' | 'repository';
  }[];
}

interface Plan extends Repaired {
  readonly names: readonly string[];
}

/**
 * Makes a damaged repository whole: from the last good bundle, and with every newer commit that can still be read whole.
 * The damaged parts are put aside, never thrown away; the files in the folder stay as they are. INVALID_STATE when there
 * is no bundle, or none that is whole. Only for the owner of the registry, while nothing writes. A crash leaves the old
 * one, or one that the next start, or the next repair, brings to its end.
 */
export async function repairRepository(root: string, bundle: string, at: string): Promise<Repaired> {
  const resumed = await resumeRepair(root);
  if (resumed !== undefined) return resumed;
  const fresh = join(root, '.git', MAKING);
  await rm(fresh, { recursive: true, force: true });
  const tips = await unpack(root, fresh, bundle);
  const refs: Repaired['refs'][number][] = [];
  for (const ref of new Set([...tips.keys(), ...(await looseRefs(root))])) {
    const saved = await salvage(root, fresh, ref, tips.get(ref));
    const commit_hash = saved ?? tips.get(ref);
    if (commit_hash === undefined) continue;
    await gitIn(root, fresh).run(['update-ref', '--end-of-options', ref, commit_hash]);
    refs.push({ ref, commit_hash, from: saved === undefined ? 'bundle' : 'repository' });
  }
  const head = await readFile(join(root, '.git', 'HEAD'), 'utf8').catch(() => '');
  const branch = /^ref: (refs\/heads\/[a-z0-9-]+)\s*$/.exec(head)?.[1];
  const in_force = refs.some(({ ref }) => ref === branch) && branch !== undefined ? branch : 'refs/heads/main';
  await writeFileAtomic(join(fresh, 'HEAD'), `ref: ${in_force}\n`);
  const names = await readdir(fresh);
  const damaged_folder = join(root, '.git', `nox-damaged-${at.replace(/[^0-9TZ]/g, '')}`);
  const plan: Plan = { damaged_folder, refs, names };
  await writeFileAtomic(join(fresh, PLAN), JSON.stringify(plan));
  await syncTree(fresh);
  await rename(fresh, join(root, '.git', WHOLE));
  await failpoint('repair.unpacked');
  return exchange(root, plan);
}

/** Brings a repair to its end that a crash cut off when all was made. Undefined: there is none. */
export async function resumeRepair(root: string): Promise<Repaired | undefined> {
  try {
    const text = await readFile(join(root, '.git', WHOLE, PLAN), 'utf8');
    return await exchange(root, JSON.parse(text) as Plan);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The git of a repository that is being made inside the damaged one. */
function gitIn(root: string, git_dir: string): GitProcess {
  return new GitProcess(root, git_dir);
}

/** A new repository with all that the bundle has; answers its refs. */
async function unpack(root: string, fresh: string, bundle: string): Promise<Map<string, string>> {
  await mkdir(fresh, { recursive: true });
  const git = gitIn(root, fresh);
  try {
    await git.run(['init', '--quiet', '--initial-branch=main', '--template=']);
    const listed = await git.run(['bundle', 'unbundle', bundle], { timeout_ms: TIMEOUT_MS });
    const refs = refsOf(listed);
    if (refs.length === 0) throw new Error('it holds no refs');
    return new Map(refs.map(({ ref, hash }) => [ref, hash]));
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new NoxError('INVALID_STATE', `There is no whole bundle at ${bundle} to repair from: ${reason}`);
  }
}

/** Names of refs that the damaged repository has in files of their own. */
async function looseRefs(root: string): Promise<string[]> {
  const base = join(root, '.git', 'refs');
  const entries = await readdir(base, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && /^[a-z0-9/-]+$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(join(root, '.git').length + 1));
}

/** Brings over what a ref has beyond the bundle, if all of it can be read. Undefined: it cannot, or there is nothing. */
async function salvage(root: string, fresh: string, ref: string, tip: string | undefined): Promise<string | undefined> {
  const text = await readFile(join(root, '.git', ref), 'utf8').catch(() => '');
  const hash = text.trim();
  if (!/^[0-9a-f]{40}$/.test(hash) || hash === tip) return undefined;
  const git = gitIn(root, fresh);
  const env = { GIT_ALTERNATE_OBJECT_DIRECTORIES: join(root, '.git', 'objects') };
  const not = tip === undefined ? '' : `^${tip}\n`;
  try {
    if (tip !== undefined) await git.run(['merge-base', '--is-ancestor', '--end-of-options', tip, hash], { env });
    const pack = join(fresh, 'objects', 'pack', 'pack');
    // Reads each object and checks it by its name.
    const options = ['--revs', '--quiet', '--no-reuse-delta', '--no-reuse-object'] as const;
    await git.run(['pack-objects', ...options, pack], { env, input: `${hash}\n${not}`, timeout_ms: TIMEOUT_MS });
    await git.run(['fsck', '--strict', '--no-dangling', '--no-progress', '--end-of-options', hash], {
      timeout_ms: TIMEOUT_MS,
    });
    return hash;
  } catch {
    // Damaged: what is in the folder of it is taken up as an edit; the rest stays in the folder put aside.
    return undefined;
  }
}

/** Puts the new parts in place of the damaged ones, which go to a folder beside them. Said again, it goes on. */
async function exchange(root: string, { names, refs, damaged_folder: aside }: Plan): Promise<Repaired> {
  const git_dir = join(root, '.git');
  const fresh = join(git_dir, WHOLE);
  await mkdir(aside, { recursive: true });
  for (const name of REPLACED) {
    const done = names.includes(name) ? !(await exists(join(fresh, name))) : await exists(join(aside, name));
    if (done) continue;
    await move(join(git_dir, name), join(aside, name));
    await failpoint('repair.aside');
    await move(join(fresh, name), join(git_dir, name));
  }
  await syncPath(git_dir);
  await failpoint('repair.placed');
  const git = new GitProcess(root);
  await git.run(['read-tree', '--reset', 'HEAD']);
  await rm(fresh, { recursive: true });
  const left = await checkRepository(git);
  if (left.length > 0) throw new NoxError('REGISTRY_DAMAGED', `The repair did not work: ${left.join('; ')}`);
  return { damaged_folder: aside, refs };
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
