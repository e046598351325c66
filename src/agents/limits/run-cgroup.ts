import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResourceLimits } from '../../contracts/agent.js';
import { errnoOf } from '../../shared/nox-error.js';
import { childrenOf } from '../process/procfs.js';
import { STOP_AT_ONCE_ABOVE } from './decide-limits.js';
import { ownCgroups } from './own-cgroups.js';

export type MachineLimits = Pick<ResourceLimits, 'max_memory_mb'>;

/** What the kernel holds one run to, between the samples. */
export interface RunCgroup {
  readonly holds_cpu: boolean;
  setLimits(limits: MachineLimits): void;
  /** Percent of one core; null: as much as there is. Nothing happens where the processor is not held. */
  setCpu(percent: number | null): void;
  /** How many of its processes the kernel has killed for want of memory. */
  memoryKills(): number;
  /** Waits a little for the last process to go; what cannot be removed stays empty. */
  remove(): Promise<void>;
}

type Controller = 'memory' | 'cpu' | 'pids';
const CONTROLLERS: readonly Controller[] = ['memory', 'cpu', 'pids'];
const PARENT = 'nox';
const CPU_PERIOD_US = 100_000;
/** Against fork bombs: far more threads than any build needs. */
const MAX_TASKS = 4096;
const REMOVE_TRIES = 50;
const REMOVE_PAUSE_MS = 10;
const JUST_MADE_MS = 60_000;

/** The names that a version of cgroups has for the same things. */
interface Dialect {
  readonly memory: (bytes: number) => [file: string, text: string];
  readonly cpu: (quota_us: number | null) => [file: string, text: string];
  /** Holds a line `oom_kill N`. */
  readonly kills: string;
}

const DIALECTS = {
  v1: {
    memory: (bytes) => ['memory.limit_in_bytes', String(bytes)],
    cpu: (quota_us) => ['cpu.cfs_quota_us', String(quota_us ?? -1)],
    kills: 'memory.oom_control',
  },
  v2: {
    memory: (bytes) => ['memory.max', String(bytes)],
    cpu: (quota_us) => ['cpu.max', `${quota_us ?? 'max'} ${CPU_PERIOD_US}`],
    kills: 'memory.events',
  },
} as const satisfies Record<string, Dialect>;

/**
 * Gives each run a cgroup of its own, `nox/<run_id>`, with those controllers that may be used here: the memory it may use
 * and how many tasks it may have are held by the kernel too, and a throttle is a quota. Where none is to be had every
 * answer is null, and limits are what the samples say.
 */
export class RunCgroups {
  private constructor(
    private readonly dialect: Dialect | null,
    /** Folder by controller. */
    private readonly bases: ReadonlyMap<Controller, string>,
    private readonly version: 'v1' | 'v2' | null,
  ) {}

  /** Tries out what this machine allows. Never throws. */
  static detect(proc_self = '/proc/self'): RunCgroups {
    try {
      const read = (name: string): string => readFileSync(join(proc_self, name), 'utf8');
      return RunCgroups.on(ownCgroups(read('cgroup'), read('mountinfo')));
    } catch {
      // Not Linux, or nothing to be read: there are none.
      return RunCgroups.none();
    }
  }

  static none(): RunCgroups {
    return new RunCgroups(null, new Map(), null);
  }

  static on({ v1, v2 }: ReturnType<typeof ownCgroups>): RunCgroups {
    const old = usable((name) => v1.get(name), DIALECTS.v1);
    if (old.size > 0) return new RunCgroups(DIALECTS.v1, old, 'v1');
    if (v2 !== null && enable(v2)) {
      const one = usable(() => v2, DIALECTS.v2);
      if (one.size > 0) return new RunCgroups(DIALECTS.v2, one, 'v2');
    }
    return RunCgroups.none();
  }

  /** For people: what the kernel holds, and what only the samples do. */
  describe(): string {
    if (this.version === null)
      return 'Limits are held by samples of each process tree; no cgroup controller is usable here.';
    const held = [...this.bases.keys()].join(', ');
    const sampled = CONTROLLERS.filter((name) => name !== 'pids' && !this.bases.has(name));
    const rest = sampled.length === 0 ? '' : `; ${sampled.join(' and ')} by samples only`;
    const unverified = this.version === 'v2' ? ' (version 2: not verified)' : '';
    return `Limits are held by cgroups${unverified} for ${held}, beside the samples${rest}.`;
  }

  /**
   * Puts a process that was just started, and what it has started already, into a cgroup of its own; null where that is
   * not possible. `in_v2`: it has a cgroup of version 2 already, which must not be left.
   */
  enter(run_id: string, pid: number, limits: MachineLimits, { in_v2 = false } = {}): RunCgroup | null {
    const { dialect } = this;
    if (dialect === null || (in_v2 && this.version === 'v2')) return null;
    const folders = new Map([...this.bases].map(([name, base]) => [name, join(base, PARENT, folderOf(run_id))]));
    const cgroup = new KernelCgroup(folders, dialect);
    try {
      cgroup.make(limits);
      cgroup.admit(pid);
      return cgroup;
    } catch {
      // The run is held by its samples then.
      void cgroup.remove();
      return null;
    }
  }

