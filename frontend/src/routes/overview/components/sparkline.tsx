const WIDTH = 64;
const HEIGHT = 16;
const SHOWN = 16;

/** Values as small bars, the newest at the right. */
export function Sparkline({ values, label }: { readonly values: readonly number[]; readonly label: string }) {
  const shown = values.slice(-SHOWN);
  const highest = Math.max(1, ...shown);
  const step = WIDTH / SHOWN;
  return (
    <svg
      className="sparkline"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={label}
    >
      {shown.map((value, i) => {
        const height = Math.max(1.5, (value / highest) * HEIGHT);
        const x = WIDTH - (shown.length - i) * step;
        return <rect key={i} x={x} y={HEIGHT - height} width={step - 1} height={height} rx={0.5} fill="currentColor" />;
      })}
    </svg>
  );
}
