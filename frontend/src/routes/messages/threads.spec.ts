import { describe, expect, it } from '@jest/globals';
import type { Message } from '@contracts/message.js';
import { stepsOf } from './look.js';
import { threadsOf, upTo } from './threads.js';

const message = (own: Partial<Message>): Message =>
  ({ from: 'user:admin', to: 'worker', priority: 'medium', status: 'acked', turn_id: null, ...own }) as Message;

describe('conversations', () => {
  it('stand where their newest message stands, and say who takes part', () => {
    const threads = threadsOf([
      message({ id: 'c', thread_id: 'a', from: 'worker', to: 'lead' }),
      message({ id: 'b', thread_id: 'b' }),
      message({ id: 'a', thread_id: 'a' }),
    ]);
    expect(threads.map(({ id, count, whole }) => [id, count, whole])).toEqual([
      ['a', 2, true],
      ['b', 1, true],
    ]);
    expect(threads[0]?.parties).toEqual(['worker', 'lead', 'user:admin']);
  });

  it('say that there is more when their first message is not loaded', () => {
    expect(threadsOf([message({ id: 'c', thread_id: 'a' })])[0]).toMatchObject({ count: 1, whole: false });
  });

  it('are as urgent as the most urgent that is open, and as bad as their worst message', () => {
    const [thread] = threadsOf([
      message({ id: 'd', thread_id: 'a', priority: 'low', status: 'queued' }),
      message({ id: 'c', thread_id: 'a', priority: 'high', status: 'delivered' }),
      message({ id: 'b', thread_id: 'a', priority: 'critical', status: 'acked' }),
      message({ id: 'a', thread_id: 'a', status: 'dead' }),
    ]);
    expect(thread).toMatchObject({ priority: 'high', status: 'dead' });
  });

  it('hold back what is newer than what is being read', () => {
    const list = [message({ id: 'c' }), message({ id: 'b' }), message({ id: 'a' })];
    expect(upTo(list, 'b').map(({ id }) => id)).toEqual(['b', 'a']);
    expect(upTo(list, undefined)).toBe(list);
  });
});

describe('the steps of a message', () => {
  const reached = (own: Partial<Message>) =>
    stepsOf(message({ delivered_at: null, ended_at: null, ...own }))
      .filter((step) => step.reached)
      .map(({ word }) => word);

  it.each([
    [{ status: 'queued' }, ['accepted']],
    [{ status: 'queued', turn_id: 'trn_1' }, ['accepted', 'delivered']],
    [{ status: 'delivered', turn_id: 'trn_1', delivered_at: 'now' }, ['accepted', 'delivered', 'read']],
    [{ status: 'acked', turn_id: 'trn_1', delivered_at: 'now' }, ['accepted', 'delivered', 'read', 'done']],
    [{ status: 'dead', turn_id: null }, ['accepted']],
  ] as const)('of %j are %j', (own, words) => {
    expect(reached(own)).toEqual(words);
  });
});
