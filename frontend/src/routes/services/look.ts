import type { Service, ServiceStatus } from '@contracts/service.js';
import type { StateLook } from '../../lib/agent-state.js';

const LOOKS: Readonly<Record<ServiceStatus, StateLook>> = {
  pending_approval: { word: 'waiting for you', sign: 'diamond', colour: 'amber' },
  pulling: { word: 'pulling', sign: 'dashed', colour: 'blue', pulse: true },
  starting: { word: 'starting', sign: 'dashed', colour: 'blue', pulse: true },
  running: { word: 'running', sign: 'check', colour: 'green' },
  unhealthy: { word: 'backoff', sign: 'loop', colour: 'orange' },
  stopped: { word: 'stopped', sign: 'square', colour: 'grey' },
  failed: { word: 'failed', sign: 'cross', colour: 'red' },
  removing: { word: 'removing', sign: 'dashed', colour: 'grey', pulse: true },
};

/** Word, sign and colour of where a service stands. */
export const serviceLook = (status: ServiceStatus): StateLook => LOOKS[status];

export const KINDS: Readonly<Record<Service['kind'], string>> = {
  container: 'container',
  command: 'program',
  remote: 'elsewhere',
};

/** `mcp/time@sha256:0123…`: enough to tell images apart. */
export function shortImage(image: string): string {
  const [name = '', digest] = image.split('@sha256:');
  return digest === undefined ? name : `${name}@${digest.slice(0, 8)}`;
}

/** All calls of a service. */
export const callsOf = (calls: Service['calls']): { calls: number; errors: number; refused: number } =>
  calls.reduce(
    (sum, each) => ({
      calls: sum.calls + each.calls,
      errors: sum.errors + each.errors,
      refused: sum.refused + each.refused,
    }),
    { calls: 0, errors: 0, refused: 0 },
  );
