import type { GroupStrategy, Relationship } from '../contracts/relationship.js';

/** Who supervises whom, in the order of the file. A forest: every agent has one supervisor at most, and no circles. */
export interface SupervisionTree {
  readonly children: ReadonlyMap<string, readonly string[]>;
  readonly parent: ReadonlyMap<string, { readonly id: string; readonly strategy: GroupStrategy }>;
}

/** What a death does to the others: who stops, in this order, and who starts, in this order (with the dead one). */
export interface GroupPlan {
  readonly stop: readonly string[];
  readonly start: readonly string[];
}

/** The tree of the agents that exist. */
export function supervisionTree(list: readonly Relationship[], exists: (id: string) => boolean): SupervisionTree {
  const children = new Map<string, string[]>();
  const parent = new Map<string, { id: string; strategy: GroupStrategy }>();
  for (const { from, to, type, strategy = 'one_for_one' } of list) {
    if (type !== 'supervisor' || !exists(from) || !exists(to)) continue;
    children.set(from, [...(children.get(from) ?? []), to]);
    parent.set(to, { id: from, strategy });
  }
  return { children, parent };
}

/** An agent and everything below it, in the order in which they start: a supervisor first, then its children. */
export function subtree(tree: SupervisionTree, id: string): string[] {
  return [id, ...(tree.children.get(id) ?? []).flatMap((child) => subtree(tree, child))];
}

export const strategyOf = (tree: SupervisionTree, died: string): GroupStrategy =>
  tree.parent.get(died)?.strategy ?? 'one_for_one';

/**
 * As in OTP: a supervisor that dies takes those below it along; its siblings go along as the strategy says. Starts go from
 * left to right in the order of the file, stops the other way round. Pure.
 */
export function planGroup(tree: SupervisionTree, died: string, strategy: GroupStrategy): GroupPlan {
  const above = tree.parent.get(died);
  const siblings = above === undefined ? [died] : (tree.children.get(above.id) ?? []);
  const affected = {
    one_for_one: () => [died],
    one_for_all: () => siblings,
    rest_for_one: () => siblings.slice(siblings.indexOf(died)),
  }[strategy]();
  const start = affected.flatMap((id) => subtree(tree, id));
  return { start, stop: start.filter((id) => id !== died).toReversed() };
}

/** For a start of many: groups beside each other, the members of each in their order. */
export function startBatches(tree: SupervisionTree, ids: readonly string[]): string[][] {
  const wanted = new Set(ids);
  const roots = new Set(ids.map((id) => rootOf(tree, id)));
  return [...roots].map((root) => subtree(tree, root).filter((id) => wanted.has(id)));
}

/** The highest above an agent; itself, when nobody is. */
export function rootOf(tree: SupervisionTree, id: string): string {
  const above = tree.parent.get(id);
  return above === undefined ? id : rootOf(tree, above.id);
}
