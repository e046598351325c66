import type { Beside, Row } from './bench.js';

const number = (value: number): string =>
  value >= 1000
    ? Math.round(value).toLocaleString('en')
    : value >= 100
      ? value.toFixed(0)
      : value.toFixed(value >= 10 ? 1 : 2);

const figure = (unit: string, { median, p99 }: Pick<Beside, 'median' | 'p99'>): string =>
  `${number(median)}${p99 === undefined ? '' : ` / ${number(p99)}`} ${unit}`;

function target(row: Row): string {
  if (row.target === undefined) return '';
  const { below, at_least, of } = row.target;
  const value = of === 'p99' ? row.p99 : row.median;
  const met =
    value !== undefined && (below === undefined || value < below) && (at_least === undefined || value >= at_least);
  const text = below === undefined ? `≥ ${number(at_least ?? 0)}` : `< ${number(below)}`;
  return `${of === undefined ? '' : 'p99 '}${text} ${row.unit}: ${met ? 'met' : 'MISSED'}`;
}

/** All rows as one Markdown table, columns aligned for a terminal. */
export function table(rows: readonly Row[]): string {
  const cells = [
    ['what', 'Nox (median / p99)', 'target', 'limit or peer, same run', 'n', 'note'],
    ...rows.map((row) => [
      row.what,
      figure(row.unit, row),
      target(row),
      row.beside.map((other) => `${other.name} ${figure(row.unit, other)}`).join('; '),
      String(row.runs),
      row.note ?? '',
    ]),
  ];
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((line) => (line[column] ?? '').length)));
  const lines = cells.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return lines.join('\n');
}
