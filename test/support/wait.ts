import { setTimeout as delay } from 'node:timers/promises';

/** Between two looks: soon at first, then more seldom, since who looks takes the processor from what is waited for. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 150;

/** A bound for what hangs, no measure of speed: it costs a green run nothing, and a busy machine is no fault. */
export const DEFAULT_WAIT_MS = 60_000;

/** The promise's outcome; rejects naming `what` when it takes longer. */
export async function within<T>(what: string, promise: Promise<T>, timeout_ms = DEFAULT_WAIT_MS): Promise<T> {
  const timer = new AbortController();
  const late = delay(timeout_ms, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what}: not within ${timeout_ms} ms`);
  });
  // When the promise wins, the timer is aborted and nobody listens to that rejection any more.
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

/**
 * The first answer of `look` that is not undefined, null or false. For what gives no signal (a process gone, a file
 * written by another); where there is an event, wait for the event. Rejects naming `what`; errors of `look` count as "not yet".
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  timeout_ms = DEFAULT_WAIT_MS,
): Promise<NonNullable<Exclude<T, false>>> {
  const end = performance.now() + timeout_ms;
  let last: unknown;
  let pause_ms = FIRST_PAUSE_MS;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== null && found !== false) return found as NonNullable<Exclude<T, false>>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`${what}: not within ${timeout_ms} ms`, { cause: last });
    await delay(pause_ms);
    pause_ms = Math.min(pause_ms * 1.4, LONGEST_PAUSE_MS);
  }
}

/** The first item that fits, of a stream that may go on; the stream is closed then. */
export function firstOf<T, S extends T = T>(
  what: string,
  items: AsyncIterable<T>,
  fits: ((item: T) => item is S) | ((item: T) => boolean),
  timeout_ms = DEFAULT_WAIT_MS,
): Promise<S> {
  const search = async (): Promise<S> => {
    for await (const item of items) if (fits(item)) return item as S;
    throw new Error(`${what}: the stream ended without it`);
  };
  return within(what, search(), timeout_ms);
}
