import type { Attention } from '../../contracts/attention.js';

type QuietHours = Attention['quiet_hours'];

const DAY_MIN = 24 * 60;
const DAY_S = DAY_MIN * 60;
/** A request waits no longer than so many nights, however little of a day its quiet hours leave. */
const MAX_NIGHTS = 400;
/** Summer time moves a night by so much. */
const SHIFT_S = 3600;

/** The end of the quiet hours that this time lies in; the time itself when it lies in none. By the server's local time. */
export function quietEnd(at_ms: number, quiet: QuietHours): number {
  if (quiet === undefined || quiet.from === quiet.to) return at_ms;
  const [from, to] = [minuteOf(quiet.from), minuteOf(quiet.to)];
  const at = new Date(at_ms);
  const minute = at.getHours() * 60 + at.getMinutes();
  const inside = from < to ? minute >= from && minute < to : minute >= from || minute < to;
  if (!inside) return at_ms;
  const end = new Date(at_ms);
  // By the calendar, so that a change to summer time moves nothing.
  if (minute >= to) end.setDate(end.getDate() + 1);
  end.setHours(Math.floor(to / 60), to % 60, 0, 0);
  return end.getTime();
}

/**
 * When a wait of so long ends whose clock stands still in quiet hours: nobody is told of a request then, so it cannot be
 * denied because nobody answered.
 */
export function afterQuiet(from_ms: number, wait_ms: number, quiet: QuietHours): number {
  let at_ms = from_ms;
  let left_ms = wait_ms;
  for (let night = 0; night < MAX_NIGHTS; night += 1) {
    // In the hour that the end of summer time repeats, the calendar's end may lie behind.
    at_ms = Math.max(at_ms, quietEnd(at_ms, quiet));
    const evening_ms = nextQuiet(at_ms, quiet);
    if (at_ms + left_ms <= evening_ms) break;
    left_ms -= evening_ms - at_ms;
    at_ms = evening_ms;
  }
  return at_ms + left_ms;
}

/** No wait of so long takes longer than this, whenever it begins. */
export function longestWait_s(wait_s: number, quiet: QuietHours): number {
  if (quiet === undefined || quiet.from === quiet.to) return wait_s;
  const night_s = ((minuteOf(quiet.to) - minuteOf(quiet.from) + DAY_MIN) % DAY_MIN) * 60;
  const nights = Math.min(MAX_NIGHTS, Math.ceil(wait_s / (DAY_S - night_s)) + 1);
  return wait_s + nights * night_s + SHIFT_S;
}

/** The next begin of quiet hours after this time. */
function nextQuiet(after_ms: number, quiet: QuietHours): number {
  if (quiet === undefined || quiet.from === quiet.to) return Infinity;
  const from = minuteOf(quiet.from);
  const begin = new Date(after_ms);
  begin.setHours(Math.floor(from / 60), from % 60, 0, 0);
  if (begin.getTime() <= after_ms) begin.setDate(begin.getDate() + 1);
  return begin.getTime();
}

function minuteOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return (hours * 60 + minutes) % DAY_MIN;
}
