import type { Task } from '@contracts/task.js';

export const NODE = { width: 210, height: 50, gap_x: 70, gap_y: 18, edge: 12 } as const;

export interface GraphNode {
  readonly task: Task;
  readonly x: number;
  readonly y: number;
}

/** Where each task stands that waits for one or is waited for: to the right of everything that it needs. */
export function graphOf(
  shown: readonly Task[],
  all: readonly Task[],
): { nodes: GraphNode[]; edges: { key: string; path: string; open: boolean }[]; width: number; height: number } {
  const known = new Map(all.map((task) => [task.id, task]));
  const wanted = new Set<string>();
  for (const task of shown) {
    const needs = task.dependencies.filter((id) => known.has(id));
    if (needs.length > 0) for (const id of [task.id, ...needs]) wanted.add(id);
  }
  const depths = new Map<string, number>();
  const depthOf = (id: string, above: ReadonlySet<string> = new Set()): number => {
    const ready = depths.get(id);
    if (ready !== undefined) return ready;
    // A circle cannot be there, and must not hang the page if it is.
    const needs = above.has(id) ? [] : (known.get(id)?.dependencies.filter((each) => wanted.has(each)) ?? []);
    const depth = needs.length === 0 ? 0 : 1 + Math.max(...needs.map((each) => depthOf(each, new Set([...above, id]))));
    depths.set(id, depth);
    return depth;
  };
  const rows = new Map<number, number>();
  const places = new Map<string, GraphNode>();
  for (const id of wanted) {
    const task = known.get(id);
    if (task === undefined) continue;
    const column = depthOf(id);
    const row = rows.get(column) ?? 0;
    rows.set(column, row + 1);
    const x = NODE.edge + column * (NODE.width + NODE.gap_x);
    places.set(id, { task, x, y: NODE.edge + row * (NODE.height + NODE.gap_y) });
  }
  const edges = [...places.values()].flatMap(({ task, x, y }) =>
    task.dependencies.flatMap((id) => {
      const from = places.get(id);
      if (from === undefined) return [];
      const [x1, y1] = [from.x + NODE.width, from.y + NODE.height / 2];
      const [x2, y2] = [x, y + NODE.height / 2];
      const bend = (x2 - x1) / 2;
      const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
      return [{ key: `${id} ${task.id}`, path, open: from.task.status !== 'done' }];
    }),
  );
  const nodes = [...places.values()];
  const width = Math.max(0, ...nodes.map(({ x }) => x + NODE.width)) + NODE.edge;
  const height = Math.max(0, ...nodes.map(({ y }) => y + NODE.height)) + NODE.edge;
  return { nodes, edges, width, height };
}
