/** Where a controller may be used: the folder of the cgroup that Nox itself is in. */
export interface OwnCgroups {
  /** Version 1: one hierarchy for each controller. */
  readonly v1: ReadonlyMap<string, string>;
  /** Version 2: one for all. */
  readonly v2: string | null;
}

/**
 * Reads /proc/self/cgroup and /proc/self/mountinfo. A hierarchy counts only where Nox is at the root of what it sees: a
 * cgroup below that was made by somebody else to hold Nox, and leaving or dividing it is not for Nox to do.
 */
export function ownCgroups(self_cgroup: string, mountinfo: string): OwnCgroups {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, path] = before.split(' ');
    const [type, , options] = after.split(' ');
    if (root === undefined || path === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
    return [{ root, path: unescaped(path), type, controllers: (options ?? '').split(',') }];
  });
  const v1 = new Map<string, string>();
  let v2: string | null = null;
  for (const line of self_cgroup.split('\n')) {
    const [, number, names, own] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (number === undefined || names === undefined || own === undefined) continue;
    if (number === '0') {
      v2 = mounts.find(({ type, root }) => type === 'cgroup2' && root === own)?.path ?? null;
      continue;
    }
    for (const name of names.split(',')) {
      const mount = mounts.find((m) => m.type === 'cgroup' && m.root === own && m.controllers.includes(name));
      if (mount !== undefined) v1.set(name, mount.path);
    }
  }
  return { v1, v2 };
}

/** Spaces and the like stand as `\040` there. */
const unescaped = (path: string): string =>
  path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
