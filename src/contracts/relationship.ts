import * as z from 'zod';
import { AgentId } from './ids.js';

export const RelationshipType = z.enum(['collaborator', 'supervisor', 'subordinate', 'peer']);

/** Who goes along when a supervised agent dies: only itself, all its siblings, or those listed after it. */
export const GroupStrategy = z.enum(['one_for_one', 'one_for_all', 'rest_for_one']);
export type GroupStrategy = z.infer<typeof GroupStrategy>;

/** `from` is the `type` of `to`: `from` supervises `to`. `strategy` is for supervisors; the default is `one_for_one`. */
export const Relationship = z.looseObject({
  from: AgentId,
  to: AgentId,
  type: RelationshipType,
  strategy: GroupStrategy.optional(),
});
export type Relationship = z.infer<typeof Relationship>;

/**
 * What is wrong with a list of relationships: an agent with two supervisors, a circle of supervisors, a pair listed twice.
 * Undefined when it can be lived with.
 */
export function relationshipProblem(list: readonly Relationship[]): { index: number; message: string } | undefined {
  const supervisor = new Map<string, string>();
  const pairs = new Set<string>();
  for (const [index, { from, to, type, strategy }] of list.entries()) {
    if (from === to) return { index, message: `${from} cannot be related to itself` };
    if (pairs.has(`${from} ${to} ${type}`)) return { index, message: `${from} -> ${to} is listed twice as ${type}` };
    pairs.add(`${from} ${to} ${type}`);
    if (type !== 'supervisor') {
      if (strategy !== undefined) return { index, message: 'a strategy is for type = "supervisor" only' };
      continue;
    }
    const known = supervisor.get(to);
    if (known !== undefined) return { index, message: `${to} is supervised by ${known} already` };
    supervisor.set(to, from);
    const above = [from];
    for (let at = supervisor.get(from); at !== undefined; at = supervisor.get(at)) {
      above.push(at);
      if (at === to) return { index, message: `a circle of supervisors: ${[to, ...above].join(' is supervised by ')}` };
    }
  }
  return undefined;
}

/** Body of POST /agents/:id/relationships: what the agent is to the other one. */
export const AddRelationship = z.strictObject({
  target_agent_id: AgentId,
  type: RelationshipType,
  strategy: GroupStrategy.optional(),
});
export type AddRelationship = z.infer<typeof AddRelationship>;

/** Body of DELETE /agents/:id/relationships. Without `type`: whatever the agent is to the other one. */
export const RemoveRelationship = z.strictObject({ target_agent_id: AgentId, type: RelationshipType.optional() });
export type RemoveRelationship = z.infer<typeof RemoveRelationship>;

/** The relationships of an agent, in the order of the file. */
export const RelationshipList = z.object({ relationships: z.array(Relationship) });
