import type { Clock } from '../../shared/clock.js';
import type { ManagedProcess } from '../process/process-host.js';
import { TreeMeter } from '../process/sampler.js';
import type { RunCgroup } from './run-cgroup.js';

const SAMPLE_MS = 500;
const MB = 1024 * 1024;

/**
 * Holds a program that is no agent to so much memory while it lives: by the kernel where it can, and by samples of its
 * tree, which is ended when it has more. Resolves with the end of it: why it was ended, or null.
 */
export async function holdMemory(
  run: ManagedProcess,
  { max_memory_mb, cgroup, clock }: { max_memory_mb: number; cgroup: RunCgroup | null; clock: Clock },
): Promise<string | null> {
  const meter = new TreeMeter();
  const why = `it used more memory than the ${max_memory_mb} MB that its agent may have`;
  let ended: string | null = null;
  let gone = false;
  let cancel = (): void => undefined;
  const look = async (): Promise<void> => {
    const { memory_bytes } = await meter.look(await run.tree());
    if (memory_bytes > max_memory_mb * MB) {
      ended = why;
      await run.end({ grace_ms: 0 });
      return;
    }
    again();
  };
  const again = (): void => {
    if (!gone) cancel = clock.after(SAMPLE_MS, next);
  };
  // A look that fails, as at a process that has just gone, is made again.
  const next = (): void => void look().catch(again);
  next();
  await run.exited;
  gone = true;
  cancel();
  if (ended === null && (cgroup?.memoryKills() ?? 0) > 0) ended = why;
  await cgroup?.remove();
  return ended;
}
