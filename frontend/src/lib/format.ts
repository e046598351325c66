const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const DAY_YEAR = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const NUMBER = new Intl.NumberFormat('en');

export const exactTime = (time: string): string => EXACT.format(new Date(time));
export const clockTime = (time: string): string => CLOCK.format(new Date(time));

/** The server writes exact times into its reasons; a person reads the time of day. */
export const withClockTimes = (words: string): string =>
  words.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (time) => clockTime(time));

/** `3 s`, `12 min`, `5 h 20 min`, `9 d`: two units at most. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 24) return min % 60 === 0 ? `${h} h` : `${h} h ${min % 60} min`;
  const d = Math.floor(h / 24);
  return h % 24 === 0 || d > 6 ? `${d} d` : `${d} d ${h % 24} h`;
}

const pad = (n: number): string => String(n).padStart(2, '0');

/** `04:59`, `1:04:59`: for something that runs out. */
export function countdown(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const h = Math.floor(s / 3600);
  const rest = `${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}`;
  return h > 0 ? `${h}:${rest}` : rest;
}

/** `just now`, `5 min ago`, `in 2 h`, a date when it is longer than a week away. */
export function relativeTime(time: string, now_ms: number): string {
  const at = new Date(time);
  const away_ms = now_ms - at.getTime();
  if (Math.abs(away_ms) > 7 * 86_400_000) {
    return (at.getFullYear() === new Date(now_ms).getFullYear() ? DAY : DAY_YEAR).format(at);
  }
  if (away_ms < -999) return `in ${oneUnit(-away_ms)}`;
  return away_ms < 10_000 ? 'just now' : `${oneUnit(away_ms)} ago`;
}

function oneUnit(ms: number): string {
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  return s < 86_400 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86_400)} d`;
}

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  if (n < 1024 ** 2) return `${(n / 1024).toFixed(0)} kB`;
  return n < 1024 ** 3 ? `${(n / 1024 ** 2).toFixed(0)} MB` : `${(n / 1024 ** 3).toFixed(1)} GB`;
}

/** Small sums keep the digits that matter. */
export const dollars = (usd: number): string => (usd > 0 && usd < 0.1 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`);

export const number = (n: number): string => NUMBER.format(n);

export function compact(n: number): string {
  if (n < 1000) return String(n);
  return n < 1_000_000 ? `${(n / 1000).toFixed(n < 10_000 ? 1 : 0)}k` : `${(n / 1_000_000).toFixed(1)}M`;
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${number(n)} ${n === 1 ? one : many}`;

export const shortHash = (hash: string): string => hash.slice(0, 8);

/** A value of the registry in one line. */
export function inline(value: unknown): string {
  if (value === undefined || value === null) return '—';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
