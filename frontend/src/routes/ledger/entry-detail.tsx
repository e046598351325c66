import type { LedgerEntry } from '@contracts/audit.js';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { CopyButton } from '../../components/copy-button.js';
import { ExactText } from '../../components/exact-text.js';
import { RequestInput } from '../../components/request-input.js';
import { RiskBar } from '../../components/risk-bar.js';
import { SkeletonRows } from '../../components/states.js';
import { byWhom, kindWord } from './entry-words.js';
import { useRequest } from './queries.js';

/** One link of the chain: what was asked, who or what decided, what really ran; and the hashes that bind it. */
export function EntryDetail({ entry }: { readonly entry: LedgerEntry }) {
  const { body } = entry;
  const { data: request, error } = useRequest(body.approval_id);
  const edited = request?.updated_input ?? null;
  return (
    <section className="card" aria-labelledby="entry-title">
      <div className="card-head">
        <h2 id="entry-title">
          Entry {entry.seq}: {body.tool_name} {kindWord(entry)}
        </h2>
        <RiskBar level={body.risk_level} />
      </div>
      <div className="card-body stack">
        {request === undefined && error === null && <SkeletonRows rows={3} />}
        {request === undefined && error !== null && (
          <p className="muted">The request is no longer in the journal; its hash below still proves what it was.</p>
        )}
        {request !== undefined && (
          <>
            <RequestInput tool_name={request.tool_name} input={request.input} />
            {edited !== null && (
              <Fact name="What really ran">
                <pre className="code">
                  <ExactText text={JSON.stringify(edited, null, 2)} />
                </pre>
              </Fact>
            )}
            {request.result !== null && (
              <Fact name="Result">
                <pre className="code">
                  <ExactText text={request.result} />
                </pre>
              </Fact>
            )}
          </>
        )}
        <dl className="facts">
          <dt>When</dt>
          <dd className="num">{entry.at}</dd>
          <dt>Agent</dt>
          <dd>
            <Link to={`/agents/${body.agent_id}`}>{body.agent_id}</Link>
          </dd>
          <dt>Request</dt>
          <dd className="mono">
            <Link to={`/approvals/${body.approval_id}?history`}>{body.approval_id}</Link>
          </dd>
          <dt>Decided by</dt>
          <dd>
            <ExactText text={byWhom(body)} />
          </dd>
          <dt>Channel</dt>
          <dd>{body.channel ?? '–'}</dd>
          <dt>Reason</dt>
          <dd>{body.reason === null ? '–' : <ExactText text={body.reason} />}</dd>
          <dt>Rule</dt>
          <dd className="mono">{body.rule_id === null ? '–' : <Link to="/policy">{body.rule_id}</Link>}</dd>
          <dt>Policy version</dt>
          <dd className="mono">{body.policy_version ?? '–'}</dd>
          <dt>Ran</dt>
          <dd>{body.executed === null ? 'not known at this point' : body.executed ? 'yes' : 'no'}</dd>
          <Hash name="Input" hash={body.input_sha256} />
          <Hash name="Edited input" hash={body.updated_input_sha256} />
          <Hash name="Result" hash={body.result_sha256} />
          <Hash name="This entry" hash={entry.sha256} />
          <Hash name="The one before" hash={entry.prev_sha256} />
        </dl>
      </div>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <h3>{name}</h3>
      {children}
    </div>
  );
}

function Hash({ name, hash }: { readonly name: string; readonly hash: string | null }) {
  if (hash === null) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd className="mono hash">
        {hash} <CopyButton text={hash} label={`Copy hash: ${name}`} />
      </dd>
    </>
  );
}
