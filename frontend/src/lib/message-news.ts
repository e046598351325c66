import type { AnyNoxEvent } from '@contracts/event.js';
import type { Message, MessageChange, MessageListQuery } from '@contracts/message.js';

/** Which messages a list shows. */
export type MessageFilter = Partial<
  Pick<MessageListQuery, 'agent_id' | 'priority' | 'message_type' | 'status' | 'topic' | 'text'>
>;

/** A stretch of a list, newest first. */
export interface MessagePage {
  readonly messages: readonly Message[];
  readonly has_more: boolean;
}

export type MessageEvent = Extract<AnyNoxEvent, { type: `message.${string}` }>;

export const isMessageEvent = (event: AnyNoxEvent): event is MessageEvent => event.type.startsWith('message.');

/** Whether the server would list it under this filter. */
export function fits(message: Message, filter: MessageFilter): boolean {
  const { agent_id, priority, message_type, status, topic, text } = filter;
  return (
    (agent_id === undefined || message.to === agent_id || message.from === agent_id) &&
    (priority === undefined || message.priority === priority) &&
    (message_type === undefined || message.message_type === message_type) &&
    (status === undefined || message.status === status) &&
    (topic === undefined || message.topic === topic) &&
    (text === undefined || message.content.toLowerCase().includes(text.toLowerCase()))
  );
}

/** What was told since, sorted out: new messages by id, and what became of known ones. */
export interface MessageNews {
  readonly added: ReadonlyMap<string, Message>;
  readonly changes: ReadonlyMap<string, readonly MessageEvent[]>;
}

export function newsOf(events: readonly MessageEvent[]): MessageNews {
  const added = new Map<string, Message>();
  const changes = new Map<string, MessageEvent[]>();
  for (const event of events) {
    if (event.type === 'message.broker_changed') continue;
    if (event.type === 'message.published') {
      added.set(event.payload.message.id, event.payload.message);
      continue;
    }
    const id = event.payload.message_id;
    const fresh = added.get(id);
    if (fresh !== undefined) added.set(id, changed(fresh, event));
    else changes.set(id, [...(changes.get(id) ?? []), event]);
  }
  return { added, changes };
}

/** The message after this event. */
export function changed(message: Message, event: MessageEvent): Message {
  if (event.type === 'message.published' || event.type === 'message.broker_changed') return message;
  const { status, attempt, turn_id, reason }: MessageChange = event.payload;
  const next = { ...message, status, attempt, turn_id, reason };
  switch (event.type) {
    case 'message.delivered':
      return { ...next, delivered_at: event.timestamp };
    case 'message.requeued':
    case 'message.retried':
      return { ...next, delivered_at: null, ended_at: null };
    default:
      return { ...next, ended_at: event.timestamp };
  }
}

/** The pages of a list after the news; what has not changed stays the same object. `incomplete`: it must be asked for again. */
export function pagesWithNews(
  pages: readonly MessagePage[],
  filter: MessageFilter,
  { added, changes }: MessageNews,
): { pages: MessagePage[]; incomplete: boolean } {
  const known = new Set<string>();
  const kept = pages.map((page): MessagePage => {
    if (!page.messages.some(({ id }) => changes.has(id) || added.has(id))) return page;
    const messages = page.messages.map((message) => {
      known.add(message.id);
      return (changes.get(message.id) ?? []).reduce(changed, added.get(message.id) ?? message);
    });
    return { ...page, messages: messages.filter((message) => fits(message, filter)) };
  });
  const fresh = [...added.values()].filter((message) => !known.has(message.id) && fits(message, filter));
  fresh.sort((a, b) => (a.id < b.id ? 1 : -1));
  const [first, ...rest] = kept;
  // One that was not listed because of its state may be now; what it says is not known here.
  const incomplete =
    filter.status !== undefined &&
    [...changes].some(([id, own]) => !known.has(id) && own.some((event) => statusOf(event) === filter.status));
  if (first === undefined || fresh.length === 0) return { pages: kept, incomplete };
  return { pages: [{ ...first, messages: [...fresh, ...first.messages] }, ...rest], incomplete };
}

/** One conversation after the news, oldest first; nothing is known of an empty one. */
export function threadWithNews(messages: readonly Message[], { added, changes }: MessageNews): readonly Message[] {
  const thread_id = messages[0]?.thread_id;
  const fresh = [...added.values()].filter(
    (message) => message.thread_id === thread_id && !messages.some(({ id }) => id === message.id),
  );
  if (fresh.length === 0 && !messages.some(({ id }) => changes.has(id))) return messages;
  fresh.sort((a, b) => (a.id < b.id ? -1 : 1));
  return [...messages.map((message) => (changes.get(message.id) ?? []).reduce(changed, message)), ...fresh];
}

const statusOf = (event: MessageEvent) => ('status' in event.payload ? event.payload.status : undefined);
