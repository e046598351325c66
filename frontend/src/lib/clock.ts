import { useSyncExternalStore } from 'react';

/** One ticking clock for all relative times and countdowns, so that a page of them wakes once. */
const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now_ms = Date.now();

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  timer ??= setInterval(() => {
    now_ms = Date.now();
    for (const each of watchers) each();
  }, 1000);
  return () => {
    watchers.delete(watcher);
    if (watchers.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** Now, in steps: the component renders again only when the step changes. */
export function useNow(step_ms = 1000): number {
  return useSyncExternalStore(watch, () => {
    if (timer === undefined) now_ms = Date.now();
    return Math.floor(now_ms / step_ms) * step_ms;
  });
}
