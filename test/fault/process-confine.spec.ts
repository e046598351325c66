import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { controlsOf } from '../../src/agents/process/controls.js';
import { createProcessHost } from '../../src/agents/process/native-process-host.js';
import type { ConfineMode, ExitFacts } from '../../src/agents/process/process-host.js';

interface Told {
  readonly confinement: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: ExitFacts;
}

const host = createProcessHost();
await host.ready();
const inNamespace = host.confinement() === 'pid-namespace' ? describe : describe.skip;
const is_root = process.geteuid?.() === 0;
const NOBODY = 65_534;
const CONFINED = join(process.cwd(), 'test/fixtures/trees/confined.mjs');
const run = promisify(execFile);

const program = mkdtempSync(join(tmpdir(), 'nox-confine-'));
const bundle = join(program, 'process-host.mjs');
beforeAll(async () => {
  chmodSync(program, 0o755);
  const entryPoints = [join(process.cwd(), 'src/agents/process/native-process-host.ts')];
  await build({ entryPoints, bundle: true, platform: 'node', format: 'esm', outfile: bundle });
});
afterAll(() => rmSync(program, { recursive: true }));

/** A folder as Nox has it, with a repository as workspace, and somebody who runs Nox there. */
class World {
  readonly base: string;
  readonly env: Record<string, string>;

  constructor(
    readonly uid: number | undefined,
    parent = tmpdir(),
  ) {
    this.base = mkdtempSync(join(parent, 'nox-world '));
    for (const folder of ['.nox', '.nox-registry', 'home/.config/nox', 'claude', 'ws']) {
      mkdirSync(join(this.base, folder), { recursive: true });
    }
    writeFileSync(this.at('.nox/jwt-secret'), 'the secret');
    writeFileSync(this.at('.nox-registry/approval-policy.toml'), 'policy');
    writeFileSync(this.at('home/.config/nox/credentials.json'), 'the login');
    writeFileSync(this.at('claude/settings.json'), '{}');
    execFileSync('git', ['init', '-q', this.at('ws')]);
    if (uid !== undefined) execFileSync('chown', ['-R', `${uid}:${uid}`, this.base]);
    this.env = {
      PATH: process.env['PATH'] ?? '',
      HOME: this.at('home'),
      CLAUDE_CONFIG_DIR: this.at('claude'),
      GIT_CONFIG_NOSYSTEM: '1',
      ...Object.fromEntries(['AUTHOR', 'COMMITTER'].map((who) => [`GIT_${who}_NAME`, 'a'])),
      ...Object.fromEntries(['AUTHOR', 'COMMITTER'].map((who) => [`GIT_${who}_EMAIL`, 'a@example.org'])),
      BASE: this.base,
      NOX: '@NOX@',
    };
  }

  at(path: string): string {
    return join(this.base, path);
  }

  /** Runs a shell script as an agent of this Nox. */
  async agent(script: string, mode: ConfineMode = 'auto', rung = ''): Promise<Told> {
    const cwd = this.at('ws');
    const { env } = this;
    const [home, registry] = [this.at('.nox'), this.at('.nox-registry')];
    const confine = await controlsOf({ mode, home, registry, nox_env: env, env, cwd });
    const request = JSON.stringify({ run_id: 'run_confined', argv: ['/bin/sh', '-c', script], cwd, env, confine });
    const { stdout } = await run(process.execPath, [CONFINED, bundle, rung, request], {
      cwd: '/',
      ...(this.uid === undefined ? {} : { uid: this.uid, gid: this.uid }),
    });
    return JSON.parse(stdout) as Told;
  }

  /** Everything in it, by path. */
  content(): Record<string, string> {
    const entries = readdirSync(this.base, { recursive: true, withFileTypes: true });
    return Object.fromEntries(
      entries.map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(this.base.length), entry.isFile() ? readFileSync(path, 'utf8') : 'folder'];
      }),
    );
  }

  remove(): void {
    rmSync(this.base, { recursive: true, force: true });
  }
}

