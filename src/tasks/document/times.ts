const LOCAL = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?$/;
const ABSOLUTE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * The instant that a time in a task file means: `2026-11-30 18:00` in the file's zone, a date alone its last minute, or
 * RFC 3339. Undefined for what is no time, such as 2026-13-45.
 */
export function parseTime(text: string, zone: string): string | undefined {
  if (ABSOLUTE.test(text)) {
    const at_ms = Date.parse(text);
    return Number.isNaN(at_ms) ? undefined : new Date(at_ms).toISOString();
  }
  const found = LOCAL.exec(text);
  if (found === null) return undefined;
  const [, year, month, day, hour = '23', minute = '59', second = '0'] = found;
  const parts = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const as_utc_ms = Date.UTC(parts[0], parts[1] - 1, ...(parts.slice(2) as [number, number, number, number]));
  // What Date would carry over (the 45th) is no time.
  if (Number.isNaN(as_utc_ms) || new Date(as_utc_ms).toISOString().slice(0, 10) !== `${year}-${month}-${day}`)
    return undefined;
  if (parts[3] > 23 || parts[4] > 59 || parts[5] > 59) return undefined;
  const first_ms = as_utc_ms - offsetMs(as_utc_ms, zone);
  return new Date(as_utc_ms - offsetMs(first_ms, zone)).toISOString();
}

/** The same the other way, to the minute. */
export function formatTime(iso: string, zone: string): string {
  const at_ms = Date.parse(iso);
  return new Date(at_ms + offsetMs(at_ms, zone)).toISOString().slice(0, 16).replace('T', ' ');
}

export function isZone(zone: string): boolean {
  try {
    formatter(zone);
    return true;
  } catch {
    // RangeError: the only answer that Intl has for a name it does not know.
    return false;
  }
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string): Intl.DateTimeFormat {
  let found = formatters.get(zone);
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formatters.set(zone, found);
  }
  return found;
}

/** How far the zone's clocks are ahead of UTC at that instant. */
function offsetMs(at_ms: number, zone: string): number {
  if (zone === 'UTC') return 0;
  const whole_ms = Math.floor(at_ms / 1000) * 1000;
  const parts = Object.fromEntries(
    formatter(zone)
      .formatToParts(whole_ms)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - whole_ms;
}
