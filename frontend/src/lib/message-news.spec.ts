import { describe, expect, it } from '@jest/globals';
import type { Message } from '@contracts/message.js';
import { fits, type MessageEvent, newsOf, pagesWithNews, threadWithNews } from './message-news.js';

let n = 0;
function messageOf(own: Partial<Message> = {}): Message {
  n += 1;
  const id = `msg_${String(n).padStart(26, '0')}`;
  return {
    id,
    group_id: id,
    thread_id: id,
    reply_to: null,
    from: 'user:admin',
    sent_by: 'user:admin',
    to: 'worker',
    address: 'worker',
    message_type: 'direct',
    topic: null,
    content: 'Hello',
    priority: 'medium',
    metadata: {},
    status: 'queued',
    attempt: 0,
    hops: 0,
    turn_id: null,
    reason: null,
    created_at: '2026-11-29T10:00:00.000Z',
    deliver_after: null,
    expires_at: '2026-11-30T10:00:00.000Z',
    delivered_at: null,
    ended_at: null,
    ...own,
  };
}
const AT = '2026-11-29T10:00:05.000Z';
const envelope = { id: 'evt', seq: 1, timestamp: AT, agent_id: 'worker' };
const published = (message: Message): MessageEvent => ({
  ...envelope,
  type: 'message.published',
  payload: { message },
});
const became = (message: Message, status: 'delivered' | 'acked' | 'dead'): MessageEvent => ({
  ...envelope,
  type: `message.${status}`,
  payload: {
    message_id: message.id,
    from: message.from,
    to: message.to,
    priority: message.priority,
    status,
    attempt: 1,
    turn_id: 'trn_1',
    reason: null,
  },
});
const page = (...messages: Message[]) => ({ messages, has_more: false });

describe('a list of messages', () => {
  it('takes what fits its filter to its front, the newest first', () => {
    const [old, other, late, later] = [messageOf(), messageOf({ to: 'lead' }), messageOf(), messageOf()];
    const news = newsOf([published(late), published(other), published(later)]);
    const { pages } = pagesWithNews([page(old)], { agent_id: 'worker' }, news);
    expect(pages[0]?.messages.map(({ id }) => id)).toEqual([later.id, late.id, old.id]);
  });

  it('shows what became of a message, also of one told of in the same moment', () => {
    const [old, late] = [messageOf(), messageOf()];
    const news = newsOf([published(late), became(late, 'delivered'), became(old, 'delivered'), became(old, 'acked')]);
    const [first, second] = pagesWithNews([page(old)], {}, news).pages[0]?.messages ?? [];
    expect(first).toMatchObject({ id: late.id, status: 'delivered', delivered_at: AT, ended_at: null });
    expect(second).toMatchObject({ id: old.id, status: 'acked', delivered_at: AT, ended_at: AT });
  });

  it('keeps pages that nothing happened to, so that they are not drawn again', () => {
    const [one, two] = [page(messageOf()), page(messageOf())];
    const { pages } = pagesWithNews([one, two], {}, newsOf([became(one.messages[0] as Message, 'acked')]));
    expect(pages[0]).not.toBe(one);
    expect(pages[1]).toBe(two);
  });

  it('does not show one twice that it had asked for already', () => {
    const known = messageOf();
    const { pages } = pagesWithNews([page(known)], {}, newsOf([published(known)]));
    expect(pages[0]?.messages).toHaveLength(1);
  });

  it('lets go of what no longer has the status that is asked for, and says when it cannot know what has it now', () => {
    const [waits, unknown] = [messageOf(), messageOf()];
    const taken = pagesWithNews([page(waits)], { status: 'queued' }, newsOf([became(waits, 'dead')]));
    expect(taken).toEqual({ pages: [page()], incomplete: false });
    expect(pagesWithNews([page()], { status: 'dead' }, newsOf([became(unknown, 'dead')])).incomplete).toBe(true);
    expect(pagesWithNews([page()], { status: 'dead' }, newsOf([became(unknown, 'acked')])).incomplete).toBe(false);
  });

  it('finds words as the server does: whatever their case', () => {
    expect(fits(messageOf({ content: 'Look at the BUILD' }), { text: 'build' })).toBe(true);
    expect(fits(messageOf({ content: 'Look' }), { text: 'build' })).toBe(false);
  });
});

describe('a conversation', () => {
  it('takes its own new messages at its end and leaves the others', () => {
    const first = messageOf();
    const answer = messageOf({ thread_id: first.id });
    const news = newsOf([published(answer), published(messageOf()), became(first, 'acked')]);
    const after = threadWithNews([first], news);
    expect(after.map(({ id, status }) => [id, status])).toEqual([
      [first.id, 'acked'],
      [answer.id, 'queued'],
    ]);
  });

  it('stays the same object when the news are of others', () => {
    const messages = [messageOf()];
    expect(threadWithNews(messages, newsOf([published(messageOf())]))).toBe(messages);
  });
});
