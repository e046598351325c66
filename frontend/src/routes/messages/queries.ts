import type { BroadcastMessage, Message } from '@contracts/message.js';
import { type InfiniteData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import type * as z from 'zod';
import { plural } from '../../lib/format.js';
import { messageOf } from '../../lib/http.js';
import { keys } from '../../lib/keys.js';
import type { MessageFilter, MessagePage } from '../../lib/message-news.js';
import { notify } from '../../lib/notify.js';
import { call } from '../../lib/session.js';

const PAGE = 100;
const THREAD = 500;
/** A list that is looked at from its top forgets what is further down than this. */
const KEPT = 400;

/** Messages, newest first, page by page backwards; events keep them up to date. */
export function useMessages(filter: MessageFilter) {
  const list = useInfiniteQuery({
    queryKey: [...keys.messageLists, filter],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam: before, signal }): Promise<MessagePage> => {
      const query = { ...filter, limit: PAGE, ...(before !== undefined && { before }) };
      const { messages, pagination } = await call('messages_list', { query }, signal);
      return { messages, has_more: pagination.total > messages.length };
    },
    getNextPageParam: (page) => (page.has_more ? page.messages.at(-1)?.id : undefined),
    staleTime: Infinity,
  });
  const messages = useMemo(() => list.data?.pages.flatMap((page) => page.messages), [list.data]);
  return { ...list, messages };
}

/** Lets go of what a live list has grown by while nobody scrolled in it. */
export function useForgetOld(filter: MessageFilter) {
  const queries = useQueryClient();
  return () =>
    queries.setQueryData<InfiniteData<MessagePage, string | undefined>>([...keys.messageLists, filter], (data) => {
      const [first] = data?.pages ?? [];
      if (data === undefined || first === undefined || first.messages.length <= KEPT) return data;
      return {
        pages: [{ messages: first.messages.slice(0, KEPT), has_more: true }],
        pageParams: data.pageParams.slice(0, 1),
      };
    });
}

/** A conversation, oldest first; its newest 500 when it is longer. The id may be that of any of its messages. */
export function useThread(id: string | undefined) {
  return useQuery({
    queryKey: keys.messageThread(id ?? ''),
    enabled: id !== undefined,
    queryFn: async ({ signal }): Promise<readonly Message[]> => {
      const query = { thread_id: id ?? '', limit: THREAD };
      const first = await call('messages_list', { query }, signal);
      const pages = Math.ceil(first.pagination.total / THREAD);
      if (pages > 1) {
        const last = await call('messages_list', { query: { ...query, page: pages } }, signal);
        const before =
          pages === 2 ? first : await call('messages_list', { query: { ...query, page: pages - 1 } }, signal);
        return [...before.messages, ...last.messages].slice(-THREAD);
      }
      if (first.messages.length > 0) return first.messages;
      // Not a conversation: perhaps a message of one. Says so when it is neither.
      const { thread_id } = await call('messages_get', { params: { id: id ?? '' } }, signal);
      return (await call('messages_list', { query: { thread_id, limit: THREAD } }, signal)).messages;
    },
    staleTime: Infinity,
  });
}

/** Each try to hand a message over. */
export function useDeliveries(message: Message, enabled: boolean) {
  return useQuery({
    queryKey: [...keys.messages, 'one', message.id, message.status, message.attempt],
    enabled,
    queryFn: async ({ signal }) => (await call('messages_get', { params: { id: message.id } }, signal)).deliveries,
  });
}

export function useBrokerStats() {
  return useQuery({
    queryKey: keys.messageStats,
    queryFn: ({ signal }) => call('messages_stats', {}, signal),
    staleTime: Infinity,
    refetchInterval: 30_000,
  });
}

export function useTalk(hours: number) {
  return useQuery({
    queryKey: [...keys.messageGraph, hours],
    queryFn: ({ signal }) => call('messages_graph', { query: { hours } }, signal),
    placeholderData: (before) => before,
  });
}

export interface Outcome {
  readonly sent: readonly Message[];
  readonly refused: readonly { readonly agent_id: string; readonly reason: string }[];
}

/** Sends to whom it names, or without `to` to all. Answered when it is safe on the disk. */
export function useSend() {
  return useMutation({
    mutationFn: async ({ to, ...body }: z.input<typeof BroadcastMessage> & { to?: string }): Promise<Outcome> => {
      if (to === undefined) {
        const { messages, refused } = await call('messages_broadcast', { body });
        return { sent: messages, refused };
      }
      const {
        recipients: _,
        refused,
        ...message
      } = await call('messages_send', {
        body: { ...body, to },
      });
      return { sent: [message], refused };
    },
  });
}

/** Sends dead messages again, one after the other; says how many, and why the others stay. */
export function useRetry() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (messages: readonly Message[]) => {
      const problems: string[] = [];
      for (const { id } of messages) {
        try {
          await call('messages_retry', { params: { id } });
        } catch (error) {
          problems.push(messageOf(error));
        }
      }
      return { again: messages.length - problems.length, problems };
    },
    onSuccess: ({ again, problems }) => {
      if (problems.length === 0) notify.success(`${plural(again, 'message')} sent again`);
      else notify.error(`${plural(problems.length, 'message')} stay dead letters`, problems.slice(0, 3).join('; '));
      void queries.invalidateQueries({ queryKey: keys.messages });
    },
  });
}

export function useTakeBack() {
  return useMutation({
    mutationFn: (id: string) => call('messages_cancel', { params: { id } }),
    onError: (error) => notify.error('The message was not taken back', messageOf(error)),
  });
}
