import type { Approval } from '@contracts/approval.js';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { plural } from '../../lib/format.js';
import { messageOf } from '../../lib/http.js';
import { keys } from '../../lib/keys.js';
import { notify } from '../../lib/notify.js';
import { putDecided } from '../../lib/queries.js';
import { call } from '../../lib/session.js';

export { useDecide, usePending } from '../../lib/queries.js';

const PAGE = 100;
export const isWaiting = ({ status }: Approval): boolean => status === 'pending' || status === 'parked';

/** Waits for a person: nobody's decision is on its way to the call. */
export const isUndecided = (approval: Approval): boolean => isWaiting(approval) && approval.held === undefined;

/** One request, also after its end. */
export function useApproval(id: string | undefined) {
  return useQuery({
    queryKey: [...keys.decided, id],
    enabled: id !== undefined,
    queryFn: ({ signal }) => call('approvals_get', { params: { id: id ?? '' } }, signal),
  });
}

/** The one-time links of a request, and why none can be made. */
export function useLinks(id: string, enabled: boolean) {
  return useQuery({
    queryKey: [...keys.decided, id, 'links'],
    enabled,
    queryFn: ({ signal }) => call('approval_links_list', { params: { id } }, signal),
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

/** Whether this user, or a client of that user, has approved these very bytes: another person must, too. */
export const hasApproved = ({ votes = [], input_sha256 }: Approval, username: string): boolean =>
  votes.some(
    ({ by, input_sha256: bytes }) =>
      bytes === input_sha256 && by.toLowerCase().split('+')[0] === username.toLowerCase(),
  );

/** Takes decisions back; those that were told already are said. */
export function useUndo() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (ids: readonly string[]) =>
      Promise.allSettled(ids.map((id) => call('approvals_undo', { params: { id } }))),
    onSuccess: (results) => {
      const undone = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      const failed = results.flatMap((result) => (result.status === 'rejected' ? [messageOf(result.reason)] : []));
      for (const approval of undone) putDecided(queries, approval);
      void queries.invalidateQueries({ queryKey: keys.decided });
      if (failed.length > 0) notify.error(`${plural(failed.length, 'decision')} could not be undone`, failed[0]);
    },
  });
}

/** Decides identical requests together; members that could not be decided are named. */
export function useDecideGroup() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ key, ids, decision }: GroupDecision) =>
      call(decision === 'approve' ? 'approvals_group_approve' : 'approvals_group_deny', {
        params: { key },
        body: { ids: [...ids], channel: 'dashboard' },
      }),
    onSuccess: ({ decided, failed }) => {
      for (const approval of decided) putDecided(queries, approval);
      if (failed.length === 0) return;
      const names = failed.map(({ agent_id, message }) => `${agent_id}: ${message}`);
      notify.warn(`${plural(failed.length, 'call')} of the group could not be decided`, names.join('; '));
    },
    onError: (error) => notify.error('Nothing was decided; the calls still wait', messageOf(error)),
  });
}

interface GroupDecision {
  readonly key: string;
  readonly ids: readonly string[];
  readonly decision: 'approve' | 'deny';
}