/** What an agent must not be able to do. Each line ends well only if it got what it wanted. */
const ATTACKS: Record<string, string> = {
  'read the secrets': 'cat "$BASE/.nox/jwt-secret"',
  'see that there are secrets': '[ -n "$(ls -A "$BASE/.nox")" ]',
  'put something among the secrets': 'echo x > "$BASE/.nox/x"',
  'read the logins of the operator': 'cat "$HOME/.config/nox/credentials.json"',
  'change the policy': 'echo x > "$BASE/.nox-registry/approval-policy.toml"',
  'change the policy by a hard link': 'ln "$BASE/.nox-registry/approval-policy.toml" p && echo x > p',
  'remove the policy': 'rm -f "$BASE/.nox-registry/approval-policy.toml"',
  'add an agent to the registry': 'mkdir "$BASE/.nox-registry/agents"',
  'put another registry in its place': 'mv "$BASE/.nox-registry" "$BASE/away"',
  'put another folder in the place of all': 'mv "$BASE" "$BASE.away"',
  'unmount what hides': 'umount "$BASE/.nox"',
  'unmount it lazily': 'umount -l "$BASE/.nox"',
  'mount the registry for writing': 'mount -o remount,rw "$BASE/.nox-registry"',
  'mount it for writing by its bind': 'mount -o remount,bind,rw "$BASE/.nox-registry"',
  'move the mount away': 'mkdir m; mount --move "$BASE/.nox" m',
  'bind the folder elsewhere': 'mkdir m; mount --bind "$BASE" m',
  'enter the namespaces of pid 1': 'nsenter -t 1 -m -p cat "$BASE/.nox/jwt-secret"',
  'enter the namespaces of Nox': 'nsenter -t "$NOX" -m cat "$BASE/.nox/jwt-secret"',
  'go by the root of pid 1': 'cat "/proc/1/root$BASE/.nox/jwt-secret"',
  'go by the folder of pid 1': 'cat /proc/1/cwd/../.nox/jwt-secret',
  'unmount in a user namespace': 'unshare --user --map-root-user --mount umount "$BASE/.nox"',
  'remount in a user namespace':
    'unshare --user --map-root-user --mount mount -o remount,bind,rw "$BASE/.nox-registry"',
  'go below the mounts in a user namespace':
    'unshare --user --map-root-user --mount sh -c \'mkdir -p m && mount --bind "$BASE" m && cat m/.nox/jwt-secret\'',
  'kill Nox': 'kill -9 "$NOX"',
  'see Nox': 'ls -d "/proc/$NOX"',
  'read the environment of Nox': 'cat "/proc/$NOX/environ"',
  'make settings for Claude': 'echo {} > .claude/settings.json',
  'make a folder of settings': 'mkdir .claude',
  'put settings in their place': 'mv .claude c; mkdir .claude && echo {} > .claude/settings.json',
  'remove the place of settings': 'rmdir .claude',
  'make a list of tool servers': 'echo {} > .mcp.json',
  'move a list of tool servers in': 'echo {} > m; mv -T m .mcp.json',
  'change the settings of the CLI': 'echo x > "$CLAUDE_CONFIG_DIR/settings.json"',
  'make a hook of git': 'echo x > .git/hooks/pre-commit',
  'change the settings of git': 'git config core.fsmonitor /bin/false',
  'change them by hand': 'echo x >> .git/config',
  'put another repository in its place': 'mv .git g',
};

/** What only root might try: by file permissions alone it may. */
const ATTACKS_OF_ROOT: Record<string, string> = {
  'have the kernel start something': 'cat /proc/sys/kernel/core_pattern > /proc/sys/kernel/core_pattern',
  'use the keys of the kernel': 'echo h > /proc/sysrq-trigger',
  'leave its cgroup': '[ -n "$(ls -A /sys/fs/cgroup)" ]',
  'read raw disks': 'for d in /sys/class/block/*; do [ -b "/dev/${d##*/}" ] && exit 0; done; false',
  'make a disk anew': 'mknod d b "$(cut -d: -f1 /sys/class/block/*/dev | head -1)" 0',
};

const WORK = `
set -e
pwd > where; touch made "$BASE/elsewhere"; mkdir -p sub; mv made sub/moved
cat "$BASE/.nox-registry/approval-policy.toml"
git add sub where; git commit -qm one; git checkout -q -b other; git log --oneline | wc -l
node -e 'require("child_process").execSync("true"); console.log("node")'
npm --version > /dev/null
id -u
`;

