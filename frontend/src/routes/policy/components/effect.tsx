import type { PolicyEffect } from '@contracts/policy.js';
import { Icon } from '../../../components/icon.js';

const SIGNS = { allow: 'check', ask: 'user', deny: 'cross' } as const;

/** What a rule does: word, sign and colour. */
export function Effect({ effect }: { readonly effect: PolicyEffect }) {
  return (
    <span className={`effect effect-${effect}`}>
      <Icon name={SIGNS[effect]} size={13} />
      {effect}
    </span>
  );
}
