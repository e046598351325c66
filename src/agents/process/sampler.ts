import pidusage from 'pidusage';
import { errnoOf } from '../../shared/nox-error.js';

/** What a whole tree uses now. */
export interface TreeUsage {
  /** Resident memory, summed; pages that processes share count once for each of them. */
  readonly memory_bytes: number;
  /** 100 is one core fully used. Since the last sample of the same process; 0 when it is the first. */
  readonly cpu_percent: number;
}

/** Samples process trees. Give it the same pids regularly: cpu usage is the difference between two samples. */
export class TreeSampler {
  /** One at a time: pidusage keeps a file open per pid, and two first looks at one pid would leave one open for ever. */
  private last: Promise<unknown> = Promise.resolve();

  /** Usage summed over these processes; those that have ended count nothing. */
  sample(pids: readonly number[]): Promise<TreeUsage> {
    const next = this.last.then(() => measure(pids));
    this.last = next.catch(() => undefined);
    return next;
  }
}

async function measure(pids: readonly number[]): Promise<TreeUsage> {
  if (pids.length === 0) return { memory_bytes: 0, cpu_percent: 0 };
  // One that is gone is null among others, whatever the types say, but an error when it is the only one.
  const found: Record<string, pidusage.Status | null | undefined> = await pidusage([...pids]).catch(
    (error: unknown) => {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return {};
      throw error;
    },
  );
  const living = Object.values(found).filter((status) => status !== null && status !== undefined);
  return {
    memory_bytes: living.reduce((sum, status) => sum + status.memory, 0),
    cpu_percent: living.reduce((sum, status) => sum + status.cpu, 0),
  };
}
