import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cgroup } from './cgroup.js';
import { directExit, namespaceExit } from './exit-facts.js';
import { isInitArgv } from './namespace-wrapper.js';
import type { EndOptions, ExitFacts, ManagedProcess, ProcessIdentity } from './process-host.js';
import { isAlive, type RunMark } from './process-tree.js';
import { argvOf, childrenOf, readRow } from './procfs.js';
import { despiteShortage } from './shortage.js';
import { sendSignal, type TreeKiller } from './tree-killer.js';

/** A child with all three pipes. */
export type PipedChild = ChildProcess & { pid: number; stdin: Socket; stdout: Socket; stderr: Socket };

/** How old a scan of all processes may be when only asked who is there. */
const TREE_AGE_MS = 100;
const PROGRAM_POLL_MS = 5;
const PROGRAM_WAIT_MS = 500;
const INIT_POLL_MS = 1;
/** How long the pipes may stay silent after the end before they are closed: a survivor may hold the other end. */
const PIPE_SILENCE_MS = 1_000;

/** What both rungs have in common: one spawned child, its end as facts, and the order of ending. */
abstract class ManagedRun implements ManagedProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<ExitFacts>;
  protected readonly mark: RunMark;
  /** The spawned child has been reaped; its pid means nothing any more. */
  protected reaped = false;
  protected killed = false;
  private asked = false;
  private readonly spawned_at_ms = performance.now();

  constructor(
    protected readonly child: PipedChild,
    readonly identity: ProcessIdentity,
    protected readonly killer: TreeKiller,
  ) {
    this.stdin = child.stdin;
    this.stdout = child.stdout;
    this.stderr = child.stderr;
    const { run_id, pid, start_ticks } = identity;
    this.mark = { run_id, pid, start_ticks, known: new Map([[pid, start_ticks]]) };
    // A pipe breaks when the program dies, a signal may be refused: `exited` tells the one, the next round the other.
    for (const source of [child, child.stdin, child.stdout, child.stderr]) source.on('error', () => undefined);

    // 'exit', not 'close': a daemon that holds stdout open must not keep the end from being known.
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.reaped = true;
        void despiteShortage(() => this.clear(signal)).then(() => {
          resolve(this.facts(code, signal));
          for (const stream of [child.stdout, child.stderr]) void closeWhenSilent(stream);
        });
      });
    });
  }

  abstract programPid(): number | null;
  abstract tree(): Promise<number[]>;
  abstract signal(signal: 'SIGTERM' | 'SIGINT' | 'SIGCONT'): void;
  /** SIGKILL to the whole tree. */
  protected abstract killAll(): Promise<void>;
  /** Ends what is left after the spawned child was reaped. */
  protected abstract clear(signal: string | null): Promise<void>;
  protected abstract facts(code: number | null, signal: string | null): ExitFacts;
  /** One scan serves the trees of many runs, but only one that was made since this run began. */
  protected scanAge(): number {
    return Math.min(TREE_AGE_MS, performance.now() - this.spawned_at_ms);
  }

  /** Looks at the tree while it is whole, before the program is asked to end. */
  protected async beforeEnd(): Promise<void> {}

  async end({ grace_ms }: EndOptions): Promise<ExitFacts> {
    if (grace_ms > 0 && !this.reaped) {
      if (!this.asked) {
        this.asked = true;
        await despiteShortage(async () => {
          await this.beforeEnd();
          this.signal('SIGTERM');
          // One that is stopped would take note only when it goes on.
          this.signal('SIGCONT');
        });
      }
      await within(this.exited, grace_ms);
    }
    if (!this.reaped) {
      this.killed = true;
      await despiteShortage(() => this.killAll());
    }
    return this.exited;
  }
}

/** Whether this very process is alive. */
function isThere({ pid, start_ticks }: { pid: number; start_ticks: number }): boolean {
  const row = readRow(pid);
  return row !== null && row.start_ticks === start_ticks && isAlive(row);
}

