/** Keys of the query cache; the live connection writes under the same ones. */
export const keys = {
  agents: ['agents'] as const,
  approvals: ['approvals'] as const,
  pending: ['approvals', 'pending'] as const,
  decided: ['approvals', 'decided'] as const,
  conversation: (agent_id: string) => ['conversation', agent_id] as const,
  logs: (agent_id: string) => ['logs', agent_id] as const,
  relations: ['relations'] as const,
  usage: (agent_id: string) => ['usage', agent_id] as const,
  registry: ['registry'] as const,
  tasks: ['tasks'] as const,
  taskFile: (agent_id: string) => ['task-file', agent_id] as const,
  taskFiles: ['task-file'] as const,
  taskProblems: ['task-problems'] as const,
  status: ['system', 'status'] as const,
  config: ['system', 'config'] as const,
  events: ['events'] as const,
};
