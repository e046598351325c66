import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JwtKeys } from './jwt-keys.js';

describe(JwtKeys.name, () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nox-keys-'));
    path = join(directory, 'jwt-secret');
  });
  afterEach(() => rm(directory, { recursive: true }));

  const modeOf = async () => (await stat(path)).mode & 0o777;

  it('makes a secret of 32 bytes that only its owner can read, and finds it again', async () => {
    const made = await JwtKeys.open(path);
    expect(made.current.secret).toHaveLength(32);
    expect(await modeOf()).toBe(0o600);
    expect((await JwtKeys.open(path)).current).toEqual(made.current);
  });

  it('takes the file away from others', async () => {
    await JwtKeys.open(path);
    await chmod(path, 0o644);
    await JwtKeys.open(path);
    expect(await modeOf()).toBe(0o600);
  });

  it('keeps the key before a rotation, not the one before that', async () => {
    const keys = await JwtKeys.open(path);
    const first = keys.current;
    await keys.rotate();
    const second = keys.current;
    expect(keys.find(first.kid)).toEqual(first);
    await keys.rotate();
    const again = await JwtKeys.open(path);
    expect(again.find(second.kid)).toEqual(second);
    expect(again.find(first.kid)).toBeUndefined();
    expect((await readFile(path, 'utf8')).trim().split('\n')).toHaveLength(2);
  });

  it.each(['', 'secret', 'short-kid AAAA', 'x y z'])('refuses a file with %p', async (text) => {
    await writeFile(path, text);
    await expect(JwtKeys.open(path)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });
});
