import { Button } from 'primereact/button';
import { RelativeTime } from '../../../components/time.js';
import { useCan } from '../../../lib/session.js';
import { notify } from '../../../lib/notify.js';
import { messageOf } from '../../../lib/http.js';
import { useChangePolicy, useProposals } from '../queries.js';
import { conditionsOf } from '../rule-words.js';
import { DryRun } from './dry-run.js';
import { Effect } from './effect.js';

/** Rules that follow from equal answers, each shown with what it would have done before anybody trusts it. */
export function Proposals() {
  const proposals = useProposals().data ?? [];
  const change = useChangePolicy();
  const mayAccept = useCan('admin');
  const mayDismiss = useCan('operator');
  if (proposals.length === 0) return null;
  const act = (kind: 'accept' | 'dismiss', at: number): void => {
    const proposal = proposals[at];
    if (proposal === undefined) return;
    const { id, rule } = proposal;
    change
      .mutateAsync(kind === 'accept' ? { kind, rule } : { kind, id })
      .then(() => notify.success(kind === 'accept' ? `Rule ${id} is in force` : `${id} is not proposed again`))
      .catch((error: unknown) => notify.warn('The policy was not changed', messageOf(error)));
  };
  return (
    <section className="card" aria-labelledby="proposals-title">
      <div className="card-head">
        <h2 id="proposals-title">Proposed rules</h2>
      </div>
      <ul className="rules">
        {proposals.map(({ id, rule, answers, last_at, dry_run }, at) => (
          <li key={id} className="rule">
            <div className="grow stack">
              <div className="row-wrap">
                <Effect effect={rule.then} />
                <strong className="mono">{id}</strong>
                <span className="muted">
                  {answers} equal answers, the last <RelativeTime at={last_at} />
                </span>
              </div>
              <p className="rule-when mono">{conditionsOf(rule).join(' · ')}</p>
              <DryRun run={dry_run} />
              <div className="row">
                <Button
                  type="button"
                  size="small"
                  label="Accept"
                  aria-label={`Accept the rule ${id}`}
                  disabled={!mayAccept || change.isPending}
                  title={mayAccept ? undefined : 'Only an admin may change the policy'}
                  onClick={() => act('accept', at)}
                />
                <Button
                  type="button"
                  size="small"
                  outlined
                  label="Dismiss"
                  aria-label={`Dismiss the rule ${id}`}
                  disabled={!mayDismiss || change.isPending}
                  onClick={() => act('dismiss', at)}
                />
              </div>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