  /** Removes what an earlier Nox left: those of these runs, and all without processes that are not just being made. Never throws. */
  sweep(run_ids: readonly string[] = []): void {
    const ended = new Set(run_ids.map(folderOf));
    for (const base of new Set(this.bases.values())) {
      for (const name of attempt(() => readdirSync(join(base, PARENT))) ?? []) {
        const folder = join(base, PARENT, name);
        attempt(() => {
          const stat = statSync(folder);
          // One with processes in it refuses to be removed.
          const is_left = ended.has(name) || Date.now() - stat.mtimeMs > JUST_MADE_MS;
          if (stat.isDirectory() && is_left) rmdirSync(folder);
        });
      }
    }
  }
}

class KernelCgroup implements RunCgroup {
  constructor(
    private readonly folders: ReadonlyMap<Controller, string>,
    private readonly dialect: Dialect,
  ) {}

  get holds_cpu(): boolean {
    return this.folders.has('cpu');
  }

  make(limits: MachineLimits): void {
    for (const folder of new Set(this.folders.values())) mkdirSync(folder, { recursive: true });
    this.setLimits(limits);
    this.write('pids', ['pids.max', String(MAX_TASKS)]);
  }

  /** A child that is born while we look is found by the next look, until all are in. */
  admit(pid: number): void {
    const pids = new Set([pid]);
    const admitted = new Set<number>();
    while (admitted.size < pids.size) {
      for (const each of pids) {
        if (admitted.has(each)) continue;
        for (const folder of new Set(this.folders.values())) {
          ifThere(() => writeFileSync(join(folder, 'cgroup.procs'), String(each), { flag: 'r+' }));
        }
        admitted.add(each);
      }
      for (const each of pids) for (const child of childrenOf(each)) pids.add(child);
    }
  }

  setLimits({ max_memory_mb }: MachineLimits): void {
    // The samples act from the limit on; the kernel only where they come too late.
    const bytes = Math.round(max_memory_mb * 2 ** 20 * STOP_AT_ONCE_ABOVE);
    this.write('memory', this.dialect.memory(bytes));
  }

  setCpu(percent: number | null): void {
    this.write('cpu', this.dialect.cpu(percent === null ? null : Math.max(1000, percent * (CPU_PERIOD_US / 100))));
  }

  memoryKills(): number {
    const folder = this.folders.get('memory');
    if (folder === undefined) return 0;
    const text = ifThere(() => readFileSync(join(folder, this.dialect.kills), 'utf8')) ?? '';
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  async remove(): Promise<void> {
    for (const folder of new Set(this.folders.values())) {
      for (let tries = 0; tries < REMOVE_TRIES && existsSync(folder); tries += 1) {
        if (tries > 0) await sleep(REMOVE_PAUSE_MS, undefined, { ref: false });
        try {
          rmdirSync(folder);
        } catch (error) {
          if (errnoOf(error) !== 'EBUSY' && errnoOf(error) !== 'ENOENT') return;
        }
      }
    }
  }

  private write(controller: Controller, [file, text]: [string, string]): void {
    const folder = this.folders.get(controller);
    if (folder === undefined) return;
    // EBUSY: more is in use than the new limit; the samples end it.
    ifThere(() => writeFileSync(join(folder, file), text, { flag: 'r+' }), ['EBUSY']);
  }
}

/** The controllers that can be used, each with its folder. */
function usable(baseOf: (name: Controller) => string | undefined, dialect: Dialect): Map<Controller, string> {
  return new Map(
    CONTROLLERS.flatMap((name) => {
      const base = baseOf(name);
      return base !== undefined && works(base, name, dialect) ? [[name, base] as const] : [];
    }),
  );
}

/** Whether a cgroup can be made there and this controller be set. */
function works(base: string, name: Controller, dialect: Dialect): boolean {
  const folder = join(base, PARENT, `try-${process.pid}-${name}`);
  const knob = { memory: dialect.memory(2 ** 30)[0], cpu: dialect.cpu(null)[0], pids: 'pids.max' }[name];
  try {
    mkdirSync(folder, { recursive: true });
    try {
      accessSync(join(folder, 'cgroup.procs'), constants.W_OK);
      accessSync(join(folder, knob), constants.W_OK);
      return true;
    } finally {
      rmdirSync(folder);
    }
  } catch {
    return false;
  }
}

/** Version 2 gives controllers to the cgroups below only when told to, on both floors. */
function enable(base: string): boolean {
  try {
    mkdirSync(join(base, PARENT), { recursive: true });
    for (const folder of [base, join(base, PARENT)]) {
      const offered = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ');
      const wanted = CONTROLLERS.filter((name) => offered.includes(name)).map((name) => `+${name}`);
      if (wanted.length === 0) return false;
      writeFileSync(join(folder, 'cgroup.subtree_control'), wanted.join(' '), { flag: 'r+' });
    }
    return true;
  } catch {
    return false;
  }
}

/** Null when it does not work, whatever the reason: for tidying only. */
function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

const folderOf = (run_id: string): string => run_id.replaceAll(/[^A-Za-z0-9_-]/g, '_');

/** Null when the process or its cgroup has gone meanwhile. */
function ifThere<T>(work: () => T, also: readonly string[] = []): T | null {
  try {
    return work();
  } catch (error) {
    const code = errnoOf(error) ?? '';
    if (['ENOENT', 'ESRCH', 'ENODEV', ...also].includes(code)) return null;
    throw error;
  }
}
