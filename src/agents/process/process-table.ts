/** One process as the operating system shows it. */
export interface ProcessRow {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  /** Of its session; the group where there is no telling. */
  readonly sid: number;
  /** One letter: R, S, D, T, Z (zombie) … */
  readonly state: string;
  /** When it began, in the table's own unit (ticks since boot on Linux); with the pid it names one process. */
  readonly start_ticks: number;
}

/** All processes of the machine, read anew when asked. Two implementations: /proc, and `ps` where there is none. */
export abstract class ProcessTable {
  /** Changes with every boot. */
  abstract bootId(): Promise<string>;
  /** The process with this pid, dead but unreaped ones too; null when there is none. Does not let other work in between. */
  abstract row(pid: number): ProcessRow | null;
  /**
   * Every process; also those that came to life while others were read. A scan not older than `max_age_ms` may be used
   * again; 0 always scans.
   */
  abstract rows(max_age_ms?: number): Promise<readonly ProcessRow[]>;
  /**
   * NOX_RUN_ID in the process's environment; undefined when it has none or belongs to somebody else; '' when its whole
   * environment is empty; null when there is no telling now: it has ended meanwhile, or is just becoming another program.
   */
  abstract cookie(row: ProcessRow): Promise<string | undefined | null>;
  /** Looks once more, without waiting, whether the pid still belongs to this very process. */
  abstract isSame(row: ProcessRow): boolean;
}
