import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RemoteStatus } from '../../src/contracts/registry.js';
import { type RegistryNews, RegistryService } from '../../src/registry/registry.service.js';
import { canMount } from '../fault/fault-support.js';
import { eventually } from '../support/wait.js';
import { ADMIN, agentConfig, Kit, TEMPLATE } from './registry-kit.js';

const TOKEN = ['ghp', 'planted0000'.repeat(4)].join('_');
let kit: Kit;
let registry: RegistryService;
let remote: string;
let news: RegistryNews[];
const servers: Server[] = [];

const git = (dir: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', '-C', dir, ...args], { encoding: 'utf8' }).trim();
const setModel = (model: string) => registry.updateAgent('lead', { model }, ADMIN);
const push = (): Promise<RemoteStatus> => registry.remote.push();
/** Writes go on as ever, and are in git. */
const writesGoOn = async (): Promise<void> => {
  for (const model of ['w1', 'w2', 'w3']) {
    const commit = await setModel(model);
    expect(await kit.git('rev-parse', 'HEAD')).toBe(commit?.hash);
  }
};

const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/nox.git`;
};

beforeEach(async () => {
  kit = await Kit.make();
  registry = await RegistryService.open({
    path: kit.root,
    template_path: TEMPLATE,
    clock: kit.clock,
    secret: () => Promise.resolve(TOKEN),
  });
  news = [];
  registry.onNews((each) => news.push(each));
  remote = join(kit.base, 'remote.git');
  await mkdir(remote);
  git(remote, 'init', '-q', '--bare', '--initial-branch=main');
  await registry.createAgent('lead', agentConfig(), ADMIN);
  await registry.setRemote({ url: remote }, ADMIN);
});
afterEach(async () => {
  await registry.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await kit.remove();
});

describe('a backup on a remote', () => {
  it('holds intent, record and tags, and is pushed again when something is new', async () => {
    await registry.record.flush();
    await registry.branches.tag({ name: 'good' }, ADMIN);
    expect(await push()).toMatchObject({ state: 'ok', failures: 0, url: remote });
    for (const ref of ['main', 'record', 'good^{commit}']) {
      expect(git(remote, 'rev-parse', ref)).toBe(await kit.git('rev-parse', ref));
    }
    await setModel('two');
    registry.remote.start();
    kit.clock.advance(0);
    await eventually('the push', () => git(remote, 'rev-parse', 'main') === git(kit.root, 'rev-parse', 'main'));
    await setModel('three');
    await eventually('the next', () => {
      // More than once: the next push is planned when the last one is told of, which is after the remote has it.
      kit.clock.advance(61_000);
      return git(remote, 'rev-parse', 'main') === git(kit.root, 'rev-parse', 'main');
    });
  });

  it('is off without an address, and refuses one that git must not see', async () => {
    await registry.setRemote({ url: '' }, ADMIN);
    expect(await push()).toMatchObject({ state: 'off', url: null });
    for (const url of ['ext::sh -c x', '--receive-pack=x', 'https://me:pw123456@host/x']) {
      await expect(registry.setRemote({ url }, ADMIN)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    }
    await expect(registry.setRemote({ token: TOKEN }, ADMIN)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  });
});

describe('a remote that misbehaves', () => {
  it('advanced or rewritten: diverged, told once, never overwritten', async () => {
    await push();
    const work = join(kit.base, 'work');
    git(kit.base, 'clone', '-q', remote, work);
    git(work, 'commit', '-q', '--allow-empty', '-m', 'theirs');
    git(work, 'push', '-q');
    const theirs = git(remote, 'rev-parse', 'main');
    await setModel('two');
    expect(await push()).toMatchObject({ state: 'diverged', failures: 1, detail: expect.stringContaining('main') });
    await setModel('three');
    expect(await push()).toMatchObject({ state: 'diverged', failures: 2 });
    expect(git(remote, 'rev-parse', 'main')).toBe(theirs);
    expect(news.filter(({ type }) => type === 'registry.remote')).toHaveLength(2);
    git(work, 'commit', '-q', '--amend', '--allow-empty', '-m', 'rewritten');
    git(work, 'push', '-q', '--force');
    const rewritten = git(remote, 'rev-parse', 'main');
    expect(await push()).toMatchObject({ state: 'diverged' });
    expect(git(remote, 'rev-parse', 'main')).toBe(rewritten);
    await writesGoOn();
  });

  it('deleted, and there again', async () => {
    await push();
    await rm(remote, { recursive: true });
    await setModel('two');
    expect(await push()).toMatchObject({ state: 'failed' });
    await writesGoOn();
    await mkdir(remote);
    git(remote, 'init', '-q', '--bare');
    expect(await push()).toMatchObject({ state: 'ok', failures: 0 });
  });

  it('with a hook that rejects', async () => {
    await writeFile(join(remote, 'hooks', 'pre-receive'), '#!/bin/sh\necho no entry today >&2\nexit 1\n', {
      mode: 0o755,
    });
    expect(await push()).toMatchObject({ state: 'failed', detail: expect.stringContaining('hook declined') });
    await writesGoOn();
  });

  it('that hangs: writes go on meanwhile, the push ends with its time, and Nox can be closed', async () => {
    let asked = 0;
    const url = await serve(() => {
      asked += 1;
    });
    await registry.updateConfig({ git: { remote: url, push_timeout_s: 2 } }, ADMIN, 'set');
    const hanging = push();
    await eventually('the request', () => asked === 1);
    expect(registry.remote.status().state).toBe('pushing');
    await writesGoOn();
    expect(await hanging).toMatchObject({ state: 'failed', detail: expect.stringContaining('within 2 s') });
    await registry.updateConfig({ git: { push_timeout_s: 3600 } }, ADMIN, 'set');
    const again = push();
    await eventually('the next request', () => asked === 2);
    await registry.close();
    await again;
  });

  it('that refuses the login: the token is in its request and nowhere else', async () => {
    const logins: string[] = [];
    const url = await serve((request, reply) => {
      const { authorization } = request.headers;
      if (authorization !== undefined) logins.push(Buffer.from(authorization.slice(6), 'base64').toString());
      reply.writeHead(401, { 'WWW-Authenticate': 'Basic realm="nox"' }).end(`no ${TOKEN}`);
    });
    await registry.setRemote({ url, token: 'file:github', user: 'me' }, ADMIN);
    expect(await push()).toMatchObject({ state: 'failed', detail: expect.stringContaining('git.remote_token') });
    expect(logins).toContain(`me:${TOKEN}`);
    const config = execFileSync('cat', [join(kit.root, '.git/config'), join(kit.root, '.git/nox-askpass.sh')]);
    const seen = `${JSON.stringify([news, registry.remote.status(), await registry.status()])}${config.toString()}`;
    expect(seen).not.toContain(TOKEN);
    await writesGoOn();
  });

  (canMount() ? it : it.skip)('with a full disk', async () => {
    const full = join(kit.base, 'full');
    await mkdir(full);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k,mode=700', 'tmpfs', full]);
    try {
      git(full, 'init', '-q', '--bare', '--template=');
      for (let i = 0; i < 3; i += 1) {
        const text = Array.from({ length: 8000 }, (_, n) => `${(n * 7919 + i * 104_729) % 99_991}`).join(' ');
        await registry.updateAgent('lead', { system_prompt: text }, ADMIN);
      }
      await registry.setRemote({ url: full }, ADMIN);
      expect(await push()).toMatchObject({ state: 'failed' });
      await writesGoOn();
    } finally {
      execFileSync('umount', ['-l', full]);
    }
  });
});
