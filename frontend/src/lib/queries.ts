import type { Agent, AgentStatus } from '@contracts/agent.js';
import type { Approval } from '@contracts/approval.js';
import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { plural } from './format.js';
import { NoxApiError } from '@client/api-error.js';
import { messageOf } from './http.js';
import { keys } from './keys.js';
import { putEmergency, putStatus } from './live-cache.js';
import { notify } from './notify.js';
import { call } from './session.js';

/** What several pages ask for. Live events keep these up to date, so they are fetched once. */

const PAGE = 500;

export function useAgents() {
  return useQuery({ queryKey: keys.agents, queryFn: ({ signal }) => allAgents(signal), staleTime: Infinity });
}

async function allAgents(signal: AbortSignal): Promise<Agent[]> {
  const agents: Agent[] = [];
  for (let page = 1; ; page += 1) {
    const reply = await call('agents_list', { query: { page, limit: PAGE } }, signal);
    agents.push(...reply.agents);
    if (reply.agents.length === 0 || agents.length >= reply.pagination.total) return agents;
  }
}

export function useAgent(id: string) {
  const { data, ...rest } = useAgents();
  return {
    ...rest,
    data: data?.find((agent) => agent.id === id),
    missing: data?.every((agent) => agent.id !== id) === true,
  };
}

export function usePending() {
  return useQuery({
    queryKey: keys.pending,
    queryFn: async ({ signal }) => {
      const query = { limit: PAGE };
      return (await call('approvals_list', { query: { ...query, status: 'pending' } }, signal)).approvals;
    },
    staleTime: Infinity,
  });
}

export function useSystemStatus() {
  return useQuery({
    queryKey: keys.status,
    queryFn: ({ signal }) => call('system_status', {}, signal),
    refetchInterval: 30_000,
  });
}

/** What all agents have used today, and may. */
export function useFleetUsage() {
  return useQuery({
    queryKey: [...keys.fleetUsage, 'today'],
    queryFn: ({ signal }) => call('usage', {}, signal),
    // A new day begins without a word.
    refetchInterval: 60_000,
  });
}

/** The emergency stop that is in force, if one is. */
export const useEmergency = () => useSystemStatus().data?.emergency_stop ?? null;

export type AgentAction = 'start' | 'stop' | 'restart' | 'interrupt' | 'hibernate';

const RUN: Record<AgentAction, (params: { id: string }, force: boolean) => Promise<AgentStatus>> = {
  start: (params) => call('agents_start', { params }),
  stop: (params, force) => call('agents_stop', { params, body: { force } }),
  restart: (params) => call('agents_restart', { params, body: {} }),
  interrupt: (params) => call('agents_interrupt', { params }),
  hibernate: (params) => call('agents_hibernate', { params }),
};

/** Runs a control of one agent; the outcome is shown by its live state, a failure by a notice. */
export function useAgentAction(agent: { readonly id: string; readonly name: string }) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ action, force = false }: { action: AgentAction; force?: boolean }) =>
      RUN[action]({ id: agent.id }, force),
    onSuccess: (status) => putStatus(queries, status),
    onError: (error, { action }) => notify.error(`${agent.name} did not ${action}`, messageOf(error)),
  });
}

/** Closes the circuit breaker of an agent; one that should run starts again. */
export function useResetBreaker(agent: { readonly id: string; readonly name: string }) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => call('agents_reset_breaker', { params: { id: agent.id } }),
    onSuccess: (status) => putStatus(queries, status),
    onError: (error) => notify.error(`The breaker of ${agent.name} was not reset`, messageOf(error)),
  });
}

/** Ends every agent; what did not work is said. */
export function useEmergencyStop() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => call('system_emergency_stop', { body: {} }),
    onSuccess: (reply) => {
      putEmergency(queries, reply.emergency_stop);
      const ended = `${plural(reply.ended, 'agent')} ended`;
      if (reply.problems.length > 0)
        notify.error(`Emergency stop: ${ended}, not without problems`, said(reply.problems));
      else notify.success(`Emergency stop: ${ended}`);
    },
    onError: (error) => notify.error('The emergency stop did not reach Nox; agents go on', messageOf(error)),
  });
}

/** Lets agents start again. Rejects when the stop stays in force. */
export function useEmergencyClear() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => call('system_emergency_clear'),
    onSuccess: (reply) => {
      putEmergency(queries, reply.emergency_stop);
      if (reply.problems.length > 0) notify.warn('Emergency stop cleared, not without problems', said(reply.problems));
      else notify.success('Emergency stop cleared', 'Agents that should be active start again.');
    },
  });
}

const said = (problems: readonly string[]): string => problems.join('; ');

export async function deleteAgent(queries: QueryClient, id: string): Promise<void> {
  await call('agents_delete', { params: { id } });
  queries.setQueryData<Agent[]>(keys.agents, (agents) => agents?.filter((agent) => agent.id !== id));
}

export interface Decision {
  readonly approval: Approval;
  readonly decision: 'approve' | 'deny';
  readonly reason?: string | undefined;
  readonly updated_input?: Record<string, unknown> | undefined;
  readonly answers?: Record<string, string> | undefined;
  readonly remember?: boolean | undefined;
}

/** Decides a waiting call. When another was faster, the truth is fetched and said. */
export function useDecide() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ approval, decision, reason, updated_input, answers, remember }: Decision) => {
      const params = { id: approval.id };
      const why = reason === undefined || reason === '' ? {} : { reason };
      return decision === 'deny'
        ? call('approvals_deny', { params, body: { ...why, channel: 'dashboard' } })
        : call('approvals_approve', {
            params,
            body: {
              ...why,
              channel: 'dashboard',
              ...(updated_input !== undefined && { updated_input }),
              ...(answers !== undefined && { answers }),
              ...(remember === true && { remember }),
            },
          });
    },
    onSuccess: (approval) => putDecided(queries, approval),
    onError: async (error, { approval }) => {
      if (error instanceof NoxApiError && error.code === 'APPROVAL_ALREADY_DECIDED')
        await tellOutcome(queries, approval.id, error);
      else notify.error('The decision was not taken; the call still waits', messageOf(error));
    },
  });
}

async function tellOutcome(queries: QueryClient, id: string, conflict: unknown): Promise<void> {
  dropPending(queries, id);
  let outcome = messageOf(conflict);
  try {
    const { status, decided_by, channel } = await call('approvals_get', { params: { id } });
    outcome = `It is ${status}${decided_by === null ? '' : `, by ${decided_by}`}${channel === null ? '' : ` (${channel})`}.`;
  } catch {
    // The refusal itself says enough.
  }
  notify.warn('This call was already decided', `${outcome} Your decision changed nothing.`);
}

/** One that waits on, because its decision can be undone or another person must agree, stays in the list. */
export function putDecided(queries: QueryClient, approval: Approval): void {
  if (approval.status !== 'pending' && approval.status !== 'parked') {
    dropPending(queries, approval.id);
    return;
  }
  queries.setQueryData<Approval[]>(keys.pending, (list) => {
    if (list === undefined) return list;
    const known = list.some(({ id }) => id === approval.id);
    return known
      ? list.map((each) => (each.id === approval.id ? { ...each, ...approval } : each))
      : [...list, approval];
  });
}

function dropPending(queries: QueryClient, id: string): void {
  queries.setQueryData<Approval[]>(keys.pending, (list) => list?.filter((approval) => approval.id !== id));
  void queries.invalidateQueries({ queryKey: keys.decided });
}
