import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { RegistryService } from '../../src/registry/registry.service.js';
import { ManualClock } from '../../src/shared/clock.js';
import { errnoOf } from '../../src/shared/nox-error.js';
import { ADMIN, TEMPLATE } from '../integration/registry-kit.js';
import type { Order } from '../integration/registry-writer.js';

const REPOSITORY = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** How the writing process ends. */
export interface Death {
  /** As in `NOX_FAILPOINTS`. */
  readonly failpoints?: string;
  /** Killed so long after it opened the registry, or after so many acknowledged commits. */
  readonly after_ms?: number;
  readonly after_acks?: number;
  /** Killed at once when what it said is enough. */
  readonly when?: (heard: readonly string[]) => boolean;
  /** Whether processes of git die with it; else they work on as orphans. */
  readonly with_git?: boolean;
  /** Processes of git alone are killed so long after that; the writer must go on. */
  readonly git_after_ms?: number;
}

/** Bundles the program that writes to a registry until it is killed. */
export async function buildWriter(folder: string): Promise<string> {
  const program = join(folder, 'writer.mjs');
  await build({
    entryPoints: [join(REPOSITORY, 'test/integration/registry-writer.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program,
    logLevel: 'error',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return program;
}

/** Lets it write until it dies; answers the commits that it said were acknowledged. */
export async function writeUntilDead(program: string, root: string, round: number, death: Death): Promise<string[]> {
  return new WarmWriter(program, root).writeUntilDead(round, death);
}

/** A writing process that has started and waits for its word: starting costs more than all that it then does. */
export class WarmWriter {
  /** All that it said. */
  readonly heard: string[] = [];
  private readonly child;

  constructor(program: string, root: string) {
    this.child = spawn(process.execPath, [program, root, TEMPLATE], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
    // It may be dead before it has read its word.
    this.child.stdin.on('error', () => undefined);
  }

  /** See `writeUntilDead`; with `one` it does that only. */
  async writeUntilDead(
    round: number,
    death: Death,
    one: Pick<Order, 'op' | 'now_ms' | 'labour'> = {},
  ): Promise<string[]> {
    const { child } = this;
    const ended = once(child, 'exit');
    const order: Order = { failpoints: death.failpoints ?? '', round, ...one };
    child.stdin.write(`${JSON.stringify(order)}\n`);
    const acknowledged: string[] = [];
    let armed = death.after_ms === undefined && death.when === undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      this.heard.push(line);
      if (line.startsWith('ack ')) acknowledged.push(line.slice(4));
      if (armed || acknowledged.length < (death.after_acks ?? 0) || death.when?.(this.heard) === false) continue;
      armed = true;
      const kill = (): void => {
        try {
          process.kill((death.with_git === true ? -1 : 1) * (child.pid ?? 0), 'SIGKILL');
        } catch (error) {
          // A failpoint was quicker.
          if (errnoOf(error) !== 'ESRCH') throw error;
        }
      };
      setTimeout(kill, death.after_ms);
      if (death.git_after_ms !== undefined) setTimeout(() => killGitOf(child.pid ?? 0), death.git_after_ms);
    }
    const [, signal] = (await ended) as [number | null, string | null];
    if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself (${String(signal)}), it was not killed`);
    return acknowledged;
  }

  /** Lets one go that is not needed. */
  dismiss(): void {
    this.child.kill('SIGKILL');
  }
}

/** Kills what of git runs in a process group. */
function killGitOf(group: number): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [, comm = '', pgrp] = /\((.*)\) \S+ \d+ (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      if (comm.startsWith('git') && Number(pgrp) === group) process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      // It has ended by itself.
      if (!['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) throw error;
    }
  }
}

/** What a git that was killed leaves in its folder, and nobody needs. */
const GIT_RUBBISH = /^\.git\/(objects\/(.*\/)?(tmp_|\.tmp-)|objects\/pack\/pack-.*\.keep$|refs\/nox\/prune$)/;

/**
 * What of RELIABILITY I1–I7 does not hold in a registry that was just opened after a crash; `commits` are those that must be
 * there, on `main` or, with `--all`, on any branch or merged.
 */
export async function brokenPromises(
  root: string,
  registry: RegistryService,
  commits: readonly string[],
  reach: 'main' | '--all' = 'main',
): Promise<string[]> {
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', ['-C', root, ...args], { maxBuffer: 1 << 28 })).stdout;
  const broken: string[] = [];
  const names = await readdir(root, { recursive: true });
  const [reachable, status, head] = await Promise.all([
    git('rev-list', reach),
    git('--no-optional-locks', 'status', '--porcelain'),
    git('show', 'HEAD:agents.toml', 'HEAD:system-config.toml'),
  ]);
  const there = new Set(reachable.split('\n'));
  for (const hash of commits) if (!there.has(hash)) broken.push(`I4: ${hash} was acknowledged and is gone`);
  const [agents, config] = await Promise.all([
    readFile(join(root, 'agents.toml'), 'utf8'),
    readFile(join(root, 'system-config.toml'), 'utf8'),
  ]);
  if (agents + config !== head) broken.push('I5: the folder is not what HEAD says');
  if (status !== '') broken.push(`I6: git status says ${status}`);
  const left = names.filter(
    (name) => (/\.lock$|\.nox-tmp-/.test(name) && !name.endsWith('nox.lock')) || GIT_RUBBISH.test(name),
  );
  if (left.length > 0) broken.push(`I3, I7: left behind: ${left.join(', ')}`);
  const { invalid } = await registry.status();
  if (invalid.length > 0) broken.push(`I1: ${invalid.map(({ message }) => message).join(', ')}`);
  return broken;
}

/** I2: what `git fsck --full --strict` has to say. */
export async function fsck(root: string): Promise<string> {
  try {
    const { stdout, stderr } = await run('git', ['-C', root, 'fsck', '--full', '--strict', '--no-dangling']);
    return (stdout + stderr).replace(/^(notice|Checking|dangling).*\n/gm, '');
  } catch (error) {
    return String(error);
  }
}

/**
 * Opens a registry that a loss of power left, and says what of I1–I7 does not hold or whether it does not work. An edit by
 * hand that waits for a person is rejected; `edits` counts those. One that was `torn` before it was taken up, too.
 */
export async function brokenAfterPower(
  path: string,
  commits: readonly string[],
  edits: { shown_as_edits: number },
  reach?: 'main' | '--all',
  torn = false,
): Promise<string[]> {
  try {
    const registry = await RegistryService.open({ path, template_path: TEMPLATE, clock: new ManualClock() });
    try {
      // A change that was not answered, of one file, whose note is lost: it cannot be told from an edit by hand, and waits
      // for a person like one where it needs that.
      const { edits: seen } = await registry.external.view();
      if (seen.some(({ state }) => state === 'held' || torn)) {
        const versions = seen.map(({ file, version }) => ({ file, version }));
        await registry.external.reject({ edits: versions, confirm: true }, ADMIN);
        edits.shown_as_edits += 1;
      }
      const broken = await brokenPromises(path, registry, commits, reach);
      const said = await fsck(path);
      if (said !== '') broken.push(`I2: git fsck says ${said}`);
      const port = registry.config().server.port + 1;
      const written = await registry.updateConfig({ server: { port } }, ADMIN, 'set port');
      if (written === null) broken.push('a write after it made no commit');
      return broken;
    } finally {
      await registry.close();
    }
  } catch (error) {
    return [`R1: does not open: ${error instanceof Error ? error.message : String(error)}`];
  }
}
