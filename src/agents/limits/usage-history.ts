/** What a tree used at one time. */
export interface UsagePoint {
  readonly at_ms: number;
  readonly memory_bytes: number;
  readonly cpu_percent: number;
  readonly processes: number;
}

const FINE_MS = 3_600_000;
const COARSE_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;
/** Samples more often than each second would not make the picture finer. */
const MAX_FINE = 3600;

/** The samples of one agent for charts: the last hour as they came, then one per minute up to a day; never more. */
export class UsageHistory {
  private fine: UsagePoint[] = [];
  private coarse: UsagePoint[] = [];
  /** Samples that are too old to be kept, until their minute is full. */
  private minute: UsagePoint[] = [];

  /** Samples come in the order of their time. */
  add(point: UsagePoint): void {
    this.fine.push(point);
    const old = this.fine.findIndex(({ at_ms }) => at_ms > point.at_ms - FINE_MS);
    const surplus = Math.max(old, this.fine.length - MAX_FINE);
    if (surplus > 0) for (const each of this.fine.splice(0, surplus)) this.condense(each);
    const isDead = ({ at_ms }: UsagePoint): boolean => at_ms <= point.at_ms - COARSE_MS;
    this.coarse.splice(0, this.coarse.filter(isDead).length);
    if (this.minute.every(isDead)) this.minute = [];
  }

  /** What came after `since_ms`, oldest first, put together until it is at most `points`. */
  read(since_ms: number, points: number): UsagePoint[] {
    const minute = this.minute.length === 0 ? [] : [together(this.minute)];
    const found = [...this.coarse, ...minute, ...this.fine].filter(({ at_ms }) => at_ms > since_ms);
    const size = Math.ceil(found.length / points);
    if (size <= 1) return found;
    return Array.from({ length: Math.ceil(found.length / size) }, (_, n) =>
      together(found.slice(n * size, (n + 1) * size)),
    );
  }

  private condense(point: UsagePoint): void {
    const minuteOf = ({ at_ms }: UsagePoint): number => Math.floor(at_ms / MINUTE_MS);
    const [first] = this.minute;
    if (first !== undefined && minuteOf(first) !== minuteOf(point)) {
      this.coarse.push(together(this.minute));
      this.minute = [];
    }
    this.minute.push(point);
  }
}

/** Several as one: at the time of the last, with the mean use of the processor and the most of the rest. */
function together(points: readonly UsagePoint[]): UsagePoint {
  const most = (of: (point: UsagePoint) => number): number =>
    points.reduce((max, point) => Math.max(max, of(point)), 0);
  return {
    at_ms: points.at(-1)?.at_ms ?? 0,
    memory_bytes: most((point) => point.memory_bytes),
    cpu_percent: points.reduce((sum, point) => sum + point.cpu_percent, 0) / points.length,
    processes: most((point) => point.processes),
  };
}
