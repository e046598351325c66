import { constants, existsSync } from 'node:fs';
import { access, mkdir, readFile, readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { foldersAbove, parseMountinfo, planMounts, type MountPlan, type PlannedMount } from './mount-plan.js';
import { errnoOf } from '../../shared/nox-error.js';
import type { SpawnRequest } from './process-host.js';

const TMP = '/tmp';
const NOT_OURS: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM', 'EROFS', 'EEXIST', 'ENOTDIR']);
const NAMES_TMP = /(?:^|[\s=:,'"])\/tmp(?:\/|$)/;

/** What root could otherwise use to get at the machine itself: its settings, its cgroups. */
const MACHINE: readonly PlannedMount[] = [
  { path: '/proc/sys', kind: 'lock' },
  { path: '/proc/sysrq-trigger', kind: 'lock' },
  { path: '/sys', kind: 'lock' },
  { path: '/sys/fs/cgroup', kind: 'hide' },
];

/** All mounts of one run, for what exists now. `as_root`: the program will be root of the machine, less its capabilities. */
export async function mountsOf(request: SpawnRequest, as_root: boolean): Promise<MountPlan> {
  const { hidden = [], read_only = [], sealed = [] } = request.confine ?? {};
  await makeFolders(hidden);
  const [private_folders, machine, hide, lock, mountinfo] = await Promise.all([
    privateFolders(request),
    as_root ? machineMounts() : [],
    realPaths(hidden),
    realPaths([...read_only, ...sealed]),
    readFile('/proc/self/mountinfo', 'utf8'),
  ]);
  const controls = [...hide, ...lock];
  return planMounts(
    [
      ...(needsTmp(request) ? [] : [{ path: TMP, kind: 'tmp' as const }]),
      ...hide.map((path) => ({ path, kind: 'hide' as const })),
      ...private_folders.map((path) => ({ path, kind: 'own' as const })),
      ...lock.map((path) => ({ path, kind: 'lock' as const })),
      ...machine,
      ...(await movable(controls)).map((path) => ({ path, kind: 'pin' as const })),
    ],
    parseMountinfo(mountinfo),
  );
}

/**
 * Whether the run works with something below the machine's /tmp (its folder, its program, what its arguments and
 * environment name), so that it cannot have one of its own.
 */
export function needsTmp({ argv, cwd, env }: Pick<SpawnRequest, 'argv' | 'cwd' | 'env'>): boolean {
  return [cwd, ...argv, ...Object.values(env)].some((text) => NAMES_TMP.test(text));
}

/**
 * Folders in which every Claude CLI leaves files named by its own pid: inside, each of them is the same small number, so
 * each run needs its own. Answers those that exist (they are made where that is harmless).
 */
async function privateFolders({ env }: SpawnRequest): Promise<string[]> {
  const home_config = env['HOME'] === undefined ? undefined : join(env['HOME'], '.claude');
  const config = env['CLAUDE_CONFIG_DIR'] ?? (home_config && existsSync(home_config) ? home_config : undefined);
  const wanted = ['/tmp/cc-socks', ...(config?.startsWith('/') ? [join(config, 'sessions')] : [])];
  // One that is not ours to make is not private, which costs the CLI's own list of sessions and nothing else.
  await makeFolders(wanted);
  return realPaths(wanted);
}

/** Makes missing folders as far as that is allowed: what came into them later would else be seen inside. */
async function makeFolders(folders: readonly string[]): Promise<void> {
  await Promise.all(
    folders.map((folder) =>
      mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
        if (!NOT_OURS.has(errnoOf(error))) throw error;
      }),
    ),
  );
}

/** Folders above these paths that somebody with our rights could move away, to put others in their place. */
async function movable(paths: readonly string[]): Promise<string[]> {
  const folders = [...new Set(paths.flatMap(foldersAbove))];
  const can_move = await Promise.all(
    folders.map((folder) =>
      access(dirname(folder), constants.W_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return folders.filter((_, index) => can_move[index]);
}

/** Raw disks hold every hidden file too. */
async function machineMounts(): Promise<PlannedMount[]> {
  const names = await readdir('/sys/class/block').catch(() => []);
  const disks = names.map((name) => ({ path: `/dev/${name.replaceAll('!', '/')}`, kind: 'blank' as const }));
  return [...MACHINE, ...disks].filter(({ path }) => existsSync(path));
}

/** Links resolved, what does not exist left out. */
async function realPaths(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map((path) => realpath(path).catch(() => undefined)));
  return found.filter((path) => path !== undefined);
}