inNamespace.each([
  { who: 'the user who runs Nox', uid: undefined },
  ...(is_root ? [{ who: 'an ordinary user', uid: NOBODY }] : []),
])('an agent of $who', ({ uid }) => {
  let world: World;
  let rung: string;
  beforeEach(async () => {
    world = new World(uid);
    rung = (await world.agent('true')).confinement;
  });
  afterEach(() => world.remove());

  const as_root = is_root && uid === undefined;
  const attacks = Object.entries({ ...ATTACKS, ...(as_root ? ATTACKS_OF_ROOT : {}) });

  it('tries out every way to the controls, and none leads there', async () => {
    // Where an ordinary user may have no namespaces, that is said, and nothing is promised.
    if (uid !== undefined && rung !== 'pid-namespace') return;
    expect(rung).toBe('pid-namespace');
    const before = world.content();
    const succeeded: string[] = [];
    for (const [name, script] of attacks) {
      const told = await world.agent(`${script}; status=$?; rm -rf m p 2>/dev/null; exit $status`);
      if (told.exit.exit_code === 0 || told.stdout.includes('the secret')) succeeded.push(name);
      expect([name, world.content()]).toEqual([name, before]);
    }
    expect(succeeded).toEqual([]);
  });

  it('would succeed without confinement: the ways are real', async () => {
    const harmless = ['read the secrets', 'read the logins of the operator', 'see Nox', 'make a hook of git'];
    for (const name of [...harmless, 'change the policy', 'put another repository in its place']) {
      const told = await world.agent(ATTACKS[name] ?? '', 'off', uid === undefined ? '' : 'process-group');
      expect([name, told.exit.exit_code]).toEqual([name, 0]);
      expect(told.confinement).not.toBe('pid-namespace');
    }
  });

  it('works in its workspace as ever', async () => {
    const told = await world.agent(WORK);
    expect(told.stderr).toBe('');
    expect(told.stdout).toBe(`policy1\nnode\n${process.geteuid?.() === 0 ? (uid ?? 0) : process.geteuid?.()}\n`);
    expect(readFileSync(world.at('ws/where'), 'utf8')).toBe(`${world.at('ws')}\n`);
    expect(existsSync(world.at('ws/sub/moved'))).toBe(true);
  });

  it('does not see a login that the operator makes only later', async () => {
    rmSync(world.at('home/.config'), { recursive: true });
    const told = await world.agent('ls -d "$HOME/.config/nox"; mkdir "$HOME/.config/nox/x"');
    expect(told.stdout).toBe(`${world.at('home/.config/nox')}\n`);
    expect([told.exit.exit_code, readdirSync(world.at('home/.config/nox'))]).toEqual([1, []]);
  });

  it('leaves no trace of what was sealed', async () => {
    await world.agent('ls -d .claude .mcp.json');
    expect(readdirSync(world.at('ws'))).toEqual(['.git']);
  });
});

inNamespace('the folder /tmp', () => {
  // Whoever has put Nox itself below /tmp shares it with the agents: they need its programs.
  const apart = process.cwd().startsWith('/tmp/') ? it.skip : it;
  apart('is the own one of an agent that does not work below it (unless Nox lies there)', async () => {
    const world = new World(undefined, '/var/tmp');
    try {
      const canary = join('/tmp', `nox-canary-${process.pid}`);
      world.env['CANARY'] = canary.slice('/tmp/'.length);
      const { stdout } = await world.agent('ls -A "/${NONE}tmp"; cd "/${NONE}tmp" && touch "$CANARY" && ls');
      expect(stdout).toBe(`${canary.slice('/tmp/'.length)}\n`);
      expect(existsSync(canary)).toBe(false);
    } finally {
      world.remove();
    }
  });
});

describe('where confinement is required and not to be had', () => {
  it('refuses to start, and says why', async () => {
    const poor = createProcessHost({ rung: 'process-group' });
    const confine = { mode: 'require', hidden: [], read_only: [], sealed: [] } as const;
    const started = poor.spawn({ run_id: 'run_required', argv: ['/bin/true'], cwd: '/', env: {}, confine });
    await expect(started).rejects.toMatchObject({
      code: 'ENOTSUP',
      message: expect.stringContaining('agents.confine'),
    });
  });
});
