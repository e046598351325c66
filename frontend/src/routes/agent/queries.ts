import type { UpdateAgent } from '@contracts/agent.js';
import type { AddRelationship, Relationship } from '@contracts/relationship.js';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { messageOf } from '../../lib/http.js';
import { keys } from '../../lib/keys.js';
import { putAgent } from '../../lib/live-cache.js';
import { notify } from '../../lib/notify.js';
import { call } from '../../lib/session.js';
import type { Thread } from '../../lib/thread.js';

const TURNS = 30;
const LINES = 500;

/** The newest turns; events keep them up to date from then on. */
export function useThread(id: string) {
  return useQuery({
    queryKey: keys.conversation(id),
    queryFn: async ({ signal }): Promise<Thread> => {
      const { turns, has_more } = await call(
        'agents_conversation',
        { params: { id }, query: { limit: TURNS } },
        signal,
      );
      return { turns, has_more, drafts: {} };
    },
    staleTime: Infinity,
  });
}

/** Puts the turns before the first one in front. */
export function useOlderTurns(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (before: string) => call('agents_conversation', { params: { id }, query: { limit: TURNS, before } }),
    onSuccess: ({ turns, has_more }) =>
      queries.setQueryData<Thread>(keys.conversation(id), (thread) => {
        if (thread === undefined) return thread;
        const known = new Set(thread.turns.map((turn) => turn.id));
        return { ...thread, has_more, turns: [...turns.filter((turn) => !known.has(turn.id)), ...thread.turns] };
      }),
    onError: (error) => notify.error('The older turns could not be loaded', messageOf(error)),
  });
}

/** Gives the agent a prompt and answers as soon as it is stored; the reply comes as events. */
export function usePrompt(id: string) {
  return useMutation({
    mutationFn: (content: string) => call('agents_prompt', { params: { id }, body: { content, wait: false } }),
  });
}

export function useCancelTurn() {
  return useMutation({
    mutationFn: (id: string) => call('turns_cancel', { params: { id } }),
    onError: (error) => notify.error('The turn was not cancelled', messageOf(error)),
  });
}

export function useLogs(id: string) {
  return useQuery({
    queryKey: keys.logs(id),
    queryFn: async ({ signal }) =>
      (await call('agents_logs', { params: { id }, query: { lines: LINES } }, signal)).lines,
    staleTime: Infinity,
  });
}

/** Those from and to the agent. */
export function useRelations(id: string) {
  return useQuery({
    queryKey: [...keys.relations, id],
    queryFn: async ({ signal }) => (await call('relationships_list', { params: { id } }, signal)).relationships,
  });
}

export function useRelate(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: AddRelationship) => call('relationships_add', { params: { id }, body }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.relations }),
  });
}

/** Takes a relationship away, whichever of its two ends is looked at. */
export function useUnrelate() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ from, to, type }: Relationship) =>
      call('relationships_remove', { params: { id: from }, body: { target_agent_id: to, type } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.relations }),
    onError: (error) => notify.error('The relation was not removed', messageOf(error)),
  });
}

/** Of all agents: who is in whose group. */
export function useAllRelations() {
  return useQuery({
    queryKey: [...keys.relations, 'all'],
    queryFn: async ({ signal }) => (await call('relationships_all', {}, signal)).relationships,
  });
}

/** Measured all the time; asked for while it is looked at. */
export function useResources(id: string) {
  return useQuery({
    queryKey: ['resources', id],
    queryFn: ({ signal }) => call('agents_resources', { params: { id }, query: { points: 240 } }, signal),
    refetchInterval: 5000,
  });
}

export function useUsageDays(id: string, days: number) {
  return useQuery({
    queryKey: keys.usage(id),
    queryFn: ({ signal }) => call('agents_usage', { params: { id }, query: { days } }, signal),
  });
}

export function useUpdateAgent(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: UpdateAgent) => call('agents_update', { params: { id }, body }),
    onSuccess: (agent) => putAgent(queries, agent),
  });
}
