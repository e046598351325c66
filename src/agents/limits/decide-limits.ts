import type { ResourceLimits } from '../../contracts/agent.js';

/** What a tree used at one time of its run. */
export interface LimitSample {
  readonly at_ms: number;
  readonly memory_bytes: number;
  /** Of one core, since the sample before. */
  readonly cpu_percent: number;
}

/** What was decided earlier in the same run. */
export interface LimitMarks {
  readonly warned: boolean;
  readonly throttled: boolean;
}

export const NO_MARKS: LimitMarks = { warned: false, throttled: false };

export type LimitVerdict =
  | { readonly action: 'none' }
  | {
      readonly action: 'warn' | 'throttle' | 'stop';
      readonly used: number;
      readonly limit: number;
      readonly reason: string;
    }
  | { readonly action: 'unthrottle'; readonly reason: string };

/** Above this share of the memory a person is told; below the other the next time counts anew. */
export const WARN_ABOVE = 0.9;
const WARN_AGAIN_BELOW = 0.8;
/** Above this share no second look is taken. */
export const STOP_AT_ONCE_ABOVE = 1.1;
/** A throttled tree uses what it may; one that uses less than this share of it wants no more. */
const CALM_BELOW = 0.8;

/**
 * What to do about what a run uses. `samples` are those of this run, oldest first. Memory: told once above nine tenths,
 * ended above the limit in two samples, or at once when far above. Processor: throttled when its average over the whole
 * window is above the limit, so a start or a short burst never is. Pure; a stop goes before the rest, and what is left
 * unsaid by one look is said by the next.
 */
export function decideLimits(
  { samples, marks, cpu_window_ms }: { samples: readonly LimitSample[]; marks: LimitMarks; cpu_window_ms: number },
  limits: Pick<ResourceLimits, 'max_memory_mb' | 'max_cpu_percent'>,
  now_ms: number,
): { readonly verdict: LimitVerdict; readonly marks: LimitMarks } {
  const newest = samples.at(-1);
  if (newest === undefined) return { verdict: { action: 'none' }, marks };
  const limit = limits.max_memory_mb * 2 ** 20;
  const used = newest.memory_bytes;
  const before = samples.at(-2)?.memory_bytes ?? 0;
  const words = `memory: ${mib(used)} in use, ${mib(limit)} allowed`;
  if (used > limit * STOP_AT_ONCE_ABOVE || (used > limit && before > limit)) {
    return { verdict: { action: 'stop', used, limit, reason: words }, marks };
  }
  if (!marks.warned && used >= limit * WARN_ABOVE) {
    return { verdict: { action: 'warn', used, limit, reason: words }, marks: { ...marks, warned: true } };
  }
  const warned = marks.warned && used >= limit * WARN_AGAIN_BELOW;
  return decideCpu(
    averageCpu(samples, cpu_window_ms, now_ms),
    { ...marks, warned },
    limits.max_cpu_percent,
    cpu_window_ms,
  );
}

function decideCpu(
  used: number | null,
  marks: LimitMarks,
  limit: number,
  window_ms: number,
): ReturnType<typeof decideLimits> {
  if (used === null) return { verdict: { action: 'none' }, marks };
  const words = `cpu: ${Math.round(used)} % of a core in the last ${Math.round(window_ms / 1000)} s, ${limit} % allowed`;
  if (!marks.throttled && used > limit) {
    return { verdict: { action: 'throttle', used, limit, reason: words }, marks: { ...marks, throttled: true } };
  }
  if (marks.throttled && used < limit * CALM_BELOW) {
    return { verdict: { action: 'unthrottle', reason: words }, marks: { ...marks, throttled: false } };
  }
  return { verdict: { action: 'none' }, marks };
}

/** Mean use over the window, each sample for the time since the one before; null while it is not covered whole. */
export function averageCpu(samples: readonly LimitSample[], window_ms: number, now_ms: number): number | null {
  const first = samples[0];
  const from_ms = now_ms - window_ms;
  if (first === undefined || first.at_ms > from_ms) return null;
  let used = 0;
  let covered_ms = 0;
  samples.forEach(({ at_ms, cpu_percent }, n) => {
    const span_ms = at_ms - Math.max(samples[n - 1]?.at_ms ?? at_ms, from_ms);
    if (span_ms <= 0) return;
    used += cpu_percent * span_ms;
    covered_ms += span_ms;
  });
  return covered_ms === 0 ? null : used / covered_ms;
}

/** The samples that a later look can still need: the window, and the one before it. */
export function forgetOld(samples: readonly LimitSample[], window_ms: number, now_ms: number): LimitSample[] {
  const inside = samples.findIndex(({ at_ms }) => at_ms > now_ms - window_ms);
  const keep_from = inside === -1 ? samples.length - 2 : inside - 1;
  return samples.slice(Math.max(0, Math.min(keep_from, samples.length - 2)));
}

/** The share of the time that a tree may run so that it uses `limit`, after it used `used` with the share it had. */
export function nextShare(share: number, used: number, limit: number): number {
  const wanted = used <= 0 ? 1 : (share * limit) / used;
  // Not too fast: a sample is only so exact, and the next one comes soon.
  const step = Math.min(share * 2, Math.max(share / 2, wanted));
  return Math.min(1, Math.max(SMALLEST_SHARE, step));
}

/** A tree that may not run at all could never answer. */
const SMALLEST_SHARE = 0.05;

const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
