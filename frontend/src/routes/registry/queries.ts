import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { keys } from '../../lib/keys.js';
import { call } from '../../lib/session.js';

const PAGE = 50;

/** Commits of what should be, newest first. */
export function useHistory() {
  return useInfiniteQuery({
    queryKey: [...keys.registry, 'history'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: before, signal }) =>
      call('registry_history', { query: { limit: PAGE, ...(before !== undefined && { before }) } }, signal),
    getNextPageParam: ({ commits, has_more }) => (has_more ? commits.at(-1)?.hash : undefined),
    select: ({ pages }) => pages.flatMap((page) => page.commits),
  });
}

export function useRegistryStatus() {
  return useQuery({
    queryKey: [...keys.registry, 'status'],
    queryFn: ({ signal }) => call('registry_status', {}, signal),
  });
}

/** A commit never changes, so it is asked for once. */
export function useCommit(hash: string | undefined) {
  return useQuery({
    queryKey: ['commit', hash],
    enabled: hash !== undefined,
    queryFn: ({ signal }) => call('registry_commit', { params: { hash: hash ?? '' } }, signal),
    staleTime: Infinity,
  });
}

/** What going back would do; nothing changes. */
export function usePreview(commit_hash: string | undefined) {
  return useQuery({
    queryKey: ['rollback-preview', commit_hash],
    enabled: commit_hash !== undefined,
    queryFn: ({ signal }) => call('registry_rollback', { body: { commit_hash, dry_run: true } }, signal),
    staleTime: 0,
    gcTime: 0,
  });
}

export function useRollback() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (commit_hash: string) => call('registry_rollback', { body: { commit_hash, confirm: true } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.registry }),
  });
}
