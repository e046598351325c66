import type { LedgerEntry } from '@contracts/audit.js';

const WORDS: Record<LedgerEntry['kind'], string> = {
  requested: 'asked',
  parked: 'parked',
  voted: 'voted for',
  held: 'decided, to be told',
  undone: 'decision undone',
  approved: 'approved',
  denied: 'denied',
  expired: 'expired',
  cancelled: 'cancelled',
  executed: 'ran',
};

/** What happened, in a word or two. */
export const kindWord = ({ kind, body }: Pick<LedgerEntry, 'kind' | 'body'>): string =>
  kind === 'executed' && body.executed === false ? 'did not run' : WORDS[kind];

/** Who or what decided: a rule, a person with the channel, or nobody yet. */
export function byWhom({ rule_id, decided_by, channel }: LedgerEntry['body']): string {
  if (rule_id !== null && (channel === 'policy' || decided_by === null)) return `rule ${rule_id}`;
  if (decided_by === null) return '–';
  return channel === null || channel === decided_by ? decided_by : `${decided_by}, by ${channel}`;
}
