import type { ModelMode } from '@contracts/system.js';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { keys } from '../../lib/keys.js';
import { call } from '../../lib/session.js';

export { useSystemStatus } from '../../lib/queries.js';

export function useConfig() {
  return useQuery({ queryKey: keys.config, queryFn: ({ signal }) => call('system_config', {}, signal) });
}

export function useUsers(enabled: boolean) {
  return useQuery({
    queryKey: ['users'],
    enabled,
    queryFn: async ({ signal }) => (await call('users_list', {}, signal)).users,
  });
}

export function useChangePassword() {
  return useMutation({
    mutationFn: (body: { current_password: string; new_password: string }) => call('auth_password', { body }),
  });
}

export function useModelSwitch() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (mode: ModelMode) => call('system_model', { body: { mode } }),
    onSuccess: (status) => queries.setQueryData(keys.status, status),
  });
}
