import type { PolicyRule } from '@contracts/policy.js';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { keys } from '../../lib/keys.js';
import { call } from '../../lib/session.js';

/** The rules in force. */
export function usePolicy() {
  return useQuery({ queryKey: [...keys.policy, 'view'], queryFn: ({ signal }) => call('policy_get', {}, signal) });
}

/** What a text would have done with past requests; undefined asks for the rules in force. */
export function useDryRun(text: string | undefined, enabled: boolean) {
  return useQuery({
    queryKey: [...keys.policy, 'dry-run', text ?? ''],
    enabled,
    queryFn: ({ signal }) => call('policy_test', { body: text === undefined ? {} : { text } }, signal),
    retry: false,
    gcTime: 60_000,
  });
}

export function useProposals() {
  return useQuery({
    queryKey: [...keys.policy, 'proposals'],
    queryFn: async ({ signal }) => (await call('policy_proposals', {}, signal)).proposals,
  });
}

/** The last changes of the policy, newest first. */
export function usePolicyHistory() {
  return useQuery({
    queryKey: [...keys.policy, 'history'],
    queryFn: async ({ signal }) =>
      (await call('registry_history', { query: { path: 'approval-policy.toml', limit: 5 } }, signal)).commits,
  });
}

export type PolicyChange =
  | { readonly kind: 'write'; readonly text: string; readonly base_version: string }
  | { readonly kind: 'accept'; readonly rule: PolicyRule }
  | { readonly kind: 'dismiss' | 'remove'; readonly id: string };

/** Changes the policy; whatever shows it is read again. */
export function useChangePolicy() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (change: PolicyChange): Promise<unknown> => {
      switch (change.kind) {
        case 'write':
          return call('policy_write', { body: { text: change.text, base_version: change.base_version } });
        case 'accept':
          return call('policy_add_rule', { body: { rule: change.rule } });
        case 'dismiss':
          return call('policy_dismiss', { params: { id: change.id } });
        case 'remove':
          return call('policy_remove_rule', { params: { id: change.id } });
      }
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.policy }),
  });
}
