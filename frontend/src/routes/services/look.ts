import type { Evaluation, Service, ServiceConfig, ServiceStatus } from '@contracts/service.js';
import type { StateLook } from '../../lib/agent-state.js';
import { bytes, compact, relativeTime } from '../../lib/format.js';

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

export const NETWORKS: Readonly<Record<ServiceConfig['network'], string>> = {
  none: 'it reaches nothing',
  internal: 'Nox reaches it, it reaches nothing',
  egress: 'it reaches the named hosts only, through a proxy',
};

/** What is known of an image, each as a fact with its name. */
export function factsOf(evaluation: Evaluation, now_ms: number): (readonly [name: string, value: string])[] {
  const { size_bytes, official, pulls, updated_at, digest, sources } = evaluation;
  return [
    ['Size', size_bytes === null ? 'not known' : bytes(size_bytes)],
    ['Publisher', official ? 'official' : 'not official'],
    ['Last changed', updated_at === null ? 'not known' : relativeTime(updated_at, now_ms)],
    ['Pulled', pulls === null ? 'not known' : `${compact(pulls)} times`],
    ['Digest', digest ?? 'not known: it can be other bytes tomorrow'],
    ['Known from', sources.length === 0 ? 'nobody' : sources.join(', ')],
  ];
}

/** `mcp/time@sha256:0123…`: enough to tell images apart. */
export function shortImage(image: string): string {
  const [name = '', digest] = image.split('@sha256:');
  return digest === undefined ? name : `${name}@${digest.slice(0, 8)}`;
}

/** What a service is, in a word or two. */
export function sourceOf(config: Pick<ServiceConfig, 'image' | 'command' | 'args' | 'url'>): string {
  if (config.image !== undefined) return config.image;
  return config.command === undefined ? (config.url ?? '') : [config.command, ...config.args].join(' ');
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
