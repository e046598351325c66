import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, existsSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { errnoOf } from '../../shared/nox-error.js';
import { GroupRun, NamespaceRun, type PipedChild } from './managed-run.js';
import { NamespaceWrapper, privateFolders } from './namespace-wrapper.js';
import {
  ProcessHost,
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

const PROMISES: Record<Confinement, string> = {
  'pid-namespace':
    'Each agent runs in PID and mount namespaces of its own: ending it ends every process it ever started, and so does the end of Nox, however it comes.',
  'process-group':
    'Agents run in process groups of their own; what leaves its group is found by descent and, on Linux, by the NOX_RUN_ID in its environment. A process that escapes both before it is seen can survive, and after a crash of Nox agents run on until Nox is started again.',
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
  private boot_id = '';

  constructor(private readonly options: ProcessHostOptions) {
    super();
    this.table = options.table ?? (existsSync('/proc/self/stat') ? new ProcfsTable() : new PsTable());
    this.killer = new TreeKiller(this.table);
  }

  ready(): Promise<void> {
    return (this.detected ??= this.detect());
  }

  confinement(): Confinement {
    if (this.rung === null) throw new Error('The process host is not ready: await ready() first.');
    return this.rung;
  }

  describe(): string {
    return PROMISES[this.confinement()];
  }

  async spawn(request: SpawnRequest): Promise<ManagedProcess> {
    await this.ready();
    await assertStartable(request);
    const env = { ...request.env, NOX_RUN_ID: request.run_id };
    const [file, ...args] = await this.commandFor(request);
    const child = spawn(file, args, { cwd: request.cwd, env, detached: true, stdio: 'pipe' });
    if (!isStarted(child)) throw await errorOf(child);
    // Before anything is awaited: until then even a child that ended at once is there to be read.
    const identity: ProcessIdentity = {
      run_id: request.run_id,
      boot_id: this.boot_id,
      pid: child.pid,
      start_ticks: this.table.row(child.pid)?.start_ticks ?? 0,
      confinement: this.confinement(),
    };
    return this.confinement() === 'pid-namespace'
      ? new NamespaceRun(child, identity, this.killer)
      : new GroupRun(child, identity, this.killer);
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
    const { run_id, pid, start_ticks } = run;
    const mark = { run_id, pid, start_ticks, known: new Map([[pid, start_ticks]]) };
    const scope = { spare_own_tree: true };
    if ((await this.killer.find(mark, scope, SWEEP_AGE_MS)).length === 0) return false;
    return despiteShortage(() => this.killer.kill(mark, scope));
  }

  /** What was read from disk may be of another boot, torn, or forged; nothing of an earlier boot lives. */
  private isPlausible({ run_id, boot_id, pid, start_ticks }: ProcessIdentity): boolean {
    return (
      typeof run_id === 'string' && run_id !== '' && boot_id === this.boot_id && isCount(pid) && isCount(start_ticks)
    );
  }

  private async detect(): Promise<void> {
    const [boot_id, wrapper] = await Promise.all([
      this.table.bootId().catch(() => 'unknown'),
      this.options.rung === 'process-group' ? null : NamespaceWrapper.detect(),
    ]);
    this.boot_id = boot_id;
    this.wrapper = wrapper;
    this.rung = this.options.rung ?? (wrapper === null ? 'process-group' : 'pid-namespace');
  }

  private async commandFor({ argv, env }: SpawnRequest): Promise<readonly [string, ...string[]]> {
    if (this.confinement() === 'process-group') return argv;
    if (this.wrapper === null) throw new Error('PID namespaces are not allowed on this machine.');
    return this.wrapper.wrap(argv, await privateFolders(env));
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
  try {
    await access(program, constants.X_OK);
  } catch (error) {
    throw startError(errnoOf(error) ?? 'EACCES', program, 'it is missing or not executable', error);
  }
  if (!(await stat(program)).isFile()) throw startError('EACCES', program, 'it is not a file');
  const folder = await stat(cwd).catch((error: unknown) => {
    throw startError(errnoOf(error) ?? 'ENOENT', program, `its working directory ${cwd} is missing`, error);
  });
  if (!folder.isDirectory()) throw startError('ENOTDIR', program, `its working directory ${cwd} is not a directory`);
}

function startError(code: string, path: string, reason: string, cause?: unknown): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: cannot start ${path}: ${reason}`, { cause }), {
    code,
    path,
    syscall: 'spawn',
  });
}
