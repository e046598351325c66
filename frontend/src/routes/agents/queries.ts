import type { CreateAgent } from '@contracts/agent.js';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { putAgent } from '../../lib/live-cache.js';
import { call } from '../../lib/session.js';

export { useAgents } from '../../lib/queries.js';

/** Makes an agent; it is in the list before the event about it comes. */
export function useCreateAgent() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: CreateAgent) => call('agents_create', { body }),
    onSuccess: (agent) => putAgent(queries, agent),
  });
}
