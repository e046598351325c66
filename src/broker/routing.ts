import type { AgentConfig } from '../contracts/agent.js';
import { type MessagePriority, type MessageType, PRIORITIES, type Subscription } from '../contracts/message.js';
import { NoxError } from '../shared/nox-error.js';

export type Fleet = ReadonlyMap<string, Pick<AgentConfig, 'desired_state' | 'capabilities'>>;

/** What routing looks at. */
export interface Routed {
  readonly from: string;
  readonly priority: MessagePriority;
  readonly message_type: MessageType;
}

/**
 * Who gets a message for `address`: an agent that is named also when it is stopped; of those with a capability the one
 * that should be active and has least before it; the subscribers of a topic; all active agents. Never the sender, unless
 * it names itself. Throws AGENT_NOT_FOUND, NO_RECIPIENT.
 */
export function recipientsOf(
  address: string,
  message: Routed,
  given: { agents: Fleet; subscribers: readonly Subscription[]; load: (agent_id: string) => number },
): string[] {
  const { agents, subscribers, load } = given;
  if (address === '*')
    return [...agents]
      .filter(([id, { desired_state }]) => id !== message.from && desired_state === 'active')
      .map(([id]) => id);
  const [kind, name] = split(address);
  if (kind === 'topic') {
    return subscribers
      .filter((each) => each.topic === name && each.agent_id !== message.from && agents.has(each.agent_id))
      .filter((each) => admits(each, message))
      .map(({ agent_id }) => agent_id);
  }
  if (kind === 'capability') {
    const wanted = name.toLowerCase();
    const able = [...agents]
      .filter(([id, { capabilities }]) => id !== message.from && capabilities.some((c) => c.toLowerCase() === wanted))
      .map(([id, { desired_state }]) => ({ id, away: desired_state === 'active' ? 0 : 1, load: load(id) }))
      .sort((a, b) => a.away - b.away || a.load - b.load || (a.id < b.id ? -1 : 1));
    const [best] = able;
    if (best === undefined) throw new NoxError('NO_RECIPIENT', `No other agent has the capability "${name}".`);
    return [best.id];
  }
  if (!agents.has(address)) throw new NoxError('AGENT_NOT_FOUND', `to: no agent has the id ${address}.`);
  return [address];
}

function split(address: string): ['agent' | 'topic' | 'capability', string] {
  const colon = address.indexOf(':');
  const kind = address.slice(0, Math.max(colon, 0));
  return kind === 'topic' || kind === 'capability' ? [kind, address.slice(colon + 1)] : ['agent', address];
}

/** Whether a subscription's filter lets the message through. */
export function admits({ filter }: Pick<Subscription, 'filter'>, message: Routed): boolean {
  const { from_agent, min_priority, message_type } = filter;
  if (from_agent !== undefined && from_agent !== message.from) return false;
  if (message_type !== undefined && message_type !== message.message_type) return false;
  return min_priority === undefined || PRIORITIES.indexOf(message.priority) <= PRIORITIES.indexOf(min_priority);
}
