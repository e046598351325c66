import { accessSync, constants, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../shared/nox-error.js';
import { parseMountinfo } from './mount-plan.js';

const POLL_MS = 2;
const WAIT_MS = 10_000;
const GONE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENODEV']);

/** A program that first enters a cgroup ($0) and then becomes the wanted one. */
const ENTER = 'echo 0 > "$0" && exec "$@"';

/** Where runs get cgroups (v2) of their own, below the one Nox itself is in. */
export class Cgroups {
  private constructor(private readonly base: string) {}

  /** Tries out whether one can be made and killed here; null when not. */
  static detect(): Cgroups | null {
    if (process.platform !== 'linux') return null;
    try {
      const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
      const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .filter((line) => line.includes(' - cgroup2 '));
      const [mount] = parseMountinfo(mounts.join('\n'));
      if (own === undefined || mount === undefined) return null;
      const base = join(mount.path, own);
      // Moving a process needs the right to write here too, not only below.
      accessSync(join(base, 'cgroup.procs'), constants.W_OK);
      const cgroups = new Cgroups(base);
      const trial = cgroups.make(`try-${process.pid}`);
      try {
        trial.kill();
      } finally {
        trial.remove();
      }
      return cgroups;
    } catch {
      // Whatever it is that does not work: this rung is not to be had, and the one below is said to be in use.
      return null;
    }
  }

  make(run_id: string): Cgroup {
    const cgroup = this.of(run_id);
    mkdirSync(cgroup.path);
    return cgroup;
  }

  /** That of a run, whether it exists or not. */
  of(run_id: string): Cgroup {
    return new Cgroup(join(this.base, `nox-${Buffer.from(run_id).toString('base64url')}`));
  }
}

/** The cgroup of one run: whatever the run starts is born in it. */
export class Cgroup {
  constructor(readonly path: string) {}

  /** The argument vector that enters it first; the pid stays the same. */
  enter(argv: readonly string[]): [string, ...string[]] {
    return ['/bin/sh', '-c', ENTER, join(this.path, 'cgroup.procs'), ...argv];
  }

  /** Who is in it; empty when it is gone. */
  pids(): number[] {
    return (
      unlessGone(() => readFileSync(join(this.path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)) ??
      []
    );
  }

  /** SIGKILL to all in it, by the kernel: nothing that is forked meanwhile escapes. */
  kill(): void {
    unlessGone(() => writeFileSync(join(this.path, 'cgroup.kill'), '1', { flag: 'r+' }));
  }

  /** Kills, waits until nobody is in it, and removes it. Answers whether anybody was there. */
  async end(): Promise<boolean> {
    const had_members = this.pids().length > 0;
    const give_up = performance.now() + WAIT_MS;
    do {
      this.kill();
      if (this.pids().length === 0 && this.remove()) break;
      await sleep(POLL_MS);
    } while (performance.now() < give_up);
    return had_members;
  }

  /** False while somebody is in it. */
  remove(): boolean {
    try {
      unlessGone(() => rmdirSync(this.path));
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EBUSY') return false;
      throw error;
    }
  }
}

function unlessGone<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (GONE.has(errnoOf(error))) return null;
    throw error;
  }
}
