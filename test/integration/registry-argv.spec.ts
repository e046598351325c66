import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { PINNED_CONFIG } from '../../src/registry/git/git-process.js';
import { RegistryService } from '../../src/registry/registry.service.js';
import { ADMIN, agentConfig, Kit, TEMPLATE } from './registry-kit.js';

const TOKEN = ['ghp', 'planted1111'.repeat(4)].join('_');
/** What Nox runs of git; a new command is a decision, not an accident. */
const COMMANDS = new Set([
  'bundle',
  'cat-file',
  'commit-graph',
  'count-objects',
  'diff',
  'for-each-ref',
  'fsck',
  'hash-object',
  'init',
  'log',
  'ls-tree',
  'merge-base',
  'mktag',
  'pack-objects',
  'prune-packed',
  'push',
  'read-tree',
  'repack',
  'rev-list',
  'rev-parse',
  'status',
  'update-ref',
]);
/** Words that a person chooses, as such: none may be taken for an option or a command. */
const WORDS = { name: '--output=pwned', prompt: '--upload-pack=touch pwned', note: '--exec=pwned' };

let kit: Kit;
let notes: string;
const path = process.env['PATH'];

/** Puts a program in the place of git that notes its arguments, environment and configuration, and then is git. */
beforeEach(async () => {
  kit = await Kit.make();
  notes = join(kit.base, 'notes');
  const bin = join(kit.base, 'bin');
  mkdirSync(notes);
  mkdirSync(bin);
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  const shim = join(bin, 'git');
  writeFileSync(
    shim,
    `#!/bin/sh
note=$(mktemp "${notes}/XXXXXXXX")
printf '%s\\0' "$@" > "$note.argv"
cat /proc/$$/environ > "$note.env" 2>/dev/null || env -0 > "$note.env"
exec "${real}" "$@"
`,
  );
  chmodSync(shim, 0o755);
  process.env['PATH'] = `${bin}${delimiter}${path ?? ''}`;
});
afterEach(async () => {
  process.env['PATH'] = path;
  await kit.remove();
});

const wordsOf = (name: string): string[] => readFileSync(join(notes, name), 'utf8').split('\0').slice(0, -1);

it('git is run with arguments of its own making only, and meets a token in one variable of one push', async () => {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/nox.git`;
  const registry = await RegistryService.open({
    path: kit.root,
    template_path: TEMPLATE,
    clock: kit.clock,
    secret: () => Promise.resolve(TOKEN),
    bundle: join(kit.base, 'registry.bundle'),
  });
  try {
    await registry.createAgent('lead', agentConfig({ name: WORDS.name, system_prompt: WORDS.prompt }), ADMIN);
    await registry.updateAgent('lead', { model: 'm' }, ADMIN);
    await registry.branches.create({ name: 'try' }, ADMIN);
    await registry.branches.tag({ name: 'good', message: WORDS.note }, ADMIN);
    const { commits } = await registry.history({ agent: 'lead' });
    await registry.diff({ from: commits.at(-1)?.hash, to: commits[0]?.hash });
    await registry.rollback({ last: true, confirm: true }, ADMIN);
    await registry.branches.switch('try', { confirm: true }, ADMIN);
    await registry.branches.merge('main', { confirm: true, prefer: 'ours' }, ADMIN);
    await registry.care.verify();
    await registry.care.gc({ dry_run: false });
    await registry.setRemote({ url, token: 'env:GIT_TOKEN', user: 'person' }, ADMIN);
    expect(await registry.remote.push()).toMatchObject({ state: 'failed' });
    for (const bad of ['--output=pwned', '-h', '@{-1}', 'a..b', ':/x', 'refs/heads/main:secret', '../../x', 'a\0b']) {
      for (const work of [
        () => registry.branches.create({ name: bad }, ADMIN),
        () => registry.branches.create({ name: 'fine', from: bad }, ADMIN),
        () => registry.branches.switch(bad, { confirm: true }, ADMIN),
        () => registry.branches.tag({ name: bad }, ADMIN),
        () => registry.branches.delete(bad, true, ADMIN),
        () => registry.commit(bad),
        () => registry.rollback({ commit_hash: bad, confirm: true }, ADMIN),
        () => registry.diff({ from: bad }),
        () => registry.updateAgent(bad, { model: 'x' }, ADMIN),
      ])
        await expect(work()).rejects.toMatchObject({ code: expect.stringMatching(/VALIDATION|NOT_FOUND/) });
    }
  } finally {
    await registry.close();
    server.closeAllConnections();
    server.close();
  }

  // The login was really tried.
  expect(seen).toContain(`Basic ${Buffer.from(`person:${TOKEN}`).toString('base64')}`);
  const argvs = readdirSync(notes).filter((name) => name.endsWith('.argv'));
  const used = new Set<string>();
  let pushes = 0;
  for (const name of argvs) {
    const words = wordsOf(name);
    const rest = [...words];
    const settings: string[] = [];
    while (rest[0] === '-c') settings.push(...rest.splice(0, 2).slice(1));
    const [command = ''] = rest;
    used.add(command);
    expect(settings).toEqual(expect.arrayContaining([...PINNED_CONFIG]));
    const all = words.join('\n');
    expect(all).not.toContain(TOKEN);
    expect(all).not.toContain('pwned');
    const push = command === 'push';
    pushes += Number(push);
    const env = wordsOf(name.replace(/argv$/, 'env'));
    const holding = env.filter((word) => word.includes(TOKEN)).map((word) => word.split('=', 1)[0]);
    expect({ command, holding }).toEqual({ command, holding: push ? ['NOX_GIT_TOKEN'] : [] });
    expect(env.filter((word) => word.includes('pwned'))).toEqual([]);
  }
  expect(pushes).toBeGreaterThan(0);
  expect([...used].filter((command) => !COMMANDS.has(command))).toEqual([]);
  expect(used.size).toBeGreaterThan(8);
  // Neither in git's configuration nor anywhere else in the folder.
  const names = readdirSync(kit.root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const entry of names)
    expect({ file: entry.name, holds: readFileSync(join(entry.parentPath, entry.name)).includes(TOKEN) }).toEqual({
      file: entry.name,
      holds: false,
    });
  expect(readdirSync(kit.root)).not.toContain('pwned');
});
