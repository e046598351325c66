import type { Clock } from '../../shared/clock.js';
import { readRow } from '../process/procfs.js';
import { sendSignal } from '../process/tree-killer.js';

/** Short enough that nobody who talks to the program notices more than a slow answer. */
const PERIOD_MS = 200;

/** What is stopped and continued: only this, so never a wrapper or an init around it. */
export interface HeldTree {
  /** Pids, the program first. */
  readonly tree: () => Promise<number[]>;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/**
 * Lets a tree run for a share of the time by SIGSTOP and SIGCONT. Promises: a process is signalled only while its start
 * time is the one it was stopped with, and after `release` none of them is stopped by this.
 */
export class DutyCycle {
  private readonly stopped = new Map<number, number>();
  private cancel: () => void = () => undefined;
  private released = false;

  /** `share` in (0, 1]; may be changed at any time. */
  constructor(
    private readonly held: HeldTree,
    public share: number,
  ) {
    this.run();
  }

  /** Continues everything, at once and for good. */
  release(): void {
    this.released = true;
    this.cancel();
    this.continueAll();
  }

  private run(): void {
    this.cancel = this.held.clock.after(PERIOD_MS * this.share, () => {
      this.pause().catch((error: unknown) => {
        this.release();
        this.held.onError(error);
      });
    });
  }

  private async pause(): Promise<void> {
    if (this.share >= 1) return this.run();
    const pids = await this.held.tree();
    if (this.released) return;
    for (const pid of pids) this.stop(pid);
    this.cancel = this.held.clock.after(PERIOD_MS * (1 - this.share), () => {
      this.continueAll();
      this.run();
    });
  }

  private stop(pid: number): void {
    const row = readRow(pid);
    // One that somebody else has stopped is not ours to continue.
    if (row === null || row.state === 'T') return;
    this.stopped.set(pid, row.start_ticks);
    sendSignal(pid, 'SIGSTOP');
  }

  /** The last first: a program that looks for its children finds them running. */
  private continueAll(): void {
    for (const [pid, start_ticks] of [...this.stopped].toReversed()) {
      if (readRow(pid)?.start_ticks === start_ticks) sendSignal(pid, 'SIGCONT');
    }
    this.stopped.clear();
  }
}
