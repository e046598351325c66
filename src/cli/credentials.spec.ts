import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { credentialsPath, CredentialStore, type Login, loginOf } from './credentials.js';

const URL_A = 'http://127.0.0.1:3000';
const loginNo = (n: number): Login => ({
  username: 'admin',
  role: 'admin',
  access_token: `access-${n}`,
  refresh_token: `refresh-${n}`,
  expires_at: '2026-11-21T12:00:00.000Z',
});

describe(CredentialStore.name, () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nox-credentials-'));
    path = credentialsPath({ XDG_CONFIG_HOME: folder }, '/nowhere');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps logins by server, for its owner only, and leaves no lock behind', async () => {
    const store = new CredentialStore(path);
    expect(await store.get(URL_A)).toBeUndefined();
    await store.set(URL_A, loginNo(1));
    await store.set('http://box', loginNo(2));
    await store.set(URL_A, undefined);
    expect(await store.get(URL_A)).toBeUndefined();
    expect(await store.get('http://box')).toEqual(loginNo(2));
    expect(await store.get('toString')).toBeUndefined();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
    expect(await readdir(dirname(path))).toEqual(['credentials.json']);
  });

  it('narrows the mode of a file that was open to others', async () => {
    const store = new CredentialStore(path);
    await store.set(URL_A, loginNo(1));
    await writeFile(path, JSON.stringify({ schema_version: 1, servers: {} }));
    await import('node:fs/promises').then(({ chmod }) => chmod(path, 0o644));
    await store.set(URL_A, loginNo(2));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('uses a refresh token once, however many ask', async () => {
    await new CredentialStore(path).set(URL_A, loginNo(1));
    const used: string[] = [];
    const renew = () =>
      new CredentialStore(path).renew(URL_A, 'access-1', (refresh_token) => {
        used.push(refresh_token);
        return Promise.resolve(loginNo(2));
      });
    const renewed = await Promise.all([renew(), renew(), renew(), renew()]);
    expect(used).toEqual(['refresh-1']);
    expect(renewed.map((login) => login?.access_token)).toEqual(Array(4).fill('access-2'));
  });

  it('forgets a login that has ended, and keeps it when the exchange failed', async () => {
    const store = new CredentialStore(path);
    await store.set(URL_A, loginNo(1));
    const failing = store.renew(URL_A, 'access-1', () => Promise.reject(new Error('network')));
    await expect(failing).rejects.toThrow('network');
    expect(await store.get(URL_A)).toEqual(loginNo(1));
    expect(await store.renew(URL_A, 'access-1', () => Promise.resolve(undefined))).toBeUndefined();
    expect(await store.get(URL_A)).toBeUndefined();
  });

  it('takes over the lock of a command that was killed', async () => {
    const store = new CredentialStore(path);
    await store.set(URL_A, loginNo(1));
    await writeFile(`${path}.lock`, '');
    await utimes(`${path}.lock`, new Date(0), new Date(0));
    await store.set(URL_A, loginNo(2));
    expect(await store.get(URL_A)).toEqual(loginNo(2));
  });

  it('says that a damaged file must be removed', async () => {
    const store = new CredentialStore(path);
    await store.set(URL_A, loginNo(1));
    await writeFile(path, '{"schema_version":1,"servers":{"x":{}}}');
    await expect(store.get(URL_A)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });
});

describe(credentialsPath.name, () => {
  it('follows XDG_CONFIG_HOME when that is absolute', () => {
    expect(credentialsPath({ XDG_CONFIG_HOME: '/x' }, '/home/me')).toBe('/x/nox/credentials.json');
    expect(credentialsPath({ XDG_CONFIG_HOME: 'x' }, '/home/me')).toBe('/home/me/.config/nox/credentials.json');
    expect(credentialsPath({}, '/home/me')).toBe('/home/me/.config/nox/credentials.json');
  });
});

describe(loginOf.name, () => {
  it('knows when the token ends', () => {
    const user = { username: 'admin', role: 'admin' as const };
    const reply = { access_token: 'a', token_type: 'Bearer' as const, expires_in: 600, refresh_token: 'r', user };
    expect(loginOf(reply, 0).expires_at).toBe('1970-01-01T00:10:00.000Z');
  });
});
