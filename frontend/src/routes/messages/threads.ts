import type { Message, MessagePriority, MessageStatus } from '@contracts/message.js';
import { PRIORITY_LEVEL } from './look.js';

/** A conversation as a list shows it: its newest message speaks for it. */
export interface ThreadLine {
  readonly id: string;
  readonly newest: Message;
  /** Everybody who wrote or got a message of it, those of the newest first. */
  readonly parties: readonly string[];
  /** Messages of it that are loaded. */
  readonly count: number;
  /** Its first message is among them, so `count` is all. */
  readonly whole: boolean;
  /** The highest of what has not ended; else of the newest. */
  readonly priority: MessagePriority;
  /** What a person would want to know first: dead before waiting before done. */
  readonly status: MessageStatus;
}

const URGENCY: Readonly<Record<MessageStatus, number>> = {
  dead: 0,
  delivered: 1,
  queued: 2,
  expired: 3,
  cancelled: 4,
  acked: 5,
};

/** Groups messages, newest first, into conversations, newest first. */
export function threadsOf(messages: readonly Message[]): ThreadLine[] {
  return [...Map.groupBy(messages, ({ thread_id }) => thread_id)].flatMap(([id, own]) => {
    const [newest] = own;
    if (newest === undefined) return [];
    const parties = [...new Set(own.flatMap(({ from, to }) => [from, to]))];
    const open = own.filter(({ status }) => status === 'queued' || status === 'delivered');
    const level = (message: Message): number => PRIORITY_LEVEL[message.priority];
    const highest = open.reduce((top, each) => (level(each) > level(top) ? each : top), open[0] ?? newest);
    const worst = own.reduce((top, each) => (URGENCY[each.status] < URGENCY[top.status] ? each : top), newest);
    return [
      {
        id,
        newest,
        parties,
        count: own.length,
        whole: own.some((message) => message.id === id),
        priority: highest.priority,
        status: worst.status,
      },
    ];
  });
}

/** What was there when a person began to scroll: nothing is put above what is being read. */
export const upTo = (messages: readonly Message[], anchor: string | undefined): readonly Message[] =>
  anchor === undefined ? messages : messages.filter(({ id }) => id <= anchor);
