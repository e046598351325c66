export interface Point {
  readonly at_ms: number;
  readonly value: number;
}

export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Round steps from zero to at least `highest`: three or four of them, each 1, 2 or 5 times a power of `base`. */
export function ticksOf(highest: number, base: 10 | 2 = 10): number[] {
  if (!(highest > 0)) return [0, 1];
  const power = base ** Math.floor(Math.log(highest / 2) / Math.log(base));
  const factors = base === 10 ? [1, 2, 5, 10] : [1, 2, 4];
  const step = power * (factors.find((factor) => highest / (power * factor) <= 4) ?? factors.at(-1) ?? 1);
  const count = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => i * step);
}

const round = (n: number): number => Math.round(n * 10) / 10;

/** Where a point stands in the frame. */
export function placeOf(
  { at_ms, value }: Point,
  [from_ms, until_ms]: readonly [number, number],
  top_value: number,
  { left, right, top, bottom }: Frame,
): [x: number, y: number] {
  const span_ms = Math.max(1, until_ms - from_ms);
  const x = left + ((at_ms - from_ms) / span_ms) * (right - left);
  const y = bottom - (Math.min(value, top_value) / top_value) * (bottom - top);
  return [round(x), round(y)];
}

/** Stretches of points; a hole of more than `gap_ms` is a time in which nothing was measured, not a straight line. */
export function stretchesOf(points: readonly Point[], gap_ms: number): Point[][] {
  const found: Point[][] = [];
  let last: Point | undefined;
  for (const point of points) {
    if (last === undefined || point.at_ms - last.at_ms > gap_ms) found.push([]);
    found.at(-1)?.push(point);
    last = point;
  }
  return found;
}

/** The line through a stretch, and the area below it. A single point is a short dash. */
export function pathsOf(
  stretch: readonly Point[],
  span: readonly [number, number],
  top_value: number,
  frame: Frame,
): { line: string; area: string } {
  const places = stretch.map((point) => placeOf(point, span, top_value, frame));
  const [first, last] = [places[0], places.at(-1)];
  if (first === undefined || last === undefined) return { line: '', area: '' };
  const line = `M${places.map(([x, y]) => `${x} ${y}`).join('L')}${places.length === 1 ? 'h1.5' : ''}`;
  return {
    line,
    area: `M${first[0]} ${frame.bottom}L${places.map(([x, y]) => `${x} ${y}`).join('L')}L${last[0]} ${frame.bottom}Z`,
  };
}

/** The point that is nearest to this time. */
export function nearestTo(points: readonly Point[], at_ms: number): number {
  let [low, high] = [0, points.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.at_ms ?? 0) < at_ms) low = middle + 1;
    else high = middle;
  }
  const [before, here] = [points[low - 1], points[low]];
  if (before === undefined || here === undefined) return low;
  return at_ms - before.at_ms < here.at_ms - at_ms ? low - 1 : low;
}
