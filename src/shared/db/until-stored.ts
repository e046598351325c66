import type { Clock } from '../clock.js';
import { errnoOf, NoxError } from '../nox-error.js';

/** How long a write waits that the journal refused and that has to happen. */
export const STORE_AGAIN_MS = 1000;

/** A full or failing disk, or too many open files; reads of the journal tell the engine's own error. */
const REFUSALS: ReadonlySet<string | undefined> = new Set([
  'ERR_SQLITE_ERROR',
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EMFILE',
  'ENFILE',
]);

/** Whether it was the disk that refused, not the work: the same may well succeed a little later. */
export function isStorageFault(error: unknown): boolean {
  return (error instanceof NoxError && error.code === 'STORAGE_FAILED') || REFUSALS.has(errnoOf(error));
}

/**
 * Tries a write again and again until the disk takes it; errors that do not pass by themselves reject, so that it ends
 * when the journal closes. `refused` is told each time.
 */
export async function untilStored<T>(
  clock: Clock,
  write: () => Promise<T>,
  refused: (error: unknown) => void,
  passes: (error: unknown) => boolean = isStorageFault,
): Promise<T> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!passes(error)) throw error;
      refused(error);
      await new Promise<void>((resolve) => clock.after(STORE_AGAIN_MS, resolve));
    }
  }
}
