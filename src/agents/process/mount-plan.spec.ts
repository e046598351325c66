import { describe, expect, it } from '@jest/globals';
import { foldersAbove, isBelow, parseMountinfo, planMounts } from './mount-plan.js';

const lines = (table: string): string[] => table.split('\n').filter(Boolean);
const ROOT = { path: '/', flags: [] };

describe('planMounts', () => {
  it('mounts folders before what is in them, each once', () => {
    const { table, remounts } = planMounts(
      [
        { path: '/w/.git/config', kind: 'lock' },
        { path: '/w/.git', kind: 'pin' },
        { path: '/w', kind: 'pin' },
        { path: '/w', kind: 'pin' },
      ],
      [ROOT],
    );
    expect(lines(table)).toEqual([
      '/w /w none rbind 0 0',
      '/w/.git /w/.git none rbind 0 0',
      '/w/.git/config /w/.git/config none rbind,ro 0 0',
    ]);
    expect(remounts).toEqual([]);
  });

  it('leaves out what is below something hidden, but not what only begins with its name', () => {
    const { table } = planMounts(
      [
        { path: '/w/.nox/registry', kind: 'lock' },
        { path: '/w/.nox-registry', kind: 'lock' },
        { path: '/w/.nox', kind: 'hide' },
      ],
      [ROOT],
    );
    expect(lines(table).map((line) => line.split(' ')[1])).toEqual(['/w/.nox', '/w/.nox-registry']);
  });

  it('remounts what is a mount point already, and pins it no further', () => {
    const mounted = [ROOT, { path: '/volume', flags: ['nosuid', 'nodev'] }];
    const plan = planMounts(
      [
        { path: '/volume', kind: 'lock' },
        { path: '/volume/a', kind: 'lock' },
      ],
      mounted,
    );
    expect(plan.remounts).toEqual([{ path: '/volume', options: 'remount,bind,ro,nosuid,nodev' }]);
    expect(lines(plan.table)).toEqual(['/volume/a /volume/a none rbind,ro,nosuid,nodev 0 0']);
    expect(planMounts([{ path: '/volume', kind: 'pin' }], mounted)).toEqual({ table: '', remounts: [] });
  });

  it('writes names as the table wants them', () => {
    const { table } = planMounts([{ path: '/a b\n#\\', kind: 'pin' }], [ROOT]);
    expect(table).toBe('/a\\040b\\012\\043\\134 /a\\040b\\012\\043\\134 none rbind 0 0\n');
  });
});

describe('mountinfo', () => {
  it('gives paths and flags', () => {
    const text =
      '87 69 0:42 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n90 67 254:0 /x /m\\0403 rw,relatime - ext4 /dev/vda rw\n';
    expect(parseMountinfo(text)).toEqual([
      { path: '/proc', flags: ['nosuid', 'nodev', 'noexec'] },
      { path: '/m 3', flags: [] },
    ]);
  });
});

describe('paths', () => {
  it('know what is below what', () => {
    expect(isBelow('/a/b', '/a')).toBe(true);
    expect(isBelow('/ab', '/a')).toBe(false);
    expect(isBelow('/ab', '/')).toBe(true);
    expect(foldersAbove('/a/b/c')).toEqual(['/a', '/a/b']);
    expect(foldersAbove('/a')).toEqual([]);
  });
});
