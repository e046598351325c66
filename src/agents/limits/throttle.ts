import type { Clock } from '../../shared/clock.js';
import type { RuntimeSession } from '../runtime/runtime.js';
import { nextShare } from './decide-limits.js';
import { DutyCycle } from './duty-cycle.js';
import type { RunCgroup } from './run-cgroup.js';

/** Holds one run to a share of the processor: by the kernel's quota where there is one, else by stopping and continuing. */
export class Throttle {
  private readonly cycle: DutyCycle | null;

  /** `used` and `limit` in percent of a core: what it used until now, and what it may use. */
  constructor(
    session: RuntimeSession,
    private readonly cgroup: RunCgroup | null,
    { used, limit }: { used: number; limit: number },
    { clock, onError }: { clock: Clock; onError: (error: unknown) => void },
  ) {
    const by_kernel = cgroup?.holds_cpu === true;
    this.cycle = by_kernel
      ? null
      : new DutyCycle({ tree: () => session.tree(), clock, onError }, nextShare(1, used, limit));
    if (by_kernel) cgroup.setCpu(limit);
  }

  /** After each sample: the limit may have changed, and the share is made to fit what was used under it. */
  adjust(used: number, limit: number): void {
    if (this.cycle === null) this.cgroup?.setCpu(limit);
    else this.cycle.share = nextShare(this.cycle.share, used, limit);
  }

  /** Lets it run freely, at once. */
  release(): void {
    this.cycle?.release();
    if (this.cycle === null) this.cgroup?.setCpu(null);
  }
}
