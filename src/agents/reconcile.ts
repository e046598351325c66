import type { AgentConfig, ProcessState } from '../contracts/agent.js';
import type { ReconcileStep } from '../contracts/registry.js';
import { isLive } from './agent-state.js';

type Agents = ReadonlyMap<string, AgentConfig>;

/** Fields that a process is started with: when one of them changes, the process must be a new one. */
const LAUNCH_FIELDS = ['runtime', 'system_prompt', 'model', 'cwd', 'command', 'env', 'permissions'] as const;

/** Which launch fields differ. */
export function launchChanges(before: AgentConfig, after: AgentConfig): string[] {
  return LAUNCH_FIELDS.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
}

/**
 * What the live system must do when its intent goes from `before` to `after`: desired and observed in, a plan out.
 * Pure; in the order in which it is carried out: removals and stops first.
 */
export function planReconcile(before: Agents, after: Agents, observed: (id: string) => ProcessState): ReconcileStep[] {
  const stops: ReconcileStep[] = [];
  const starts: ReconcileStep[] = [];
  for (const id of before.keys()) {
    if (!after.has(id)) stops.push({ agent_id: id, action: 'remove', reason: 'is no longer in the registry' });
  }
  for (const [id, wanted] of after) {
    const known = before.get(id);
    if (known === undefined) {
      starts.push({ agent_id: id, action: 'create', reason: 'is in the registry again' });
      if (wanted.desired_state === 'active') starts.push({ agent_id: id, action: 'start', reason: 'should be active' });
      continue;
    }
    const state = observed(id);
    const changed = launchChanges(known, wanted);
    if (wanted.desired_state === 'inactive') {
      if (state !== 'stopped') stops.push({ agent_id: id, action: 'stop', reason: 'should be inactive' });
    } else if (known.desired_state === 'inactive' || state === 'stopped') {
      starts.push({ agent_id: id, action: 'start', reason: 'should be active' });
    } else if (changed.length > 0 && isLive(state)) {
      starts.push({ agent_id: id, action: 'restart', reason: `changed: ${changed.join(', ')}` });
    }
    if (
      changed.length === 0 &&
      JSON.stringify(known) !== JSON.stringify(wanted) &&
      known.desired_state === wanted.desired_state
    ) {
      starts.push({ agent_id: id, action: 'update', reason: 'settings changed' });
    }
  }
  return [...stops, ...starts];
}