/** Waits for something, but not longer than this. */
async function within(awaited: Promise<unknown>, limit_ms: number): Promise<void> {
  const over = new AbortController();
  const limit = sleep(limit_ms, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([awaited, limit]);
  over.abort();
}

/** Closes our end of a pipe that nobody writes to any more but somebody unknown still holds. */
async function closeWhenSilent(stream: Socket): Promise<void> {
  let seen_bytes = -1;
  while (!stream.readableEnded && !stream.destroyed) {
    // What is buffered waits for a slow reader, not for the program.
    if (stream.bytesRead === seen_bytes && stream.readableLength === 0) stream.destroy();
    seen_bytes = stream.bytesRead;
    await sleep(PIPE_SILENCE_MS, undefined, { ref: false });
  }
}

/** A program in a process group of its own, found again by descent, group and cookie. */
export class GroupRun extends ManagedRun {
  programPid(): number | null {
    return this.reaped ? null : this.child.pid;
  }

  async tree(): Promise<number[]> {
    if (this.reaped) return [];
    return (await this.killer.find(this.mark, undefined, this.scanAge())).map((row) => row.pid);
  }

  signal(signal: 'SIGTERM' | 'SIGINT' | 'SIGCONT'): void {
    // Node never signals a child that it has reaped.
    this.child.kill(signal);
  }

  protected override async beforeEnd(): Promise<void> {
    await this.killer.find(this.mark);
  }

  protected override async killAll(): Promise<void> {
    await this.killer.kill(this.mark);
  }

  protected override async clear(): Promise<void> {
    await this.killer.kill(this.mark);
  }

  protected override facts(code: number | null, signal: string | null): ExitFacts {
    return directExit(code, signal, this.killed);
  }
}

/** A group that is also a cgroup: what leaves the group is found there, and the kernel kills it as one. */
export class CgroupRun extends GroupRun {
  constructor(
    child: PipedChild,
    identity: ProcessIdentity,
    killer: TreeKiller,
    private readonly cgroup: Cgroup,
  ) {
    super(child, identity, killer);
  }

  override async tree(): Promise<number[]> {
    this.remember();
    return super.tree();
  }

  protected override async killAll(): Promise<void> {
    this.remember();
    this.cgroup.kill();
    await super.killAll();
  }

  protected override async clear(): Promise<void> {
    this.remember();
    await this.cgroup.end();
    // What has moved itself to another cgroup is found as on the rung below.
    await super.clear();
  }

  private remember(): void {
    for (const pid of this.cgroup.pids()) {
      const row = readRow(pid);
      if (row !== null) this.mark.known.set(pid, row.start_ticks);
    }
  }
}

/** A program inside its own PID namespace: spawned child → init → program. */
export class NamespaceRun extends ManagedRun {
  private init: { pid: number; start_ticks: number } | null = null;
  private program: { pid: number; start_ticks: number } | null = null;

  programPid(): number | null {
    return this.reaped ? null : (this.findProgram()?.pid ?? null);
  }

  async tree(): Promise<number[]> {
    const program = this.programPid();
    if (program === null || this.init === null) return [];
    const pids = (await this.killer.below(this.init.pid, this.scanAge())).map((row) => row.pid);
    return pids.sort((a, b) => Number(b === program) - Number(a === program));
  }

  signal(signal: 'SIGTERM' | 'SIGINT' | 'SIGCONT'): void {
    if (this.findProgram() === null) void despiteShortage(() => this.signalWhenFound(signal));
    else this.signalProgram(signal);
  }

  protected override async killAll(): Promise<void> {
    let init: { pid: number; start_ticks: number } | null = null;
    try {
      init = this.findInit();
    } finally {
      // The wrapper first: it would complain on the program's stderr that its child was killed.
      this.child.kill('SIGKILL');
    }
    if (init !== null && isThere(init)) sendSignal(init.pid, 'SIGKILL');
  }

  protected override async clear(signal: string | null): Promise<void> {
    // A wrapper that exits hands on the end of its init, and that comes after the end of all inside.
    if (signal === null) return;
    // One that was killed takes the init with it, but does not wait for that.
    if (this.init === null) await this.killer.kill(this.mark);
    else while (isThere(this.init)) await sleep(INIT_POLL_MS);
  }

  protected override facts(code: number | null, signal: string | null): ExitFacts {
    return namespaceExit(code, signal, this.killed);
  }

  /** The wrapper has one child in its life. */
  private findInit(): { pid: number; start_ticks: number } | null {
    if (this.init === null && !this.reaped) {
      const [pid] = childrenOf(this.child.pid);
      this.init = pid === undefined ? null : readRow(pid);
      if (this.init !== null) this.mark.known.set(this.init.pid, this.init.start_ticks);
    }
    return this.init;
  }

  private findProgram(): { pid: number; start_ticks: number } | null {
    const init = this.findInit();
    // In this order: whatever is a child once the init runs is the program or below it.
    if (this.program === null && init !== null && isInitArgv(argvOf(init.pid))) {
      const [pid] = childrenOf(init.pid);
      this.program = pid === undefined ? null : readRow(pid);
    }
    return this.program;
  }

  private async signalWhenFound(signal: NodeJS.Signals): Promise<void> {
    const give_up = performance.now() + PROGRAM_WAIT_MS;
    while (this.findProgram() === null && !this.reaped && performance.now() < give_up) await sleep(PROGRAM_POLL_MS);
    this.signalProgram(signal);
  }

  private signalProgram(signal: NodeJS.Signals): void {
    if (this.program === null || this.reaped) return;
    if (isThere(this.program)) sendSignal(this.program.pid, signal);
  }
}
