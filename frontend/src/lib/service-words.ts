import type { Evaluation, ServiceConfig } from '@contracts/service.js';
import { bytes, compact, relativeTime } from './format.js';

/** What a network lets a container reach. */
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

/** What a service is, in a word or two. */
export function sourceOf(config: Pick<ServiceConfig, 'image' | 'command' | 'args' | 'url'>): string {
  if (config.image !== undefined) return config.image;
  return config.command === undefined ? (config.url ?? '') : [config.command, ...config.args].join(' ');
}
