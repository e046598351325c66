import type { InstallService, Service, UpdateService } from '@contracts/service.js';
import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type * as z from 'zod';
import type { RouteReply } from '@contracts/routes.js';
import { messageOf } from '../../lib/http.js';
import { keys } from '../../lib/keys.js';
import { notify } from '../../lib/notify.js';
import { call } from '../../lib/session.js';

/** Nobody tells of a log line or of a little more memory. */
const LOOK_AGAIN_MS = 3000;

/** The services and the container engine; events say when to look again. */
export function useServices() {
  return useQuery({
    queryKey: keys.services,
    queryFn: ({ signal }) => call('services_list', {}, signal),
    staleTime: 10_000,
    // The engine may come and go without a word.
    refetchInterval: 30_000,
  });
}

function put(queries: QueryClient, service: Service): void {
  queries.setQueryData<RouteReply<'services_list'>>(keys.services, (list) => {
    if (list === undefined) return list;
    const known = list.services.some(({ name }) => name === service.name);
    const services = known
      ? list.services.map((each) => (each.name === service.name ? service : each))
      : [...list.services, service];
    return { ...list, services };
  });
}

export function useCatalogue(query: string) {
  return useQuery({
    queryKey: [...keys.serviceCatalogue, query],
    queryFn: ({ signal }) => call('services_search', { query: { query } }, signal),
    placeholderData: (before) => before,
    staleTime: 60_000,
  });
}

/** Judges or installs, by what the body says. */
export function useInstall() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: z.input<typeof InstallService>) => call('services_install', { body }),
    onSuccess: (service) => {
      put(queries, service);
      void queries.invalidateQueries({ queryKey: keys.serviceCatalogue });
    },
  });
}

export type ServiceAction = 'start' | 'stop' | 'restart';

const RUN: Record<ServiceAction, (params: { name: string }) => Promise<Service>> = {
  start: (params) => call('services_start', { params }),
  stop: (params) => call('services_stop', { params }),
  restart: (params) => call('services_restart', { params }),
};

export function useServiceAction(name: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (action: ServiceAction) => RUN[action]({ name }),
    onSuccess: (service) => put(queries, service),
    onError: (error, action) => notify.error(`${name} did not ${action}`, messageOf(error)),
  });
}

/** Gives the service to an agent, or takes it away. */
export function useGive(name: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ agent_id, give }: { agent_id: string; give: boolean }) =>
      call(give ? 'services_attach' : 'services_detach', { params: { name }, body: { agent_id } }),
    onSuccess: (service) => put(queries, service),
    onError: (error) => notify.error(`The agents of ${name} stay as they were`, messageOf(error)),
  });
}

export function useUpdateService(name: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: z.input<typeof UpdateService>) => call('services_update', { params: { name }, body }),
    onSuccess: (service) => put(queries, service),
  });
}

export function useRemoveService(name: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => call('services_remove', { params: { name } }),
    onSuccess: () => {
      queries.setQueryData<RouteReply<'services_list'>>(
        keys.services,
        (list) => list && { ...list, services: list.services.filter((each) => each.name !== name) },
      );
      void queries.invalidateQueries({ queryKey: keys.serviceCatalogue });
    },
  });
}

/** Asked for again after each start, and when agents may call others than before. */
export function useTools({ name, status, since, tools, config }: Service) {
  return useQuery({
    queryKey: ['service-tools', name, status, since, tools, config],
    queryFn: async ({ signal }) => (await call('services_tools', { params: { name } }, signal)).tools,
    placeholderData: (before) => before,
    enabled: status !== 'pending_approval',
  });
}

export function useServiceLogs(name: string) {
  return useQuery({
    queryKey: ['service-logs', name],
    queryFn: async ({ signal }) =>
      (await call('services_logs', { params: { name }, query: { lines: 300 } }, signal)).lines,
    refetchInterval: LOOK_AGAIN_MS,
  });
}

export function useServiceStats({ name, kind, status }: Service) {
  return useQuery({
    queryKey: ['service-stats', name],
    queryFn: ({ signal }) => call('services_stats', { params: { name } }, signal),
    enabled: kind === 'container' && status === 'running',
    refetchInterval: LOOK_AGAIN_MS,
  });
}

export function useCallTool(name: string) {
  return useMutation({
    mutationFn: (body: { tool: string; input: Record<string, unknown> }) =>
      call('services_call', { params: { name }, body }),
  });
}
