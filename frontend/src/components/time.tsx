import { useNow } from '../lib/clock.js';
import { countdown, duration, exactTime, relativeTime } from '../lib/format.js';

/** When, from now; the exact time on hover. */
export function RelativeTime({ at }: { readonly at: string }) {
  const now_ms = useNow(5000);
  return (
    <time dateTime={at} title={exactTime(at)}>
      {relativeTime(at, Math.max(now_ms, Date.parse(at) > now_ms + 5000 ? now_ms : Date.parse(at)))}
    </time>
  );
}

/** How long since. */
export function Elapsed({ since }: { readonly since: string }) {
  const now_ms = useNow(1000);
  return (
    <time dateTime={since} title={`since ${exactTime(since)}`}>
      {duration(now_ms - Date.parse(since))}
    </time>
  );
}

interface CountdownProps {
  readonly until: string;
  readonly over?: string;
  /** Nothing is lost at its end. */
  readonly calm?: boolean;
}

/** How long until; urgent in its last minute. */
export function Countdown({ until, over = 'a moment', calm = false }: CountdownProps) {
  const left_ms = Date.parse(until) - useNow(1000);
  return (
    <time
      dateTime={until}
      title={exactTime(until)}
      className={!calm && left_ms < 60_000 ? 'countdown countdown-short' : 'countdown'}
    >
      {left_ms <= 0 ? over : countdown(left_ms)}
    </time>
  );
}
