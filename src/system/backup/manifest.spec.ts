import { describe, expect, it } from '@jest/globals';
import { BackupManifest } from '../../contracts/backup.js';

describe('the manifest of a backup', () => {
  const of = (ref: string) => BackupManifest.shape.refs.safeParse([{ ref, hash: 'a'.repeat(40) }]).success;

  it.each([
    'refs/heads/main',
    'refs/nox/edits',
    'refs/stash',
    'refs/tags/v1.0_rc+2',
    'refs/heads/Feature/Ümlaut',
    'refs/remotes/origin/HEAD',
    'refs/notes/commits',
  ])('names %s, which somebody has made by hand', (ref) => {
    expect(of(ref)).toBe(true);
  });

  it.each(['HEAD', 'refs/', 'refs/a b', 'refs/a\ndelete refs/heads/main', 'refs/../config', 'refs/a//b', 'refs/a\0'])(
    'refuses %j',
    (ref) => {
      expect(of(ref)).toBe(false);
    },
  );
});
