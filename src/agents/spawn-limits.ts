import type { AgentConfig, ResourceLimits } from '../contracts/agent.js';

const HOUR_MS = 3_600_000;

/** Whether an agent may have another one made now; if not, which limit says so, and when it says so no more. */
export type SpawnVerdict =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      readonly limit: 'max_spawn_rate' | 'max_depth';
      readonly max: number;
      readonly frees_at_ms: number | null;
    };

/** At most `max_spawn_rate` agents made for this one within any hour. `history` holds the times of earlier ones. Pure. */
export function mayStart(
  history: readonly number[],
  limits: Pick<ResourceLimits, 'max_spawn_rate'>,
  now_ms: number,
): SpawnVerdict {
  const { max_spawn_rate: max } = limits;
  const recent = history.filter((at) => at > now_ms - HOUR_MS).sort((a, b) => a - b);
  if (recent.length < max) return { allowed: true };
  // One more is allowed when so many have left the hour that fewer than `max` are in it.
  const last_to_leave = recent[recent.length - max];
  return {
    allowed: false,
    limit: 'max_spawn_rate',
    max,
    frees_at_ms: last_to_leave === undefined ? null : last_to_leave + HOUR_MS,
  };
}

/** An agent's ancestors, nearest first; a circle made by hand ends where it closes. */
export function ancestors(id: string, agents: ReadonlyMap<string, Pick<AgentConfig, 'parent_id'>>): string[] {
  const found = new Set<string>();
  for (let at = agents.get(id)?.parent_id; at !== undefined && !found.has(at) && agents.has(at);) {
    found.add(at);
    at = agents.get(at)?.parent_id;
  }
  return [...found];
}

/**
 * A child of `parent` is one level below it, an agent without a parent at depth 0. It must be within `max_depth` of every
 * agent above it, so that none can give its children a limit wider than its own.
 */
export function mayDescend(
  parent: string,
  agents: ReadonlyMap<string, Pick<AgentConfig, 'parent_id'>>,
  max_depth: (id: string) => number,
): SpawnVerdict {
  const line = [parent, ...ancestors(parent, agents)];
  const max = Math.min(...line.map(max_depth));
  return line.length <= max ? { allowed: true } : { allowed: false, limit: 'max_depth', max, frees_at_ms: null };
}
