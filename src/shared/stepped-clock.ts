import { readFileSync } from 'node:fs';
import { errnoOf, NoxError } from './nox-error.js';
import { Clock, SystemClock } from './clock.js';

/**
 * The system's time, set forward by as many milliseconds as a file says. For tests of what takes hours: `NOX_TEST_CLOCK`
 * names the file, and SIGUSR2 has it read anew; timers that are due then run in the order of their times. A restart reads
 * the file, too, so that time never goes back.
 */
export class SteppedClock extends Clock {
  private readonly system = new SystemClock();
  private readonly timers = new Set<{ readonly at_ms: number; readonly fn: () => void; cancel: () => void }>();
  private ahead_ms: number;

  constructor(private readonly path: string) {
    super();
    this.ahead_ms = readAhead(path);
  }

  override now(): number {
    return this.system.now() + this.ahead_ms;
  }

  override after(delay_ms: number, fn: () => void): () => void {
    const timer = { at_ms: this.now() + delay_ms, fn, cancel: (): void => undefined };
    this.timers.add(timer);
    this.wait(timer);
    return () => {
      timer.cancel();
      this.timers.delete(timer);
    };
  }

  /** Reads the file anew and runs what is due by its time. Never goes back. */
  step(): void {
    this.ahead_ms = Math.max(this.ahead_ms, readAhead(this.path));
    const now_ms = this.now();
    const due = [...this.timers].filter(({ at_ms }) => at_ms <= now_ms).sort((a, b) => a.at_ms - b.at_ms);
    for (const timer of this.timers) if (!due.includes(timer)) this.wait(timer);
    for (const timer of due) {
      // One that ran before it may have cancelled it.
      if (!this.timers.delete(timer)) continue;
      timer.cancel();
      timer.fn();
    }
  }

  private wait(timer: { readonly at_ms: number; readonly fn: () => void; cancel: () => void }): void {
    timer.cancel();
    timer.cancel = this.system.after(Math.max(0, timer.at_ms - this.now()), () => {
      this.timers.delete(timer);
      timer.fn();
    });
  }
}

/** The clock that this process is to live by. Throws VALIDATION_ERROR for a file that holds no number. */
export function openClock(test_clock: string | undefined): Clock {
  if (test_clock === undefined) return new SystemClock();
  const clock = new SteppedClock(test_clock);
  process.on('SIGUSR2', () => clock.step());
  return clock;
}

function readAhead(path: string): number {
  try {
    const ahead_ms = Number(readFileSync(path, 'utf8'));
    if (Number.isFinite(ahead_ms) && ahead_ms >= 0) return ahead_ms;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
  throw new NoxError('VALIDATION_ERROR', `NOX_TEST_CLOCK: ${path} must hold a number of milliseconds.`);
}
