import type { Readable, Writable } from 'node:stream';

/** How completely a run can be ended, best first (DESIGN 2.9). */
export type Confinement = 'pid-namespace' | 'cgroup' | 'process-group';

/** `off`: without namespaces. `require`: rather not at all than without them. */
export type ConfineMode = 'auto' | 'require' | 'off';

/** What a run may not reach, on the rung that can keep it from it; absolute paths. What does not exist is passed over. */
export interface Confine {
  readonly mode: ConfineMode;
  /** Seen as empty read-only folders; a missing one is made, so that what comes into it later is not seen either. */
  readonly hidden: readonly string[];
  /** Can be read but not changed. */
  readonly read_only: readonly string[];
  /** The same, also while nothing is there: then an empty folder stands there. */
  readonly sealed: readonly string[];
  /** No network but a loopback of its own; only on the rung that has namespaces. */
  readonly no_network?: boolean;
}

/** A process is known by all of these together, never by its pid alone (RELIABILITY §1). */
export interface ProcessIdentity {
  readonly run_id: string;
  readonly boot_id: string;
  /** Of the outermost process that Nox spawned, as the host sees it. */
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks from boot to start. */
  readonly start_ticks: number;
  readonly confinement: Confinement;
}

export interface SpawnRequest {
  /** Cookie of the run: it is in the environment of the whole tree as NOX_RUN_ID. */
  readonly run_id: string;
  /** Program (absolute path) and arguments; never a shell string. */
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  /** The whole environment; nothing of Nox's own is added but NOX_RUN_ID. */
  readonly env: Readonly<Record<string, string>>;
  /** Without it: the best rung, and nothing hidden but what the CLI needs for itself. */
  readonly confine?: Confine | undefined;
}

/**
 * How the program ended, as facts (not prose); exactly one of `exit_code` and `signal` is set. `forced` says that the
 * program itself had to be ended with SIGKILL. Inside a namespace the init can only hand on 128 + n: it is told as
 * `signal` for faults and SIGKILL, and as `exit_code` for signals that programs turn into exit codes themselves (143).
 */
export interface ExitFacts {
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly forced: boolean;
}

export interface EndOptions {
  /** How long to wait after SIGTERM before SIGKILL; 0 kills at once. */
  readonly grace_ms: number;
}

/**
 * A running tree. Streams are raw; whoever owns the process must read stdout and stderr until they end (they may end a
 * little after `exited`). A broken pipe never throws: `exited` tells.
 */
export interface ManagedProcess {
  readonly identity: ProcessIdentity;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Id of the program itself as the host sees it (inside wrappers it is not `identity.pid`); null until it is known or when it ended. */
  programPid(): number | null;
  /** Pids of the whole tree now, program first; empty when it ended. */
  tree(): Promise<number[]>;
  /** Sends a signal to the program only; when the program is not known yet, as soon as it is. */
  signal(signal: 'SIGTERM' | 'SIGINT'): void;
  /**
   * Ends the whole tree: SIGTERM to the program, after the grace SIGKILL to everything, until nothing of the tree is
   * alive. May be called again while it works: the shorter grace wins.
   */
  end(options: EndOptions): Promise<ExitFacts>;
  /** Resolves when the program has exited and nothing of the tree is left (what it left behind is killed). Never rejects. */
  readonly exited: Promise<ExitFacts>;
}

/** Starts process trees and can end them completely, also those of an earlier Nox that crashed. */
export abstract class ProcessHost {
  /** Resolves when the rung is known (a real try-out, bounded, done once). Never rejects; `spawn` and `sweep` wait for it. */
  abstract ready(): Promise<void>;
  /** Which rung of the ladder is in use for this mode; found out once, at start. Throws before `ready()` has resolved. */
  abstract confinement(mode?: ConfineMode): Confinement;
  /** For people: what this rung promises, and what not. */
  abstract describe(mode?: ConfineMode): string;
  /**
   * Rejects with the errno error when the program cannot be started (ENOENT, EACCES, EMFILE), with ENOTSUP when it must be
   * confined and cannot be.
   */
  abstract spawn(request: SpawnRequest): Promise<ManagedProcess>;
  /**
   * Ends whatever is left of runs of an earlier Nox. A pid is signalled only if boot id and start time match; members of
   * the tree that escaped are found by the run's cookie. Answers the run ids that had living processes.
   */
  abstract sweep(runs: readonly ProcessIdentity[]): Promise<string[]>;
}
