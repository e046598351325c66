import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../shared/nox-error.js';

/** The machine has run out of something that comes back: file descriptors, memory, processes. */
const SHORTAGES: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);

/** Does the work, again and again as long as it fails for a shortage: a tree must not live on because of one. */
export async function despiteShortage<T>(work: () => Promise<T>, retry_ms = 100): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!SHORTAGES.has(errnoOf(error))) throw error;
      await sleep(retry_ms);
    }
  }
}
