import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ClaudeSearch, findClaude } from './find-claude.js';

const NOTHING: ClaudeSearch = { config_path: '', env_path: undefined, path: undefined };

describe(findClaude.name, () => {
  let dir: string;
  beforeEach(async () => {
    dir = await realpath(await mkdtemp(join(tmpdir(), 'nox-find-claude-')));
  });
  afterEach(() => rm(dir, { recursive: true }));

  /** A program that prints this version, or fails when there is none. */
  async function program(name: string, version: string | null, mode = 0o755): Promise<string> {
    const path = join(dir, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(
      path,
      version === null ? '#!/bin/sh\necho not installed >&2\nexit 1\n' : `#!/bin/sh\necho "${version} (Claude Code)"\n`,
    );
    await chmod(path, mode);
    return path;
  }
  const onPath = (...folders: string[]): string =>
    ['relative', ...folders.map((folder) => join(dir, folder))].join(':');

  it('prefers the configured path, then the one of the environment, then PATH, then the extras', async () => {
    const [config, env, path, extra] = await Promise.all([
      program('config', '3.0.1'),
      program('env', '3.0.2'),
      program('bin/claude', '3.0.3'),
      program('extra', '3.0.4'),
    ]);
    const all = { config_path: config, env_path: env, path: onPath('empty', 'bin'), extra: [extra] };
    await expect(findClaude(all)).resolves.toEqual({ path: config, version: '3.0.1', warning: null });
    await expect(findClaude({ ...all, config_path: '' })).resolves.toMatchObject({ path: env });
    await expect(findClaude({ ...all, config_path: '', env_path: undefined })).resolves.toMatchObject({ path });
    await expect(findClaude({ ...NOTHING, extra: [join(dir, 'none'), extra] })).resolves.toMatchObject({ path: extra });
  });

  it('does not hide a wrong setting behind what is on PATH', async () => {
    await program('bin/claude', '3.0.0');
    const search = { config_path: '', env_path: join(dir, 'typo'), path: onPath('bin') };
    await expect(findClaude(search)).rejects.toMatchObject({
      code: 'CLAUDE_CLI_UNAVAILABLE',
      message: expect.stringContaining(join(dir, 'typo')),
    });
  });

  it('finds a setting that is only a name on PATH', async () => {
    const path = await program('bin/my-claude', '3.0.0');
    await expect(findClaude({ ...NOTHING, env_path: 'my-claude', path: onPath('bin') })).resolves.toMatchObject({
      path,
    });
  });

  it('passes over folders, files that are not executable, and programs that fail', async () => {
    await mkdir(join(dir, 'a', 'claude'), { recursive: true });
    await program('b/claude', '3.0.0', 0o644);
    await program('c/claude', null);
    const path = await program('d/claude', '3.0.0');
    await expect(findClaude({ ...NOTHING, path: onPath('a', 'b', 'c', 'd') })).resolves.toMatchObject({ path });
  });

  it('resolves symlinks, and takes the binary of the platform where npm left a stub', async () => {
    const packages = 'node_modules/@anthropic-ai';
    const stub = await program(`${packages}/claude-code/bin/claude.exe`, null);
    await mkdir(join(dir, 'node_modules/.bin'));
    await symlink(stub, join(dir, 'node_modules/.bin/claude'));
    const binary = await program(`${packages}/claude-code-${process.platform}-${process.arch}/claude`, '3.0.0');
    const search = { ...NOTHING, config_path: join(dir, 'node_modules/.bin/claude') };
    await expect(findClaude(search)).resolves.toMatchObject({ path: binary });
  });

  it('warns of a version that it does not support, and of one that it cannot read', async () => {
    const old = await program('old', '1.0.0');
    const odd = await program('odd', 'no version');
    await expect(findClaude({ ...NOTHING, config_path: old })).resolves.toMatchObject({
      version: '1.0.0',
      warning: expect.stringContaining('older than Nox supports'),
    });
    await expect(findClaude({ ...NOTHING, config_path: odd })).resolves.toMatchObject({
      version: null,
      warning: expect.stringContaining('did not tell'),
    });
  });

  it('says how to install it, and what was tried', async () => {
    const broken = await program('bin/claude', null);
    await expect(findClaude({ ...NOTHING, path: onPath('bin') })).rejects.toMatchObject({
      code: 'CLAUDE_CLI_UNAVAILABLE',
      message: expect.stringContaining('npm install -g @anthropic-ai/claude-code'),
      details: { tried: [{ path: broken, problem: expect.any(String) }] },
    });
    await expect(findClaude(NOTHING)).rejects.toMatchObject({ code: 'CLAUDE_CLI_UNAVAILABLE', details: { tried: [] } });
  });
});
