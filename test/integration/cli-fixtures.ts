import type { Agent } from '../../src/contracts/agent.js';
import type { Approval } from '../../src/contracts/approval.js';
import type { RegistryCommit } from '../../src/contracts/registry.js';
import type { SystemStatus } from '../../src/contracts/system.js';
import type { Turn } from '../../src/contracts/turn.js';

const AT = '2026-11-21T11:55:00.000Z';
export const TURN_ID = 'trn_01ARZ3NDEKTSV4RRFFQ69G5FAV';

export const agentOf = (fields: Partial<Agent> = {}): Agent => ({
  id: 'lead',
  name: 'Lead',
  system_prompt: '',
  runtime: 'claude',
  desired_state: 'active',
  capabilities: [],
  priority: 'medium',
  mcp_services: [],
  created_at: AT,
  last_modified: AT,
  status: 'idle',
  process_state: 'running',
  activity: 'idle',
  process_state_since: AT,
  activity_since: AT,
  observed: { process: { source: 'initialize reply', at: AT }, activity: { source: 'result', at: AT } },
  last_output_at: null,
  pid: 42,
  started_at: AT,
  restart_count: 0,
  breaker: { state: 'closed' },
  memory_usage: 100 * 2 ** 20,
  cpu_usage: 3.2,
  session_id: null,
  current_turn_id: null,
  queued_turns: 0,
  pending_approvals: 0,
  usage: { turns: 3, input_tokens: 10, output_tokens: 20, cost_usd: 0.0123 },
  ...fields,
});

export const approvalOf = (fields: Partial<Approval> = {}): Approval => ({
  id: 'apr_01ARZ3NDEKTSV4RRFFQ69G5FAV',
  agent_id: 'lead',
  session_id: null,
  turn_id: TURN_ID,
  tool_use_id: 'toolu_1',
  request_type: 'tool_use',
  tool_name: 'Bash',
  input: { command: 'rm -rf build' },
  input_sha256: 'ab'.repeat(32),
  cwd: '/work',
  risk_level: 'high',
  reasons: ['deletes files'],
  status: 'pending',
  requested_at: AT,
  expires_at: '2026-11-21T12:55:00.000Z',
  decided_at: null,
  decided_by: null,
  channel: null,
  reason: null,
  updated_input: null,
  executed: null,
  result: null,
  ...fields,
});

export const commitOf = (hash: string, fields: Partial<RegistryCommit> = {}): RegistryCommit => ({
  hash: hash.padEnd(40, '0'),
  subject: 'agent: create lead',
  author: 'admin',
  timestamp: AT,
  actor: 'admin',
  action: 'create',
  object: 'agent/lead',
  request_id: null,
  rollback_of: null,
  merge_of: null,
  rollback_to: null,
  files: ['agents.toml'],
  ...fields,
});

export const turnOf = (fields: Partial<Turn> = {}): Turn => ({
  id: TURN_ID,
  agent_id: 'lead',
  session_id: null,
  source: 'user',
  actor: 'admin',
  prompt: 'hello',
  status: 'complete',
  text: 'hi',
  blocks: [{ type: 'text', text: 'hi' }],
  usage: null,
  reason: null,
  queued_at: AT,
  started_at: AT,
  ended_at: AT,
  ...fields,
});

export const systemOf = (fields: Partial<SystemStatus> = {}): SystemStatus => ({
  status: 'ok',
  version: '0.1.0',
  server_name: 'box',
  started_at: AT,
  uptime_s: 300,
  components: { journal: { status: 'ok', detail: 'fine' } },
  agents: { total: 2, active: 2, running: 1, failed: 0 },
  approvals_pending: 0,
  emergency_stop: null,
  last_seq: 120,
  model: { mode: 'claude', demo: false, detail: 'your own' },
  process: { rss_bytes: 90 * 2 ** 20, pid: 7 },
  ...fields,
});

export const frame = (event: string, data: unknown, id?: number): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
