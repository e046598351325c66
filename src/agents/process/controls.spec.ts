import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlsOf } from './controls.js';

const controls = (cwd: string, env: Record<string, string> = { CLAUDE_CONFIG_DIR: '/c' }) =>
  controlsOf({ mode: 'auto', home: '/n/.nox', registry: '/n/registry', nox_env: { HOME: '/h' }, env, cwd });

describe('controlsOf', () => {
  let folder: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'nox-controls-')));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('hide secrets and logins, and lock what the tools of people would run', async () => {
    const config = ['/c/settings.json', '/c/settings.local.json'];
    expect(await controls(folder)).toEqual({
      mode: 'auto',
      hidden: ['/n/.nox', '/h/.config/nox'],
      read_only: ['/n/registry', ...config],
      sealed: [join(folder, '.claude'), join(folder, '.mcp.json')],
    });
  });

  it('reach the repository around the workspace', async () => {
    const workspace = join(folder, 'a', 'b');
    mkdirSync(workspace, { recursive: true });
    mkdirSync(join(folder, '.git'));
    const { read_only, sealed } = await controls(workspace);
    expect(read_only).toContain(join(folder, '.git', 'config'));
    expect(sealed).toEqual(
      expect.arrayContaining([
        join(folder, '.git', 'hooks'),
        join(folder, '.claude'),
        join(workspace, '.claude'),
        join(workspace, '.mcp.json'),
      ]),
    );
  });

  it('reach the repository of a linked working tree', async () => {
    const git = join(folder, 'main', '.git', 'worktrees', 'w');
    mkdirSync(git, { recursive: true });
    writeFileSync(join(git, 'commondir'), '../..\n');
    const workspace = join(folder, 'w');
    mkdirSync(workspace);
    writeFileSync(join(workspace, '.git'), `gitdir: ${git}\n`);
    const { read_only, sealed } = await controls(workspace);
    expect(read_only).toContain(join(folder, 'main', '.git', 'config'));
    expect(read_only).toContain(join(git, 'config.worktree'));
    expect(sealed).toContain(join(folder, 'main', '.git', 'hooks'));
  });

  it('leave the folder that the CLI itself needs', async () => {
    const { sealed, read_only } = await controls(folder, { HOME: folder });
    expect(sealed).toEqual([join(folder, '.mcp.json')]);
    expect(read_only).toContain(join(folder, '.claude', 'settings.json'));
  });
});
