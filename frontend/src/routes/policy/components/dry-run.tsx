import type { DryRun as Run } from '@contracts/policy.js';
import { Link } from 'react-router';
import { ExactText } from '../../../components/exact-text.js';
import { Effect } from './effect.js';

/** In one sentence: what rules would have done with what people decided. */
export function dryRunWords({ looked_at, same, different, asked }: Run): string {
  if (looked_at === 0) return 'Nobody has decided a request yet, so there is nothing to try rules on.';
  return `Would have decided ${same} of the last ${looked_at} as you did, ${different} differently; ${asked} would still ask.`;
}

/** The sentence, and the requests that a rule decides, different ones first. */
export function DryRun({ run, open = false }: { readonly run: Run; readonly open?: boolean }) {
  return (
    <div className="stack">
      <p className={run.different > 0 ? 'dry-run dry-run-different' : 'dry-run'} role="status">
        {dryRunWords(run)}
      </p>
      {run.cases.length > 0 && (
        <details open={open || run.different > 0}>
          <summary>Which ones</summary>
          <ul className="dry-run-cases">
            {run.cases.map(({ approval_id, agent_id, tool_name, summary, decided, would, rule_id }) => (
              <li key={approval_id}>
                <Effect effect={would} />
                <Link to={`/approvals/${approval_id}?history`} className="grow mono clip">
                  {tool_name} <ExactText text={summary} />
                </Link>
                <span className="muted">
                  {agent_id}, you {decided}
                  {rule_id !== null && `, rule ${rule_id}`}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
