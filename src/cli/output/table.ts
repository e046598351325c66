import type { Paint, Painted } from './style.js';
import { cut, oneLine, widthOf } from './text.js';

export type Cell = string | number | Painted | null | undefined;

export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
  /** Gives up width first when the terminal is narrow. */
  readonly shrinks?: boolean;
}

export interface TableOptions {
  /** Columns of the terminal; undefined when nobody looks: then nothing is cut. */
  readonly width?: number | undefined;
  readonly head?: Paint;
}

const GAP = '  ';
const MIN_WIDTH = 8;

/** Aligned rows with a head, ending with a newline. Cell text is made harmless and put on one line. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions = {},
): string {
  const heads = columns.map((c): Painted => ({ text: c.head, paint: options.head ?? identity }));
  const lines = [heads, ...rows.map((row) => columns.map((_, i) => painted(row[i])))];
  const natural = columns.map((_, i) => Math.max(...lines.map((line) => widthOf(line[i]?.text ?? ''))));
  const widths = options.width === undefined ? natural : shrink(columns, natural, options.width);
  return lines
    .map(
      (line) =>
        `${columns
          .map((c, i) => field(c, line[i], widths[i] ?? 0))
          .join(GAP)
          .trimEnd()}\n`,
    )
    .join('');
}

/** `name: value` lines with aligned values, for one object. */
export function pairs(rows: readonly (readonly [name: string, value: Cell])[], name: Paint = identity): string {
  const width = Math.max(0, ...rows.map(([n]) => widthOf(n)));
  return rows
    .map(([n, value]) => {
      const { text, paint } = painted(value);
      return `${name(n)}${' '.repeat(width - widthOf(n))}${GAP}${paint(text)}`.trimEnd() + '\n';
    })
    .join('');
}

const identity: Paint = (text) => text;

function painted(cell: Cell): Painted {
  if (typeof cell === 'object' && cell !== null) return { text: oneLine(cell.text), paint: cell.paint };
  return { text: cell === null || cell === undefined || cell === '' ? '-' : oneLine(String(cell)), paint: identity };
}

function field(column: Column, cell: Painted | undefined, width: number): string {
  const text = cut(cell?.text ?? '', width);
  const space = ' '.repeat(Math.max(0, width - widthOf(text)));
  const shown = cell?.paint(text) ?? text;
  return column.align === 'right' ? space + shown : shown + space;
}

/** Takes what is too much from the widest column that may shrink, one step at a time. */
function shrink(columns: readonly Column[], natural: readonly number[], total: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((a, b) => a + b, 0) + GAP.length * (columns.length - 1) - total;
  while (excess > 0) {
    const at = widest(columns, widths);
    if (at === undefined) break;
    widths[at] = (widths[at] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

function widest(columns: readonly Column[], widths: readonly number[]): number | undefined {
  let found: number | undefined;
  for (const [i, column] of columns.entries()) {
    const width = widths[i] ?? 0;
    if (column.shrinks !== true || width <= MIN_WIDTH) continue;
    if (found === undefined || width > (widths[found] ?? 0)) found = i;
  }
  return found;
}
