import { createHash } from 'node:crypto';
import type { Approval, ApprovalGroup, WaitsBehind } from '../contracts/approval.js';
import { canonicalJson } from './canonical.js';

type Grouped = Pick<Approval, 'tool_name' | 'input' | 'risk_level' | 'cwd' | 'workspace' | 'request_type'>;

/**
 * What requests share that one answer may decide: the same tool with the same input, of the same risk. Agents that each
 * work in a folder of their own ask the same there; anywhere else the folder must be the same, too.
 */
export function groupKey({ tool_name, input, risk_level, cwd, workspace, request_type }: Grouped): string {
  const place = (workspace ?? cwd) === cwd ? 'workspace' : cwd;
  const text = canonicalJson([request_type, tool_name, input, place, risk_level]);
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

/** Requests of the same key together, in the order of the first of each. */
export function groupsOf(approvals: readonly Approval[]): ApprovalGroup[] {
  return [...Map.groupBy(approvals, ({ group_key }) => group_key ?? '')]
    .filter(([key]) => key !== '')
    .map(([key, [first, ...rest]]) => {
      const members = [first, ...rest].filter((one) => one !== undefined);
      return {
        key,
        tool_name: first?.tool_name ?? '',
        input: first?.input,
        risk_level: first?.risk_level ?? 'critical',
        reasons: first?.reasons ?? [],
        members: members.map(({ id, agent_id, cwd, requested_at }) => ({ id, agent_id, cwd, requested_at })),
        waits_behind: members.map(({ waits_behind }) => waits_behind ?? NOTHING).reduce(sum, NOTHING),
      };
    });
}

export const NOTHING: WaitsBehind = { turns: 0, messages: 0, tasks: 0, agents: 0 };

const sum = (a: WaitsBehind, b: WaitsBehind): WaitsBehind => ({
  turns: a.turns + b.turns,
  messages: a.messages + b.messages,
  tasks: a.tasks + b.tasks,
  agents: a.agents + b.agents,
});
