import type { Approval } from '@contracts/approval.js';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { keys } from '../../lib/keys.js';
import { call } from '../../lib/session.js';

export { useDecide, usePending } from '../../lib/queries.js';

const PAGE = 100;
export const isWaiting = ({ status }: Approval): boolean => status === 'pending' || status === 'parked';

/** One request, also after its end. */
export function useApproval(id: string | undefined) {
  return useQuery({
    queryKey: [...keys.decided, id],
    enabled: id !== undefined,
    queryFn: ({ signal }) => call('approvals_get', { params: { id: id ?? '' } }, signal),
  });
}

/** Ended requests, newest first. */
export function useHistory(enabled: boolean) {
  return useInfiniteQuery({
    queryKey: [...keys.decided, 'list'],
    enabled,
    initialPageParam: 1,
    queryFn: ({ pageParam: page, signal }) => call('approvals_list', { query: { page, limit: PAGE } }, signal),
    getNextPageParam: ({ pagination: { page, limit, total } }) => (page * limit < total ? page + 1 : undefined),
    select: ({ pages }) => pages.flatMap((page) => page.approvals).filter((approval) => !isWaiting(approval)),
  });
}
