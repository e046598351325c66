const STEPS: readonly (readonly [unit: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
];

/** `12s`, `5m`, `3h 20m`, `2d 4h`: at most two units. */
export function duration(of_ms: number): string {
  let left = Math.max(0, Math.round(of_ms / 1000));
  const parts: string[] = [];
  for (const [unit, seconds] of STEPS) {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    if (count > 0) parts.push(`${count}${unit}`);
    if (parts.length === 2 || (parts.length === 1 && (count === 0 || unit === 'm'))) break;
  }
  return parts.join(' ') || '0s';
}

/** `5m ago`, `in 20s`, `now`; a dash for no time. */
export function relative(timestamp: string | null | undefined, now_ms: number): string {
  if (timestamp === null || timestamp === undefined) return '-';
  const from_ms = now_ms - Date.parse(timestamp);
  if (Number.isNaN(from_ms)) return '-';
  if (Math.abs(from_ms) < 1000) return 'now';
  return from_ms > 0 ? `${duration(from_ms)} ago` : `in ${duration(-from_ms)}`;
}

/** The time of day on this machine, as `14:03:07`. */
export const clockTime = (timestamp: string): string => new Date(timestamp).toTimeString().slice(0, 8);

const AGO = /^(\d+(?:\.\d+)?)\s*(s|m|h|d)(?:\s+ago)?$/;
const AGO_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time that a person gave, as RFC 3339 in UTC: `2h ago`, `3d`, or a date that JavaScript reads. Undefined for others. */
export function parseTime(text: string, now_ms: number): string | undefined {
  const ago = AGO.exec(text.trim());
  const at_ms = ago === null ? Date.parse(text) : now_ms - Number(ago[1]) * (AGO_MS[ago[2] ?? ''] ?? Number.NaN);
  const date = new Date(at_ms);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
