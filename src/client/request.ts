import type { RouteDef } from '../contracts/routes.js';

export interface UntypedCall {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
}

/**
 * The address of a call: path parameters are escaped, so that no value can reach another route; query fields that are
 * undefined are left out. Throws a TypeError when a parameter is missing: that is a mistake of the calling code.
 */
export function urlOf(base_url: string, def: Pick<RouteDef, 'path' | 'root'>, call: UntypedCall): string {
  const params = (call.params ?? {}) as Record<string, unknown>;
  const path = def.path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = textOf(params[name]);
    // Dots alone would be folded away as path steps, escaped or not.
    if (['', '.', '..'].includes(value)) {
      throw new TypeError(`${def.path} needs the parameter ${name}`);
    }
    return encodeURIComponent(value);
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((call.query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined) query.set(name, textOf(value));
  }
  const search = query.size === 0 ? '' : `?${query.toString()}`;
  return `${base_url.replace(/\/+$/, '')}${def.root === true ? '' : '/api/v1'}${path}${search}`;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

/** How long to wait before attempt `n` (0 is the first repetition): doubling, at most `max_ms`, with half of it by chance. */
export function backoffMs(n: number, random: number, first_ms = 200, max_ms = 10_000): number {
  const full = Math.min(first_ms * 2 ** n, max_ms);
  return Math.round(full / 2 + (full / 2) * random);
}

/** Waits, unless the signal ends it: then it rejects with the signal's reason. */
export function delay(delay_ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delay_ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
