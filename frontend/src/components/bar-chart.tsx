import { ticksOf } from '../lib/chart.js';
import { useWidth } from '../lib/use-width.js';

const HEIGHT = 180;
const TOP = 10;
const BOTTOM = HEIGHT - 22;
const LEFT = 62;
const WIDEST = 56;

export interface Bar {
  readonly key: string;
  readonly value: number;
  /** Below it, where there is room. */
  readonly label: string;
  /** The whole of it in words: on hover, and for those who listen. */
  readonly words: string;
}

/** A value per day or other unit, as bars, oldest first. Whoever shows it has a table that says the same. */
export function BarChart({
  label,
  bars,
  words,
}: {
  readonly label: string;
  readonly bars: readonly Bar[];
  readonly words: (value: number) => string;
}) {
  const [holder, width] = useWidth();
  const ticks = ticksOf(Math.max(0, ...bars.map(({ value }) => value)));
  const top_value = ticks.at(-1) ?? 1;
  const step = (width - LEFT - 4) / Math.max(1, bars.length);
  const room = Math.ceil(52 / step);
  const yOf = (value: number): number => BOTTOM - (value / top_value) * (BOTTOM - TOP);
  return (
    <div className="chart" ref={holder}>
      <svg
        className="chart-picture"
        width={width}
        height={HEIGHT}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label={label}
      >
        {ticks.map((tick) => (
          <g key={tick}>
            <path className="chart-grid" d={`M${LEFT} ${yOf(tick)}H${width - 4}`} />
            <text x={LEFT - 8} y={yOf(tick) + 4} textAnchor="end">
              {words(tick)}
            </text>
          </g>
        ))}
        {bars.map(({ key, value, label: below, words: whole }, i) => {
          const x = LEFT + i * step;
          const bar = Math.min(WIDEST, Math.max(1, step * 0.75));
          const last = x + step / 2 + 26 > width;
          const y = value > 0 ? Math.min(yOf(value), BOTTOM - 1.5) : BOTTOM;
          return (
            <g key={key} className="chart-bar">
              <title>{whole}</title>
              <rect className="chart-reach" x={x} y={TOP} width={step} height={BOTTOM - TOP} />
              <rect
                className="chart-value"
                x={x + (step - bar) / 2}
                y={y}
                width={bar}
                height={BOTTOM - y}
                rx={Math.min(3, step / 4)}
              />
              {(bars.length - 1 - i) % room === 0 && (
                <text x={last ? width - 4 : x + step / 2} y={HEIGHT - 4} textAnchor={last ? 'end' : 'middle'}>
                  {below}
                </text>
              )}
            </g>
          );
        })}
      </svg>
    </div>
  );
}
