import { Button } from 'primereact/button';
import { useState } from 'react';
import { Link } from 'react-router';
import { CommandHint } from '../../components/command-hint.js';
import { Icon } from '../../components/icon.js';
import { PageHead } from '../../components/page-head.js';
import { ErrorState, SkeletonRows } from '../../components/states.js';
import { RelativeTime } from '../../components/time.js';
import { plural } from '../../lib/format.js';
import { useCan } from '../../lib/session.js';
import { DryRun } from './components/dry-run.js';
import { PolicyEditor } from './components/editor.js';
import { Proposals } from './components/proposals.js';
import { RuleList } from './components/rule-list.js';
import { useDryRun, usePolicy, usePolicyHistory } from './queries.js';
import './policy.css';

/** What runs by itself, what asks, what never runs; and what that would have done so far. */
export function PolicyPage() {
  const { data: policy, error, refetch } = usePolicy();
  const run = useDryRun(undefined, policy !== undefined).data?.dry_run;
  const history = usePolicyHistory().data;
  const [editing, setEditing] = useState(false);
  const mayEdit = useCan('admin');
  return (
    <div className="page policy">
      <PageHead
        title="Policy"
        summary={policy && `${plural(policy.rules.length, 'rule')} in force, version ${policy.version}`}
      >
        <CommandHint commands={['nox policy show', 'nox policy edit', 'nox policy test', 'nox policy propose']} />
        {!editing && (
          <Button
            type="button"
            icon={<Icon name="pencil" />}
            label="Edit"
            disabled={!mayEdit || policy === undefined}
            title={mayEdit ? undefined : 'Only an admin may change the policy'}
            onClick={() => setEditing(true)}
          />
        )}
      </PageHead>
      {policy === undefined && error !== null && (
        <ErrorState
          title="The policy could not be read"
          error={error}
          kept="The rules in force stay in force."
          retry={() => void refetch()}
        />
      )}
      {policy === undefined && error === null && <SkeletonRows rows={8} />}
      {policy !== undefined && editing && <PolicyEditor policy={policy} onDone={() => setEditing(false)} />}
      <Proposals />
      {policy !== undefined && (
        <section className="card" aria-labelledby="rules-title">
          <div className="card-head">
            <h2 id="rules-title">Rules, first match decides</h2>
          </div>
          <RuleList rules={policy.rules} />
        </section>
      )}
      {run !== undefined && (
        <section className="card" aria-labelledby="run-title">
          <div className="card-head">
            <h2 id="run-title">These rules on past requests</h2>
          </div>
          <div className="card-body">
            <DryRun run={run} />
          </div>
        </section>
      )}
      {history !== undefined && history.length > 0 && (
        <section className="card" aria-labelledby="history-title">
          <div className="card-head">
            <h2 id="history-title">Last changes</h2>
            <Link to="/registry?object=policy%3Aapproval-policy">All, and undo</Link>
          </div>
          <ul className="rules">
            {history.map(({ hash, subject, author, timestamp }) => (
              <li key={hash} className="rule">
                <Link to={`/registry/${hash}`} className="grow">
                  {subject}
                </Link>
                <span className="muted">
                  {author}, <RelativeTime at={timestamp} />
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}
