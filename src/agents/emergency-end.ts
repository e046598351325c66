import type { Clock } from '../shared/clock.js';
import { messageOf } from '../shared/nox-error.js';
import type { AgentSupervisor } from './supervisor.js';

/** A tree that is not gone by then is named in the answer, and still being ended. */
const PATIENCE_MS = 2500;

/**
 * Kills the processes of all agents in parallel and lets nothing that was planned begin; sleeping and failed agents stay
 * what they are. Nothing here waits for journal or git. Never rejects.
 */
export async function endAtOnce(
  agents: readonly AgentSupervisor[],
  reason: string,
  clock: Clock,
): Promise<{ ended: string[]; problems: string[] }> {
  const moving = agents.filter(
    ({ process_state: s, session }) =>
      session !== undefined || (s !== 'stopped' && s !== 'hibernated' && s !== 'failed'),
  );
  const ended = moving.filter(({ session }) => session !== undefined).map(({ id }) => id);
  const problems = await Promise.all(
    moving.map(async (agent) => {
      const stop = agent.stop('stopped', reason, 0).then(
        () => undefined,
        (error: unknown) => `${agent.id}: ${messageOf(error)}`,
      );
      return Promise.race([stop, late(agent.id, clock)]);
    }),
  );
  return { ended, problems: problems.filter((problem) => problem !== undefined) };
}

const late = (id: string, clock: Clock): Promise<string> =>
  new Promise((resolve) => {
    clock.after(PATIENCE_MS, () => resolve(`${id} is still being ended`));
  });
