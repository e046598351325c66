import type { RegistryCommit } from '../../src/contracts/registry.js';
import type { RegistryService } from '../../src/registry/registry.service.js';

/** A write to the registry as data: the model foretells it, a process that will be killed carries it out. */
export type Op =
  | { readonly do: 'create'; readonly id: string; readonly name: string }
  | { readonly do: 'set'; readonly id: string; readonly key: 'name' | 'system_prompt'; readonly value: string }
  | { readonly do: 'delete'; readonly id: string }
  | { readonly do: 'port'; readonly port: number }
  | { readonly do: 'relate' | 'unrelate'; readonly from: string; readonly to: string }
  | { readonly do: 'rollback'; readonly hash: string }
  | { readonly do: 'switch'; readonly branch: string };

const ACTOR = { name: 'admin', role: 'admin' } as const;
export const BORN = { runtime: 'claude', desired_state: 'inactive', priority: 'medium' } as const;

/** Carries it out; answers its commit, null when it makes none. */
export async function applyOp(registry: RegistryService, op: Op): Promise<RegistryCommit | null> {
  switch (op.do) {
    case 'create': {
      const at = '2026-01-01T00:00:00.000Z';
      const texts = { name: op.name, system_prompt: 'You plan.\n' };
      const lists = { capabilities: [], mcp_services: [] };
      return registry.createAgent(op.id, { ...BORN, ...texts, ...lists, created_at: at, last_modified: at }, ACTOR);
    }
    case 'set':
      return registry.updateAgent(op.id, { [op.key]: op.value }, ACTOR);
    case 'delete':
      return registry.deleteAgent(op.id, ACTOR);
    case 'port':
      return registry.updateConfig({ server: { port: op.port } }, ACTOR, 'set port');
    case 'relate':
      return registry.addRelationship({ from: op.from, to: op.to, type: 'peer' }, ACTOR);
    case 'unrelate':
      return registry.removeRelationship(op.from, { target_agent_id: op.to, type: 'peer' }, ACTOR);
    case 'rollback':
      return (await registry.rollback({ commit_hash: op.hash, confirm: true }, ACTOR)).commit;
    case 'switch':
      await registry.branches.switch(op.branch, { confirm: true }, ACTOR);
      return null;
  }
}
