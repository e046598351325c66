import type { CreateAgent } from '../../src/contracts/agent.js';
import type { z } from 'zod';
import type { NoxServer } from '../../test/support/nox-server.js';

/** Makes `count` agents that are not started, named `agent-01` (or `first`) and on. */
export async function createAgents(
  server: NoxServer,
  count: number,
  fields: Partial<z.input<typeof CreateAgent>> = {},
  first = 1,
): Promise<string[]> {
  const ids: string[] = [];
  for (let n = first; n < first + count; n += 1) {
    const id = `agent-${String(n).padStart(2, '0')}`;
    await server.call('agents_create', {
      body: { id, name: `Agent ${n}`, system_prompt: 'You check what others have written.', ...fields },
    });
    ids.push(id);
  }
  return ids;
}
