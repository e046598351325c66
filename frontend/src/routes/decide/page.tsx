import { NoxClient } from '@client/http-client.js';
import type { Approval } from '@contracts/approval.js';
import type { OpenedLink } from '@contracts/approval-link.js';
import { Button } from 'primereact/button';
import { useEffect, useMemo, useState } from 'react';
import { DenyForm } from '../../components/decision.js';
import { ExactText } from '../../components/exact-text.js';
import { QuestionForm } from '../../components/question-form.js';
import { RequestInput } from '../../components/request-input.js';
import { RiskBar } from '../../components/risk-bar.js';
import { Banner, SkeletonRows } from '../../components/states.js';
import { Countdown } from '../../components/time.js';
import { messageOf } from '../../lib/http.js';
import { planOf, questionsOf } from '../../lib/question.js';
import './decide.css';

type State =
  | { readonly kind: 'loading' | 'busy' }
  | { readonly kind: 'open' | 'deny'; readonly error?: string }
  | { readonly kind: 'done'; readonly approval: Approval }
  | { readonly kind: 'over'; readonly message: string };

interface Words {
  readonly reason?: string;
  readonly answers?: Record<string, string>;
}

/** The page of a one-time link. It shows the exact request; only a press of a button decides. */
export function DecidePage() {
  const client = useMemo(() => new NoxClient({ base_url: '', retries: 0 }), []);
  // Taken out of the address at once, so that it stays in no history.
  const [token] = useState(() => location.hash.slice(1));
  const [opened, setOpened] = useState<OpenedLink>();
  const [state, setState] = useState<State>({ kind: 'loading' });
  useEffect(() => {
    history.replaceState(null, '', location.pathname);
    client.call('approval_links_open', { body: { token } }).then(
      (reply) => {
        setOpened(reply);
        setState({ kind: 'open' });
      },
      (error: unknown) => setState({ kind: 'over', message: messageOf(error) }),
    );
  }, [client, token]);
  const decide = async (decision: 'approve' | 'deny', more: Words = {}): Promise<void> => {
    setState({ kind: 'busy' });
    try {
      const body = { token, decision, ...more };
      setState({ kind: 'done', approval: await client.call('approval_links_decide', { body }) });
    } catch (error) {
      setState({ kind: 'over', message: messageOf(error) });
    }
  };
  const questions = opened && questionsOf(opened.approval);
  const plan = opened !== undefined && planOf(opened.approval) !== undefined;
  const deciding = opened !== undefined && (state.kind === 'open' || state.kind === 'busy');
  return (
    <main className="decide" aria-label="Decide a request">
      {state.kind === 'loading' && <SkeletonRows rows={8} />}
      {state.kind === 'over' && (
        <Banner tone="red" icon="warning">
          {state.message} Nothing was decided by this link now.
        </Banner>
      )}
      {state.kind === 'done' && <Done approval={state.approval} />}
      {opened !== undefined && <Request {...opened} />}
      {questions !== undefined && deciding && (
        <QuestionForm
          questions={questions}
          disabled={state.kind === 'busy'}
          onAnswer={(answers) => void decide('approve', { answers })}
        />
      )}
      {deciding && (
        <footer className="decide-actions">
          {questions === undefined && (
            <Button
              type="button"
              label={plan ? 'Approve plan' : 'Approve'}
              disabled={state.kind === 'busy'}
              onClick={() => void decide('approve')}
            />
          )}
          <Button
            type="button"
            outlined
            severity="danger"
            label={plan ? 'Send back' : 'Deny'}
            disabled={state.kind === 'busy'}
            onClick={() => setState({ kind: 'deny' })}
          />
        </footer>
      )}
      {state.kind === 'deny' && (
        <footer className="decide-actions">
          <DenyForm
            busy={false}
            onCancel={() => setState({ kind: 'open' })}
            onDeny={(reason) => void decide('deny', reason === '' ? {} : { reason })}
          />
        </footer>
      )}
    </main>
  );
}

function Request({ link, approval }: OpenedLink) {
  return (
    <article className="stack">
      <h1>
        {approval.agent_id} <span className="muted">asks to use</span> {approval.tool_name}
      </h1>
      <p className="row-wrap">
        <RiskBar level={approval.risk_level} />
        <span className="muted">
          you are {link.username} here · the link ends in <Countdown until={link.expires_at} />
        </span>
      </p>
      <ul className="reasons">
        {approval.reasons.map((reason) => (
          <li key={reason}>
            <ExactText text={reason} />
          </li>
        ))}
      </ul>
      <RequestInput tool_name={approval.tool_name} input={approval.input} />
      <p className="muted">
        in{' '}
        <span className="mono">
          <ExactText text={approval.cwd} />
        </span>
      </p>
    </article>
  );
}

function Done({ approval: { held, status, votes = [], approvals_needed = 1 } }: { readonly approval: Approval }) {
  const word = held?.status ?? (status === 'pending' || status === 'parked' ? 'approved by you' : status);
  return (
    <Banner tone={word === 'denied' ? 'grey' : 'green'}>
      <strong>{word}</strong>
      {held === undefined && votes.length < approvals_needed && approvals_needed > 1
        ? ` · ${votes.length} of ${approvals_needed}: another person must approve it, too`
        : ' · you can close this page'}
    </Banner>
  );
}
