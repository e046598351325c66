import * as z from 'zod';
import { AgentId, MessageId, Pagination, Timestamp, TurnId } from './ids.js';

/** Highest first. */
export const PRIORITIES = ['critical', 'high', 'medium', 'low'] as const;
export const MessagePriority = z.enum(PRIORITIES);
export type MessagePriority = z.infer<typeof MessagePriority>;

/** As callers may write it: `urgent` is critical, `normal` is medium. */
const GivenPriority = z
  .enum([...PRIORITIES, 'urgent', 'normal'])
  .transform((word): MessagePriority => (word === 'urgent' ? 'critical' : word === 'normal' ? 'medium' : word));

export const MessageType = z.enum([
  'direct',
  'broadcast',
  'task_request',
  'task_response',
  'system',
  'approval_request',
  'capability_query',
  'collaboration_invite',
]);
export type MessageType = z.infer<typeof MessageType>;

/** `acked`, `cancelled`, `expired` and `dead` are ends; a dead message can be sent again by a person. */
export const MessageStatus = z.enum(['queued', 'delivered', 'acked', 'cancelled', 'expired', 'dead']);
export type MessageStatus = z.infer<typeof MessageStatus>;

const word = (what: string) =>
  z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._/-]{0,99}$/, `must be a ${what}: 1 to 100 characters of a-z, 0-9 and ._/-`);
export const Topic = word('topic');

/** Whom a message is for: an agent, `capability:<name>` (the one that fits best), `topic:<name>`, or `*` (all active). */
export const Address = z.union([
  AgentId,
  z.literal('*'),
  z.templateLiteral(['capability:', word('capability')]),
  z.templateLiteral(['topic:', Topic]),
]);

/** What the sender says about it, for programs; other keys are kept. */
export const MessageMetadata = z
  .looseObject({
    task_id: z.string().max(200).optional(),
    dependencies: z.array(z.string().max(200)).max(100).optional(),
    request_id: z.string().max(200).optional(),
  })
  .refine((value) => JSON.stringify(value).length <= 8192, 'must be at most 8192 characters of JSON');

/** One message to one recipient. A broadcast makes one for each, which share `group_id`. */
export const Message = z.object({
  id: MessageId,
  group_id: MessageId,
  /** The message that began the conversation; its own id when it did. */
  thread_id: MessageId,
  reply_to: MessageId.nullable(),
  /** An agent's id, `user:<name>` or `system`. */
  from: z.string(),
  /** Who was proved to have sent it: `agent:<id>` over its own pipe, `user:<name>` with a login, `system`. */
  sent_by: z.string(),
  /** The recipient. */
  to: AgentId,
  /** As the sender wrote it. */
  address: z.string(),
  message_type: MessageType,
  topic: z.string().nullable(),
  content: z.string(),
  priority: MessagePriority,
  metadata: z.record(z.string(), z.unknown()),
  status: MessageStatus,
  /** Times it was handed to the agent, failures of the model not counted. */
  attempt: z.number().int(),
  /** Messages before it in a chain of causes; refused beyond 32. */
  hops: z.number().int(),
  /** The turn that reads it, once there is one. */
  turn_id: TurnId.nullable(),
  /** Why it waits, or ended without having been read. */
  reason: z.string().nullable(),
  created_at: Timestamp,
  /** Not handed over before; null: at once. */
  deliver_after: Timestamp.nullable(),
  expires_at: Timestamp,
  delivered_at: Timestamp.nullable(),
  ended_at: Timestamp.nullable(),
});
export type Message = z.infer<typeof Message>;

const SEND = {
  /** On whose behalf, an agent's id; the caller when left out. `sent_by` shows the caller in any case. */
  from: AgentId.optional(),
  content: z.string().min(1).max(65_536),
  priority: GivenPriority.default('medium'),
  topic: Topic.optional(),
  metadata: MessageMetadata.default({}),
  ttl_ms: z.number().int().min(1).max(31_536_000_000).optional(),
  /** Useless afterwards; the earlier of this and the ttl counts. */
  deadline: Timestamp.optional(),
  deliver_after: Timestamp.optional(),
  reply_to: MessageId.optional(),
  /** A second send with the same key and the same body answers with the first; another body is refused. Kept 7 days. */
  idempotency_key: z.string().min(1).max(200).optional(),
};

export const SendMessage = z.strictObject({ to: Address, message_type: MessageType.default('direct'), ...SEND });
export type SendMessage = z.infer<typeof SendMessage>;

/** With `topic`: to its subscribers; else to every agent that should be active. Never to the sender. */
export const BroadcastMessage = z.strictObject({ message_type: MessageType.default('broadcast'), ...SEND });
export type BroadcastMessage = z.infer<typeof BroadcastMessage>;

/** One that is not taken, and why: its queue is full. */
const Refused = z.object({ agent_id: AgentId, reason: z.string() });
export const BroadcastReply = z.object({
  group_id: MessageId.nullable(),
  messages: z.array(Message),
  refused: z.array(Refused),
});
export type BroadcastReply = z.infer<typeof BroadcastReply>;

