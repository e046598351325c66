import type { GroupStrategy, Relationship } from '@contracts/relationship.js';

/** An agent in its group, with those that it supervises in the order of the file. */
export interface GroupNode {
  readonly id: string;
  /** What happens when one of those below dies; undefined when there are none. */
  readonly strategy: GroupStrategy | undefined;
  readonly below: readonly GroupNode[];
}

/** The whole group that an agent belongs to, from its highest supervisor down; undefined when it is in none. */
export function groupOf(id: string, relationships: readonly Relationship[]): GroupNode | undefined {
  const supervisions = relationships.filter(({ type }) => type === 'supervisor');
  const above = new Map(supervisions.map(({ from, to }) => [to, from]));
  let root = id;
  // The registry allows no circle; one that is there all the same must not hang the page.
  for (const seen = new Set([id]); ; seen.add(root)) {
    const next = above.get(root);
    if (next === undefined || seen.has(next)) break;
    root = next;
  }
  const nodeOf = (at: string, seen: ReadonlySet<string>): GroupNode => {
    const own = supervisions.filter(({ from, to }) => from === at && !seen.has(to));
    return {
      id: at,
      strategy: own.length === 0 ? undefined : (own[0]?.strategy ?? 'one_for_one'),
      below: own.map(({ to }) => nodeOf(to, new Set([...seen, to]))),
    };
  };
  const tree = nodeOf(root, new Set([root]));
  return tree.below.length === 0 ? undefined : tree;
}
