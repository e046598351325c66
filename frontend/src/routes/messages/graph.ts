import type { MessageGraph } from '@contracts/message.js';

export type Edge = MessageGraph['edges'][number];

export interface TalkNode {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  /** Where its name stands: outside of the circle. */
  readonly label_x: number;
  readonly anchor: 'start' | 'middle' | 'end';
  readonly messages: number;
}

export interface TalkLine {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly path: string;
  /** 1 to 5, by how many messages went this way. */
  readonly weight: number;
  readonly messages: number;
}

export interface Talk {
  readonly nodes: readonly TalkNode[];
  readonly lines: readonly TalkLine[];
  readonly width: number;
  readonly height: number;
  /** Parties that are not drawn, because nobody could tell so many apart. */
  readonly hidden: number;
}

const DRAWN = 40;
const NODE_R = 7;
const SIDE = 170;

/** Everybody on a circle, those who talk most first; each way of talking is an arrow of its own. */
export function talkOf(edges: readonly Edge[]): Talk {
  const totals = new Map<string, number>();
  for (const { from, to, messages } of edges)
    for (const party of new Set([from, to])) totals.set(party, (totals.get(party) ?? 0) + messages);
  const sorted = [...totals].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const drawn = sorted.slice(0, DRAWN);
  const radius = Math.max(90, (drawn.length * 34) / (2 * Math.PI));
  const [cx, cy] = [radius + SIDE, radius + 40];
  const places = new Map(
    drawn.map(([id, messages], i): [string, TalkNode] => {
      const angle = (2 * Math.PI * i) / drawn.length - Math.PI / 2;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      const [x, y] = [cx + radius * cos, cy + radius * sin];
      const anchor = Math.abs(cos) < 0.25 ? 'middle' : cos > 0 ? 'start' : 'end';
      return [id, { id, x, y, label_x: anchor === 'middle' ? x : x + Math.sign(cos) * 14, anchor, messages }];
    }),
  );
  const highest = Math.max(1, ...edges.map(({ messages }) => messages));
  const lines = edges.flatMap(({ from, to, messages }): TalkLine[] => {
    const [a, b] = [places.get(from), places.get(to)];
    if (a === undefined || b === undefined) return [];
    const weight = 1 + Math.round((4 * Math.log1p(messages)) / Math.log1p(highest));
    return [{ key: `${from} ${to}`, from, to, path: arc(a, b, cx, cy), weight: Math.min(5, weight), messages }];
  });
  return {
    nodes: [...places.values()],
    lines,
    width: 2 * cx,
    height: 2 * cy,
    hidden: sorted.length - drawn.length,
  };
}

/** Bends to the right of its way, so that the two ways between two parties do not lie on each other. */
function arc(a: TalkNode, b: TalkNode, cx: number, cy: number): string {
  const round = (n: number): number => Math.round(n * 10) / 10;
  if (a.id === b.id) return `M${round(a.x - 4)} ${round(a.y)}a9 9 0 1 1 8 0`;
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy);
  // Towards the middle, and a little to the right.
  const mx = (a.x + b.x) / 2 + (cx - (a.x + b.x) / 2) * 0.25 - (dy / length) * 16;
  const my = (a.y + b.y) / 2 + (cy - (a.y + b.y) / 2) * 0.25 + (dx / length) * 16;
  const end = Math.hypot(b.x - mx, b.y - my);
  const [ex, ey] = [b.x - ((b.x - mx) / end) * (NODE_R + 6), b.y - ((b.y - my) / end) * (NODE_R + 6)];
  return `M${round(a.x)} ${round(a.y)}Q${round(mx)} ${round(my)} ${round(ex)} ${round(ey)}`;
}
