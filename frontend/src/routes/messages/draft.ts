import { BroadcastMessage, type MessagePriority, SendMessage } from '@contracts/message.js';
import type * as z from 'zod';
import { schemaProblems } from '../../lib/http.js';

export type Way = 'agent' | 'capability' | 'topic' | 'all';

/** The form as a person fills it in. */
export interface Draft {
  readonly way: Way;
  readonly agent: string;
  /** Of the capability or topic. */
  readonly name: string;
  readonly content: string;
  readonly priority: MessagePriority;
  readonly message_type: string;
  readonly topic: string;
  /** Minutes. */
  readonly ttl: string;
}

export type SendBody = z.input<typeof BroadcastMessage> & { to?: string };

/** What is to be sent, or what is wrong with it by field. */
export function requestOf(draft: Draft): { body?: SendBody; problems?: Record<string, string> } {
  const { way, content, priority, message_type } = draft;
  const name = draft.name.trim();
  const topic = way === 'topic' ? '' : draft.topic.trim();
  const minutes = Number(draft.ttl.replace(',', '.'));
  if (draft.ttl.trim() !== '' && !(minutes > 0)) return { problems: { ttl_ms: 'must be a number above 0' } };
  if (way === 'agent' && draft.agent === '') return { problems: { agent: 'must be chosen' } };
  if ((way === 'capability' || way === 'topic') && name === '') return { problems: { [way]: 'must not be empty' } };
  const to = way === 'agent' ? draft.agent : way === 'all' ? undefined : `${way}:${name}`;
  const body = {
    content,
    priority,
    ...(message_type !== '' && { message_type }),
    ...(topic !== '' && { topic }),
    ...(draft.ttl.trim() !== '' && { ttl_ms: Math.round(minutes * 60_000) }),
    ...(to !== undefined && { to }),
  };
  const parsed = (to === undefined ? BroadcastMessage : SendMessage).safeParse(body);
  if (parsed.success) return { body: body as SendBody };
  const problems = schemaProblems(parsed.error);
  return { problems: { ...problems, ...(problems['to'] !== undefined && { [way]: 'is not a valid name' }) } };
}

/** The same on a command line. */
export function sendCommand({ way, agent, name, content, priority, topic, ttl }: Draft): string {
  const words = content.trim() === '' ? '…' : content.trim();
  const to = way === 'agent' ? agent : `${way}:${name.trim() === '' ? 'NAME' : name.trim()}`;
  return [
    way === 'all' ? 'nox message broadcast' : `nox message send ${to}`,
    quoted(words.length > 60 ? `${words.slice(0, 60)}…` : words),
    ...(priority === 'medium' ? [] : [`--priority ${priority}`]),
    ...(topic.trim() === '' || way === 'topic' ? [] : [`--topic ${quoted(topic.trim())}`]),
    ...(Number(ttl) > 0 ? [`--ttl ${Math.round(Number(ttl) * 60)}`] : []),
  ].join(' ');
}

/** One word of a POSIX shell, whatever is in it. */
const quoted = (text: string): string =>
  /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll('\n', ' ').replaceAll("'", `'\\''`)}'`;
