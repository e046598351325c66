import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, existsSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { errnoOf } from '../../shared/nox-error.js';
import { Cgroups, type Cgroup } from './cgroup.js';
import { mountsOf } from './confine.js';
import { CgroupRun, GroupRun, NamespaceRun, type PipedChild } from './managed-run.js';
import { MountPoints } from './mount-points.js';
import { NamespaceWrapper, withTable } from './namespace-wrapper.js';
import {
  ProcessHost,
  type ConfineMode,
  type Confinement,
  type ManagedProcess,
  type ProcessIdentity,
  type SpawnRequest,
} from './process-host.js';
import type { ProcessTable } from './process-table.js';
import { ProcfsTable } from './procfs.js';
import { PsTable } from './ps-table.js';
import { despiteShortage } from './shortage.js';
import { TreeKiller } from './tree-killer.js';

export interface ProcessHostOptions {
  /** For tests: use this rung and no other; `spawn` fails when the machine does not allow it. */
  readonly rung?: Confinement;
  /** For tests: where to look processes up. */
  readonly table?: ProcessTable;
}

const BEYOND =
  'After a crash of Nox agents run on until Nox is started again. They can reach whatever the user can who runs Nox, the files of Nox too.';

const PROMISES: Record<Confinement, string> = {
  'pid-namespace':
    'Each agent runs in PID and mount namespaces of its own: ending it ends every process it ever started, and so does the end of Nox, however it comes. It cannot read the secrets of Nox nor change the registry; it has a /tmp of its own unless it is told to work below /tmp.',
  cgroup: `Agents run in cgroups of their own, which the kernel kills as one; a process that moves itself to another cgroup is found only by descent and by the NOX_RUN_ID in its environment, and one that escapes these too can survive. ${BEYOND}`,
  'process-group': `Agents run in process groups and sessions of their own; what leaves them is found by descent and, on Linux, by the NOX_RUN_ID in its environment, and all of it is stopped before it is killed. A process that escapes all of these before it is seen can survive. ${BEYOND}`,
};

/** The process host of this machine. `ready()` begins the try-out; call from the main thread, whose end ends the runs. */
export function createProcessHost(options: ProcessHostOptions = {}): ProcessHost {
  return new NativeProcessHost(options);
}

const SWEEP_AGE_MS = 1_000;

class NativeProcessHost extends ProcessHost {
  private readonly table: ProcessTable;
  private readonly killer: TreeKiller;
  private detected: Promise<void> | null = null;
  private rung: Confinement | null = null;
  private wrapper: NamespaceWrapper | null = null;
  private cgroups: Cgroups | null = null;
  private readonly mount_points = new MountPoints();
  private boot_id = '';

  constructor(private readonly options: ProcessHostOptions) {
    super();
    this.table = options.table ?? (existsSync('/proc/self/stat') ? new ProcfsTable() : new PsTable());
    this.killer = new TreeKiller(this.table);
  }

  ready(): Promise<void> {
    return (this.detected ??= this.detect());
  }

  confinement(mode: ConfineMode = 'auto'): Confinement {
    if (this.rung === null) throw new Error('The process host is not ready: await ready() first.');
    if (mode !== 'off' || this.rung !== 'pid-namespace') return this.rung;
    return this.cgroups === null ? 'process-group' : 'cgroup';
  }

  describe(mode: ConfineMode = 'auto'): string {
    return PROMISES[this.confinement(mode)];
  }

  async spawn(request: SpawnRequest): Promise<ManagedProcess> {
    await this.ready();
    const mode = request.confine?.mode ?? 'auto';
    const rung = this.confinement(mode);
    if (mode === 'require' && rung !== 'pid-namespace') {
      const reason =
        'agents.confine is "require", but this machine allows no PID and mount namespaces (see: nox doctor)';
      throw startError('ENOTSUP', request.argv[0], reason);
    }
    if (rung === 'pid-namespace') return this.spawnInNamespace(request);
    await assertStartable(request);
    if (rung === 'process-group') return new GroupRun(...(await this.start(request, request.argv, rung)), this.killer);
    const cgroup = this.ownCgroup(request.run_id);
    try {
      return new CgroupRun(...(await this.start(request, cgroup.enter(request.argv), rung)), this.killer, cgroup);
    } catch (error) {
      await cgroup.end();
      throw error;
    }
  }

  async sweep(runs: readonly ProcessIdentity[]): Promise<string[]> {
    await this.ready();
    // One scan serves all runs; most of them have nothing left.
    await despiteShortage(() => this.table.rows());
    const swept = await Promise.all(
      runs.filter((run) => this.isPlausible(run)).map(async (run) => ((await this.sweepOne(run)) ? [run.run_id] : [])),
    );
    return [...new Set(swept.flat())];
  }

