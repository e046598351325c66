import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { keys } from '../../lib/keys.js';
import { call } from '../../lib/session.js';

const PAGE = 100;

/** Entries of the ledger, newest first, page by page. */
export function useLedger(agent_id: string) {
  return useInfiniteQuery({
    queryKey: [...keys.ledger, agent_id],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam: before, signal }) =>
      call(
        'audit_list',
        {
          query: { limit: PAGE, ...(before !== undefined && { before }), ...(agent_id !== '' && { agent_id }) },
        },
        signal,
      ),
    getNextPageParam: ({ entries, has_more }) => (has_more ? entries.at(-1)?.seq : undefined),
    select: ({ pages }) => pages.flatMap(({ entries }) => entries),
  });
}

/** One entry by its number, also one that is not loaded. */
export function useEntry(seq: number | undefined) {
  return useQuery({
    queryKey: keys.ledgerEntry(seq ?? 0),
    enabled: seq !== undefined,
    queryFn: async ({ signal }) =>
      (await call('audit_list', { query: { before: (seq ?? 0) + 1, limit: 1 } }, signal)).entries[0],
    staleTime: Infinity,
  });
}

/** The request that an entry is about: the ledger itself holds only hashes of inputs and results. */
export function useRequest(id: string | undefined) {
  return useQuery({
    queryKey: [...keys.approvals, 'one', id],
    enabled: id !== undefined,
    queryFn: ({ signal }) => call('approvals_get', { params: { id: id ?? '' } }, signal),
  });
}

export function useVerify() {
  return useMutation({ mutationFn: () => call('audit_verify') });
}
