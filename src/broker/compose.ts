import type { BroadcastMessage, Message, SendMessage } from '../contracts/message.js';
import { NoxError } from '../shared/nox-error.js';

/** Messages that cause each other end after this many: two agents that answer each other without end. */
export const MAX_HOPS = 32;

/** Who sends. What an agent or Nox sends carries its own name, whatever the message says. */
export interface Sender {
  readonly kind: 'user' | 'agent' | 'system';
  /** An agent's id, `user:<name>` or `system`. */
  readonly from: string;
  /** `agent:<id>`, `user:<name>` or `system`. */
  readonly sent_by: string;
  /** The message during whose turn it is sent: it counts into the chain. */
  readonly cause_id?: string | undefined;
}

export const userSender = (name: string): Sender => ({ kind: 'user', from: `user:${name}`, sent_by: `user:${name}` });
export const agentSender = (id: string, cause_id?: string): Sender => ({
  kind: 'agent',
  from: id,
  sent_by: `agent:${id}`,
  cause_id,
});

export type Draft = Omit<BroadcastMessage, never> & Partial<Pick<SendMessage, 'to'>>;

export interface Parents {
  readonly reply_to: Message | undefined;
  readonly cause: Message | undefined;
}

interface Given {
  readonly address: string;
  readonly from: string;
  readonly sent_by: string;
  readonly to: readonly { readonly id: string; readonly agent_id: string }[];
  readonly parents: Parents;
  readonly now_ms: number;
  readonly default_ttl_ms: number;
}

/** One message for each recipient. VALIDATION_ERROR for times that cannot be, RESOURCE_LIMIT_EXCEEDED for too long a chain. */
export function compose(input: Draft, given: Given): Message[] {
  const { parents, now_ms } = given;
  const hops = Math.max(-1, parents.cause?.hops ?? -1, parents.reply_to?.hops ?? -1) + 1;
  if (hops > MAX_HOPS) {
    throw new NoxError(
      'RESOURCE_LIMIT_EXCEEDED',
      `${MAX_HOPS} messages have caused each other already: the chain ends here. Begin a new conversation if it has to go on.`,
    );
  }
  const expires_ms = expiry(input, now_ms, given.default_ttl_ms);
  const iso = (ms: number): string => new Date(ms).toISOString();
  const group_id = given.to[0]?.id ?? '';
  return given.to.map(({ id, agent_id }) => ({
    id,
    group_id,
    thread_id: parents.reply_to?.thread_id ?? id,
    reply_to: parents.reply_to?.id ?? null,
    from: given.from,
    sent_by: given.sent_by,
    to: agent_id,
    address: given.address,
    message_type: input.message_type,
    topic: input.topic ?? (given.address.startsWith('topic:') ? given.address.slice(6) : null),
    content: input.content,
    priority: input.priority,
    metadata: input.metadata,
    status: 'queued',
    attempt: 0,
    hops,
    turn_id: null,
    reason: null,
    created_at: iso(now_ms),
    deliver_after: input.deliver_after === undefined ? null : iso(Date.parse(input.deliver_after)),
    expires_at: iso(expires_ms),
    delivered_at: null,
    ended_at: null,
  }));
}

function expiry({ ttl_ms, deadline, deliver_after }: Draft, now_ms: number, default_ttl_ms: number): number {
  const starts_ms = deliver_after === undefined ? now_ms : Math.max(now_ms, Date.parse(deliver_after));
  const by_ttl = ttl_ms === undefined ? starts_ms + default_ttl_ms : now_ms + ttl_ms;
  const at = Math.min(by_ttl, deadline === undefined ? Infinity : Date.parse(deadline));
  if (at > starts_ms) return at;
  const [field, message] =
    deadline !== undefined && Date.parse(deadline) <= now_ms
      ? ['deadline', 'is over already']
      : ['deliver_after', 'is not before the deadline or the end of ttl_ms'];
  throw new NoxError('VALIDATION_ERROR', `The message does not fit: ${field}: ${message}`, [{ field, message }]);
}