/** The (first) message, and all that were made of it. */
export const SendReply = Message.extend({
  recipients: z.array(z.object({ agent_id: AgentId, message_id: MessageId })),
  refused: z.array(Refused),
});
export type SendReply = z.infer<typeof SendReply>;

const FILTER = {
  /** Sent or received by it. */
  agent_id: AgentId.optional(),
  from: z.string().max(200).optional(),
  to: AgentId.optional(),
  message_type: MessageType.optional(),
  priority: MessagePriority.optional(),
  topic: Topic.optional(),
  thread_id: MessageId.optional(),
  group_id: MessageId.optional(),
  /** Part of its text. */
  text: z.string().max(200).optional(),
  /** Messages before this one, for paging back. */
  before: MessageId.optional(),
  page: z.coerce.number().int().min(1).default(1),
  limit: z.coerce.number().int().min(1).max(500).default(100),
};
export const MessageListQuery = z.object({ status: MessageStatus.optional(), ...FILTER });
export type MessageListQuery = z.infer<typeof MessageListQuery>;
/** Newest first; one thread oldest first. */
export const MessageList = z.object({ messages: z.array(Message), pagination: Pagination });
export type MessageList = z.infer<typeof MessageList>;

/** One try to hand a message over. */
export const DeliveryAttempt = z.object({
  attempt: z.number().int(),
  turn_id: TurnId.nullable(),
  prompt_uuid: z.string().nullable(),
  outcome: z.enum(['leased', 'delivered', 'acked', 'requeued', 'cancelled', 'expired', 'dead']),
  reason: z.string().nullable(),
  started_at: Timestamp,
  ended_at: Timestamp.nullable(),
});
export type DeliveryAttempt = z.infer<typeof DeliveryAttempt>;
export const MessageDetail = Message.extend({ deliveries: z.array(DeliveryAttempt) });
export type MessageDetail = z.infer<typeof MessageDetail>;

const ByPriority = z.record(MessagePriority, z.number());
export const BrokerStats = z.object({
  adapter: z.enum(['sqlite', 'redis']),
  /** False while publishing is refused, `detail` says why. */
  available: z.boolean(),
  detail: z.string(),
  /** Messages that wait. */
  waiting: z.number(),
  /** Handed over, not ended. */
  active: z.number(),
  acked: z.number(),
  dead: z.number(),
  /** Ended without having been read: cancelled or expired. */
  dropped: z.number(),
  per_priority: ByPriority,
  /** Accepted in the last 60 s. */
  messages_per_minute: z.number(),
  agents: z.array(z.object({ agent_id: AgentId, waiting: z.number(), active: z.number(), per_priority: ByPriority })),
});
export type BrokerStats = z.infer<typeof BrokerStats>;

/** Who wrote to whom. */
export const MessageGraph = z.object({
  edges: z.array(z.object({ from: z.string(), to: AgentId, messages: z.number(), last_at: Timestamp })),
});
export type MessageGraph = z.infer<typeof MessageGraph>;

/** What a subscriber wants of a topic; a field that is left out admits all. */
export const SubscriptionFilter = z.strictObject({
  from_agent: AgentId.optional(),
  /** This or higher. */
  min_priority: MessagePriority.optional(),
  message_type: MessageType.optional(),
});
export type SubscriptionFilter = z.infer<typeof SubscriptionFilter>;
export const Subscription = z.object({
  agent_id: AgentId,
  topic: Topic,
  filter: SubscriptionFilter,
  created_at: Timestamp,
});
export type Subscription = z.infer<typeof Subscription>;
export const Subscribe = z.strictObject({
  topics: z.array(Topic).min(1).max(100),
  filter: SubscriptionFilter.default({}),
});
/** Without topics: from all. */
export const Unsubscribe = z.strictObject({ topics: z.array(Topic).max(100).optional() }).prefault({});
export const SubscriptionList = z.object({ subscriptions: z.array(Subscription) });

const change = {
  message_id: MessageId,
  from: z.string(),
  to: AgentId,
  priority: MessagePriority,
  status: MessageStatus,
  attempt: z.number().int(),
  turn_id: TurnId.nullable(),
  reason: z.string().nullable(),
};
/** What happened to a message; the event's `agent_id` is its recipient. */
export const MessageChange = z.object(change);
export type MessageChange = z.infer<typeof MessageChange>;

export const MESSAGE_EVENTS = {
  /** Accepted: it survives any crash from here on. */
  'message.published': z.object({ message: Message }),
  /** The agent's process has taken it in. */
  'message.delivered': MessageChange,
  /** The turn that read it is stored. */
  'message.acked': MessageChange,
  /** It waits again; `delay_ms` until it may be handed over. */
  'message.requeued': z.object({ ...change, delay_ms: z.number() }),
  'message.cancelled': MessageChange,
  'message.expired': MessageChange,
  /** Given up after too many tries. */
  'message.dead': MessageChange,
  /** A person sent a dead message again. */
  'message.retried': z.object({ ...change, actor: z.string() }),
  /** The queue cannot be reached, or can be again. */
  'message.broker_changed': z.object({ available: z.boolean(), detail: z.string() }),
} as const;
