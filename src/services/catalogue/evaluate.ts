import type { Evaluation } from '../../contracts/service.js';

const RISKS = ['low', 'medium', 'high', 'critical'] as const;
const YEAR_MS = 365 * 86_400_000;

/** What could be found out about an image; null: it could not. */
export interface ImageKnowledge {
  readonly image: string;
  readonly digest: string | null;
  readonly size_bytes: number | null;
  readonly official: boolean;
  readonly pulls: number | null;
  readonly updated_at: string | null;
  readonly sources: readonly string[];
  readonly network: 'none' | 'internal' | 'egress';
  readonly egress_hosts: readonly string[];
  /** Names of secrets that it would get. */
  readonly secrets: readonly string[];
}

/**
 * How much is to be feared from an image, and why: who made it, how many use it, how old and large it is, and what it
 * would be given. What is not known counts against it. Pure.
 */
export function evaluate(known: ImageKnowledge, now_ms: number): Evaluation {
  let risk = 0;
  const reasons: string[] = [];
  const say = (level: (typeof RISKS)[number], reason: string): void => {
    risk = Math.max(risk, RISKS.indexOf(level));
    reasons.push(reason);
  };
  if (known.official) say('low', 'its publisher is in the catalogue or verified by the hub');
  else say('medium', 'nobody vouches for its publisher');
  if (known.digest === null) say('high', 'its digest is not known yet, so its bytes may change');
  if (known.pulls === null && !known.official) say('medium', 'how many people use it is not known');
  else if (known.pulls !== null && known.pulls < 1000 && !known.official)
    say('high', `only ${known.pulls} downloads are known`);
  const age_ms = known.updated_at === null ? null : now_ms - Date.parse(known.updated_at);
  if (age_ms !== null && age_ms > YEAR_MS) say('medium', `not updated for ${Math.floor(age_ms / YEAR_MS)} year(s)`);
  if (known.size_bytes !== null && known.size_bytes > 2 ** 30)
    say('medium', `large: ${(known.size_bytes / 2 ** 30).toFixed(1)} GiB`);
  if (known.network === 'egress') {
    if (known.egress_hosts.length === 0) say('medium', 'asks for the network, but names no host, so it reaches none');
    else say('medium', `may reach ${known.egress_hosts.join(', ')}`);
    if (known.egress_hosts.some((host) => host.startsWith('*.'))) say('high', 'may reach every host of a domain');
  }
  if (known.secrets.length > 0) say('medium', `is given ${known.secrets.join(', ')}`);
  if (known.secrets.length > 0 && known.network === 'egress' && !known.official)
    say('critical', 'has secrets and a way out, and nobody vouches for it');
  return {
    image: known.image,
    digest: known.digest,
    size_bytes: known.size_bytes,
    official: known.official,
    pulls: known.pulls,
    updated_at: known.updated_at,
    sources: [...known.sources],
    risk_level: RISKS[risk] ?? 'critical',
    reasons,
  };
}
