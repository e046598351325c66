import type { RouteCall } from '@contracts/routes.js';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { keys } from '../../lib/keys.js';
import { call } from '../../lib/session.js';
import { saveFile } from '../../lib/save-file.js';
import { packTarGz } from '../../lib/tar.js';
import type { ImportFile } from './components/transfer-files.js';

const PAGE = 50;

export type Goal = Pick<
  RouteCall<'registry_rollback'>['body'] & object,
  'commit_hash' | 'hours' | 'at' | 'tag' | 'agents'
>;

/**
 * Commits of what should be, newest first; with `since` not older than that, with `object` (as `agent:lead`) only those
 * that changed it, also by a rollback, a merge or a hand edit.
 */
export function useHistory(since: string | undefined, object = '') {
  return useInfiniteQuery({
    queryKey: [...keys.registry, 'history', since ?? '', object],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: before, signal }) =>
      call(
        'registry_history',
        {
          query: {
            limit: PAGE,
            ...(before !== undefined && { before }),
            ...(since !== undefined && { since }),
            ...(object !== '' && { object }),
          },
        },
        signal,
      ),
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

/** Hand edits that are not in force. */
export function useExternalEdits() {
  return useQuery({
    queryKey: [...keys.registry, 'external'],
    queryFn: ({ signal }) => call('registry_external', {}, signal),
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
export function usePreview(goal: Goal | undefined) {
  return useQuery({
    queryKey: ['rollback-preview', goal],
    enabled: goal !== undefined,
    queryFn: ({ signal }) => call('registry_rollback', { body: { ...goal, dry_run: true } }, signal),
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });
}

/** Goes back, or, for `undo`, takes the newest rollback back. */
export function useRollback() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (goal: Goal | 'undo') =>
      goal === 'undo'
        ? call('registry_undo', { body: { confirm: true } })
        : call('registry_rollback', { body: { ...goal, confirm: true } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.registry }),
  });
}

/** Packs what is in force, or one agent of it, and saves it as a file. */
export function useExport() {
  return useMutation({
    mutationFn: async ({ agent, tasks }: { readonly agent: string; readonly tasks: boolean }) => {
      const query = { ...(agent !== '' && { agents: agent }), ...(tasks && { tasks: 'true' as const }) };
      const { files } = await call('registry_export', { query });
      saveFile(await packTarGz(files), `nox-${agent === '' ? 'registry' : agent}.tar.gz`);
    },
  });
}

/** What importing these files would do; nothing changes. */
export function useImportPreview(files: readonly ImportFile[] | undefined, prefer: 'ours' | 'theirs' | undefined) {
  return useQuery({
    queryKey: ['import-preview', files, prefer],
    enabled: files !== undefined,
    queryFn: ({ signal }) =>
      call(
        'registry_import',
        { body: { files: [...(files ?? [])], ...(prefer && { prefer }), dry_run: true } },
        signal,
      ),
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });
}

export interface ImportWish {
  readonly files: readonly ImportFile[];
  readonly prefer: 'ours' | 'theirs' | undefined;
  readonly accept: boolean;
}

export function useImport() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ files, prefer, accept }: ImportWish) =>
      call('registry_import', { body: { files: [...files], ...(prefer && { prefer }), accept, confirm: true } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.registry }),
  });
}

export function useBranches() {
  return useQuery({
    queryKey: [...keys.registry, 'branches'],
    queryFn: ({ signal }) => call('registry_branches', {}, signal),
  });
}

export function useTags() {
  return useQuery({
    queryKey: [...keys.registry, 'tags'],
    queryFn: ({ signal }) => call('registry_tags', {}, signal),
  });
}

/** Runs a change of branches or tags and asks anew for what it touched. */
export function useRegistryChange<T>(change: (input: T) => Promise<unknown>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.registry }),
  });
}