  private async sweepOne(run: ProcessIdentity): Promise<boolean> {
    const { run_id, start_ticks } = run;
    const unknown = run.pid === 0;
    // No process and no group has the number -1.
    const pid = unknown ? -1 : run.pid;
    const mark = { run_id, pid, start_ticks, known: new Map(unknown ? [] : [[pid, start_ticks]]) };
    const scope = { spare_own_tree: true };
    const in_cgroup = run.confinement === 'cgroup' && (await this.cgroups?.of(run_id).end()) === true;
    if ((await this.killer.find(mark, scope, SWEEP_AGE_MS)).length === 0) return in_cgroup;
    return (await despiteShortage(() => this.killer.kill(mark, scope))) || in_cgroup;
  }

  /** What was read from disk may be of another boot, torn, or forged; nothing of an earlier boot lives. */
  private isPlausible({ run_id, boot_id, pid, start_ticks }: ProcessIdentity): boolean {
    return (
      typeof run_id === 'string' &&
      run_id !== '' &&
      run_id.length <= 128 &&
      // Killed before its process was written down: there is no pid to signal, only the run's own mark to look for.
      ((boot_id === '' && pid === 0 && start_ticks === 0) ||
        (boot_id === this.boot_id && isCount(pid) && isCount(start_ticks)))
    );
  }

  private async detect(): Promise<void> {
    const { rung } = this.options;
    const [boot_id, wrapper] = await Promise.all([
      this.table.bootId().catch(() => 'unknown'),
      rung === undefined || rung === 'pid-namespace' ? NamespaceWrapper.detect() : null,
    ]);
    this.boot_id = boot_id;
    this.wrapper = wrapper;
    this.cgroups = rung === undefined || rung === 'cgroup' ? Cgroups.detect() : null;
    const best = wrapper !== null ? 'pid-namespace' : this.cgroups !== null ? 'cgroup' : 'process-group';
    this.rung = rung ?? best;
  }

  private async spawnInNamespace(request: SpawnRequest): Promise<ManagedProcess> {
    const { wrapper } = this;
    if (wrapper === null) throw new Error('PID namespaces are not allowed on this machine.');
    const sealed = request.confine?.sealed ?? [];
    this.mount_points.hold(sealed);
    try {
      const [plan] = await Promise.all([mountsOf(request, wrapper.as_root), assertStartable(request)]);
      const argv = wrapper.wrap(request.argv, request.cwd, plan.remounts, request.confine?.no_network);
      const started = await withTable(plan.table, (table) => this.start(request, argv, 'pid-namespace', table));
      const run = new NamespaceRun(...started, this.killer);
      void run.exited.then(() => this.mount_points.release(sealed));
      return run;
    } catch (error) {
      this.mount_points.release(sealed);
      throw error;
    }
  }

  private ownCgroup(run_id: string): Cgroup {
    if (this.cgroups === null) throw new Error('Cgroups (v2) cannot be made on this machine.');
    return this.cgroups.make(run_id);
  }

  /** Spawns the command with the environment of the request; `descriptor` becomes the child's fourth one. */
  private async start(
    request: SpawnRequest,
    [file, ...args]: readonly [string, ...string[]],
    confinement: Confinement,
    descriptor?: number,
  ): Promise<[PipedChild, ProcessIdentity]> {
    const { run_id, cwd } = request;
    const env = { ...request.env, NOX_RUN_ID: run_id };
    const stdio = [
      'pipe' as const,
      'pipe' as const,
      'pipe' as const,
      ...(descriptor === undefined ? [] : [descriptor]),
    ];
    const child = spawn(file, args, { cwd, env, detached: true, stdio });
    if (!isStarted(child)) throw await errorOf(child);
    // Before anything is awaited: until then even a child that ended at once is there to be read.
    const start_ticks = this.table.row(child.pid)?.start_ticks ?? 0;
    return [child, { run_id, boot_id: this.boot_id, pid: child.pid, start_ticks, confinement }];
  }
}

const isCount = (n: unknown): boolean => Number.isSafeInteger(n) && Number(n) > 0;

const isStarted = (child: ReturnType<typeof spawn>): child is PipedChild => child.pid !== undefined;

async function errorOf(child: ReturnType<typeof spawn>): Promise<unknown> {
  const [error] = (await once(child, 'error')) as [unknown];
  return error;
}

/** Said before anything is started, because a wrapper would start well and fail inside. Throws errors with an errno code. */
async function assertStartable({ argv: [program], cwd }: SpawnRequest): Promise<void> {
  if (!isAbsolute(program)) throw startError('EINVAL', program, 'the path of a program must be absolute');
  const refuse = (code: string, reason: string) => (error: unknown) => {
    throw startError(errnoOf(error) ?? code, program, reason, error);
  };
  const [file, folder] = await Promise.all([
    access(program, constants.X_OK)
      .then(() => stat(program))
      .catch(refuse('EACCES', 'it is missing or not executable')),
    stat(cwd).catch(refuse('ENOENT', `its working directory ${cwd} is missing`)),
  ]);
  if (!file.isFile()) throw startError('EACCES', program, 'it is not a file');
  if (!folder.isDirectory()) throw startError('ENOTDIR', program, `its working directory ${cwd} is not a directory`);
}

function startError(code: string, path: string, reason: string, cause?: unknown): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: cannot start ${path}: ${reason}`, { cause }), {
    code,
    path,
    syscall: 'spawn',
  });
}
