/** What is done to one path inside a run's mount namespace. */
export interface PlannedMount {
  readonly path: string;
  /**
   * `hide`: an empty read-only folder over it. `own`: an empty folder of the run's own. `tmp`: the same for /tmp. `lock`: it
   * and all below read-only. `pin`: it cannot be renamed, so that nothing else can be put at its place. `blank`: /dev/null over it.
   */
  readonly kind: 'hide' | 'own' | 'tmp' | 'lock' | 'pin' | 'blank';
}

/** One line of /proc/self/mountinfo, as far as it matters. */
export interface MountPoint {
  readonly path: string;
  /** Those of nosuid, nodev, noexec that are set: in a user namespace they may not be taken off. */
  readonly flags: readonly string[];
}

export interface MountPlan {
  /** For `mount -a`, as in fstab(5): one process mounts it all. */
  readonly table: string;
  /** Are mount points already and only become read-only: `mount -a` would pass them over. */
  readonly remounts: readonly { readonly path: string; readonly options: string }[];
}

const KEPT_FLAGS: ReadonlySet<string> = new Set(['nosuid', 'nodev', 'noexec']);
const HIDES_WHAT_IS_BELOW: ReadonlySet<PlannedMount['kind']> = new Set(['hide', 'own', 'tmp', 'blank']);

/** Whether a path is a folder or below it. */
export const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);

/** The folders above a path, without the root. */
export function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

export function parseMountinfo(text: string): MountPoint[] {
  return text.split('\n').flatMap((line) => {
    const [, , , , path, options] = line.split(' ');
    if (path === undefined || options === undefined) return [];
    const flags = options.split(',').filter((option) => KEPT_FLAGS.has(option));
    return [
      { path: path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))), flags },
    ];
  });
}

/**
 * Puts mounts in order, folders before what is in them; for one path the first kind counts, and what is below a covered
 * path is not there any more. `mounted` is what was mounted before. Paths are absolute, real, and exist.
 */
export function planMounts(wanted: readonly PlannedMount[], mounted: readonly MountPoint[]): MountPlan {
  const kinds = new Map<string, PlannedMount['kind']>();
  for (const { path, kind } of wanted) if (!kinds.has(path)) kinds.set(path, kind);
  const covered = [...kinds].filter(([, kind]) => HIDES_WHAT_IS_BELOW.has(kind)).map(([path]) => path);
  const order = [...kinds]
    .filter(([path]) => !covered.some((folder) => path !== folder && isBelow(path, folder)))
    .sort(([a], [b]) => (a < b ? -1 : 1));

  const lines: string[] = [];
  const remounts: { path: string; options: string }[] = [];
  for (const [path, kind] of order) {
    const is_mount_point = mounted.some((mount) => mount.path === path);
    const flags = flagsAt(path, mounted);
    if (kind === 'lock' && is_mount_point) remounts.push({ path, options: ['remount', 'bind', 'ro', ...flags].join() });
    // A mount point cannot be renamed as it is.
    else if (kind !== 'pin' || !is_mount_point) lines.push(LINES[kind](inTable(path), flags));
  }
  return { table: lines.map((line) => `${line}\n`).join(''), remounts };
}

function flagsAt(path: string, mounted: readonly MountPoint[]): readonly string[] {
  const over = mounted.filter((mount) => isBelow(path, mount.path));
  // Of several at the same place the last one is on top.
  return (
    over.reduce<MountPoint | undefined>(
      (best, mount) => (best === undefined || mount.path.length >= best.path.length ? mount : best),
      undefined,
    )?.flags ?? []
  );
}

/** One line of the table: what, where, how. `at` is the path as the table wants it. */
const LINES: Record<PlannedMount['kind'], (at: string, flags: readonly string[]) => string> = {
  hide: (at) => `nox ${at} tmpfs ro,nosuid,nodev,noexec,size=4k,mode=555 0 0`,
  own: (at) => `nox ${at} tmpfs nosuid,nodev,size=16m,mode=700 0 0`,
  tmp: (at) => `nox ${at} tmpfs nosuid,nodev,size=1g,mode=1777 0 0`,
  lock: (at, flags) => `${at} ${at} none ${['rbind', 'ro', ...flags].join()} 0 0`,
  pin: (at) => `${at} ${at} none rbind 0 0`,
  blank: (at) => `/dev/null ${at} none bind 0 0`,
};

const inTable = (path: string): string =>
  path.replace(/[\s\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
