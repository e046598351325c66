import { describe, expect, it } from '@jest/globals';
import { ownCgroups } from './own-cgroups.js';

const V1_MOUNTS = `30 24 0:26 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
31 24 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
32 24 0:28 / /sys/fs/my\\040cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids
33 24 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;

describe('the cgroups that Nox may divide', () => {
  it('are those at whose root it is, by controller', () => {
    const { v1, v2 } = ownCgroups('9:cpu,cpuacct:/\n8:pids:/\n4:memory:/\n0::/\n', V1_MOUNTS);
    expect([...v1]).toEqual([
      ['cpu', '/sys/fs/cgroup/cpu'],
      ['cpuacct', '/sys/fs/cgroup/cpu'],
      ['pids', '/sys/fs/my cgroup/pids'],
      ['memory', '/sys/fs/cgroup/memory'],
    ]);
    expect(v2).toBe('/sys/fs/cgroup/unified');
  });

  it('are not those that somebody else made to hold it', () => {
    const { v1, v2 } = ownCgroups('9:cpu,cpuacct:/\n4:memory:/service/nox\n0::/user.slice/nox\n', V1_MOUNTS);
    expect([...v1.keys()]).toEqual(['cpu', 'cpuacct']);
    expect(v2).toBeNull();
  });

  it('are those of a container that sees only its own', () => {
    const mounts = '31 24 0:27 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n';
    expect([...ownCgroups('4:memory:/docker/abc\n', mounts).v1]).toEqual([['memory', '/sys/fs/cgroup/memory']]);
    expect([...ownCgroups('4:memory:/docker/abc/x\n', mounts).v1]).toEqual([]);
  });

  it('are none where nothing is mounted or known', () => {
    expect(ownCgroups('', '')).toEqual({ v1: new Map(), v2: null });
    expect(ownCgroups('4:memory:/\n', '')).toEqual({ v1: new Map(), v2: null });
  });
});
