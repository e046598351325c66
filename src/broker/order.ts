import { type MessagePriority, PRIORITIES } from '../contracts/message.js';

/** A message that has waited this long may no longer be passed over without end. */
export const OLD_AFTER_MS = 30_000;

/** Since when the first of each priority waits; no field when none does. */
export type Heads = { readonly [P in MessagePriority]?: number };

/** How many higher ones went before the first of a priority since it was old. */
export type PassedOver = { readonly [P in MessagePriority]?: number };

export interface OrderRule {
  readonly now_ms: number;
  /** Priorities that may be handed over at this point. */
  readonly open: readonly MessagePriority[];
  /** Also those that were passed over often enough, although they are not open. */
  readonly overdue: boolean;
  /** `broker.low_waits_at_most`. */
  readonly at_most: number;
}

export interface Choice {
  readonly priority: MessagePriority;
  readonly passed: PassedOver;
}

/**
 * Which priority is next. Higher first, with a bound: once the first message of a priority is old, at most `at_most`
 * higher ones go before it; of several that are overdue the lowest goes, for which the others do not count as passing.
 * Undefined when nothing may go.
 */
export function chooseNext(heads: Heads, passed: PassedOver, rule: OrderRule): Choice | undefined {
  const isOld = (priority: MessagePriority): boolean => rule.now_ms - (heads[priority] ?? Infinity) >= OLD_AFTER_MS;
  const overdue = PRIORITIES.findLast(
    (each) => isOld(each) && (passed[each] ?? 0) >= rule.at_most && (rule.overdue || rule.open.includes(each)),
  );
  const priority = overdue ?? PRIORITIES.find((each) => heads[each] !== undefined && rule.open.includes(each));
  if (priority === undefined) return undefined;
  const next: { [P in MessagePriority]?: number } = {};
  const chosen = PRIORITIES.indexOf(priority);
  for (const [level, each] of PRIORITIES.entries()) {
    const before = passed[each] ?? 0;
    const count = level > chosen && isOld(each) ? before + 1 : each === priority ? 0 : before;
    if (count > 0 && heads[each] !== undefined) next[each] = count;
  }
  return { priority, passed: next };
}
