import type { PolicyRule } from '@contracts/policy.js';
import { Button } from 'primereact/button';
import { useState } from 'react';
import { ConfirmDialog } from '../../../components/confirm-dialog.js';
import { Icon } from '../../../components/icon.js';
import { EmptyState } from '../../../components/states.js';
import { plural } from '../../../lib/format.js';
import { useCan } from '../../../lib/session.js';
import { useChangePolicy } from '../queries.js';
import { conditionsOf } from '../rule-words.js';
import { Effect } from './effect.js';

/** The rules in their order: the first that matches decides. */
export function RuleList({ rules }: { readonly rules: readonly PolicyRule[] }) {
  const [leaving, setLeaving] = useState<PolicyRule>();
  const change = useChangePolicy();
  const mayChange = useCan('admin');
  if (rules.length === 0)
    return (
      <EmptyState icon="policy" title="No rules yet" command="nox policy propose">
        Without a rule Nox lets run what only looks, and asks for the rest. After three equal answers it proposes a
        rule.
      </EmptyState>
    );
  return (
    <>
      <ol className="rules">
        {rules.map((rule, at) => (
          <li key={rule.id} className="rule">
            <span className="rule-number num muted">{at + 1}</span>
            <div className="grow stack-tight">
              <div className="row-wrap">
                <Effect effect={rule.then} />
                <strong className="mono">{rule.id}</strong>
                {rule.proposed_from !== undefined && (
                  <span className="chip" title="Accepted from a proposal">
                    from {plural(rule.proposed_from.length, 'answer')}
                  </span>
                )}
              </div>
              <p className="rule-when mono">{conditionsOf(rule).join(' · ') || 'every call'}</p>
              <p className="muted">{rule.reason === '' ? 'No reason is given.' : rule.reason}</p>
            </div>
            {mayChange && (
              <Button
                type="button"
                text
                size="small"
                icon={<Icon name="trash" />}
                aria-label={`Take rule ${rule.id} out`}
                title="Take it out"
                onClick={() => setLeaving(rule)}
              />
            )}
          </li>
        ))}
      </ol>
      <ConfirmDialog
        visible={leaving !== undefined}
        title={`Take rule ${leaving?.id ?? ''} out?`}
        confirmLabel="Take it out"
        onConfirm={() => change.mutateAsync({ kind: 'remove', id: leaving?.id ?? '' })}
        onClose={() => setLeaving(undefined)}
      >
        Calls that it decides are decided by the rules below it, or asked for. The commit can be undone in the registry.
      </ConfirmDialog>
    </>
  );
}
