import { type KeyboardEvent, type PointerEvent, useState } from 'react';
import { nearestTo, pathsOf, placeOf, type Point, stretchesOf, ticksOf } from '../lib/chart.js';
import { clockTime, exactTime } from '../lib/format.js';
import { useWidth } from '../lib/use-width.js';

const HEIGHT = 168;
const FRAME = { left: 62, top: 10, bottom: HEIGHT - 22 };
/** Rows of the table that says the same. */
const ROWS = 24;

interface LineChartProps {
  readonly label: string;
  /** Oldest first. */
  readonly points: readonly Point[];
  readonly words: (value: number) => string;
  /** What may be used at most; drawn as a line. */
  readonly limit?: { readonly value: number; readonly words: string } | undefined;
  /** A longer time without a measurement is a hole. */
  readonly gap_ms: number;
  readonly base?: 10 | 2;
}

/** Values over time, with the one under the pointer or the arrow keys in words; the same as a table below. */
export function LineChart({ label, points, words, limit, gap_ms, base = 10 }: LineChartProps) {
  const [holder, width] = useWidth();
  const [at, setAt] = useState<number>();

  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return null;
  const highest = Math.max(...points.map(({ value }) => value));
  // A limit far above what is used would press the line flat: it is said in words then.
  const drawn = limit !== undefined && limit.value <= highest * 3;
  const ticks = ticksOf(Math.max(highest, drawn ? limit.value : 0), base);
  const top_value = ticks.at(-1) ?? 1;
  const frame = { ...FRAME, right: width - 10 };
  const span = [first.at_ms, last.at_ms] as const;
  const chosen = at === undefined ? undefined : points[Math.min(at, points.length - 1)];
  const marked = chosen ?? last;
  const [x, y] = placeOf(marked, span, top_value, frame);
  const limit_y = drawn ? placeOf({ at_ms: span[0], value: limit.value }, span, top_value, frame)[1] : undefined;

  const onPointerMove = (event: PointerEvent<SVGSVGElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = (event.clientX - box.left - frame.left) / (frame.right - frame.left);
    setAt(nearestTo(points, span[0] + share * (span[1] - span[0])));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(points.length - 1, (at ?? points.length - 1) + step)));
  };
  const shown = points.filter((_, i) => (points.length - 1 - i) % Math.ceil(points.length / ROWS) === 0);
  return (
    <figure className="chart" ref={holder}>
      <figcaption className="row-wrap">
        <span className="field-label grow">{label}</span>
        <output className="num">
          {chosen !== undefined && <span className="muted">{clockTime(new Date(chosen.at_ms).toISOString())} · </span>}
          {words(marked.value)}
        </output>
        {limit !== undefined && <span className="muted num">{limit.words}</span>}
      </figcaption>
      <svg
        className="chart-picture"
        width={width}
        height={HEIGHT}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        tabIndex={0}
        aria-label={`${label}: ${words(last.value)} now, ${words(highest)} at most since ${clockTime(new Date(first.at_ms).toISOString())}. Arrow keys go through it.`}
        onPointerMove={onPointerMove}
        onPointerLeave={() => setAt(undefined)}
        onBlur={() => setAt(undefined)}
        onKeyDown={onKeyDown}
      >
        {ticks.map((tick) => {
          const tick_y = placeOf({ at_ms: span[0], value: tick }, span, top_value, frame)[1];
          return (
            <g key={tick}>
              <path className="chart-grid" d={`M${frame.left} ${tick_y}H${frame.right}`} />
              <text x={frame.left - 8} y={tick_y + 4} textAnchor="end">
                {words(tick)}
              </text>
            </g>
          );
        })}
        <text x={frame.left} y={HEIGHT - 4}>
          {clockTime(new Date(span[0]).toISOString())}
        </text>
        <text x={frame.right} y={HEIGHT - 4} textAnchor="end">
          {clockTime(new Date(span[1]).toISOString())}
        </text>
        {stretchesOf(points, gap_ms).map((stretch) => {
          const { line, area } = pathsOf(stretch, span, top_value, frame);
          return (
            <g key={stretch[0]?.at_ms}>
              <path className="chart-area" d={area} />
              <path className="chart-line" d={line} />
            </g>
          );
        })}
        {limit_y !== undefined && <path className="chart-limit" d={`M${frame.left} ${limit_y}H${frame.right}`} />}
        {chosen !== undefined && <path className="chart-cross" d={`M${x} ${frame.top}V${frame.bottom}`} />}
        <circle className="chart-mark" cx={x} cy={y} r={3.5} />
      </svg>
      <details className="chart-table">
        <summary className="muted">As a table</summary>
        <table className="table num">
          <thead>
            <tr>
              <th>When</th>
              <th className="right">{label}</th>
            </tr>
          </thead>
          <tbody>
            {shown.toReversed().map(({ at_ms, value }) => (
              <tr key={at_ms}>
                <td title={exactTime(new Date(at_ms).toISOString())}>{clockTime(new Date(at_ms).toISOString())}</td>
                <td className="right">{words(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
