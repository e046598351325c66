import { LedgerKind, type LedgerVerdict } from '@contracts/audit.js';
import { Button } from 'primereact/button';
import { useMemo } from 'react';
import { Link, useParams, useSearchParams } from 'react-router';
import { AuditTabs } from '../../components/audit-tabs.js';
import { CommandHint } from '../../components/command-hint.js';
import { Icon } from '../../components/icon.js';
import { PageHead } from '../../components/page-head.js';
import { Banner, EmptyState, ErrorState, SkeletonRows } from '../../components/states.js';
import { RelativeTime } from '../../components/time.js';
import { saveFile } from '../../lib/save-file.js';
import { plural } from '../../lib/format.js';
import { messageOf } from '../../lib/http.js';
import { useAgents } from '../../lib/queries.js';
import { EntryDetail } from './entry-detail.js';
import { byWhom, kindWord } from './entry-words.js';
import { useEntry, useLedger, useVerify } from './queries.js';
import './ledger.css';

/** Every decision, in a chain that shows tampering. */
export function LedgerPage() {
  const { seq } = useParams();
  const [params, setParams] = useSearchParams();
  const agent_id = params.get('agent') ?? '';
  const kind = params.get('kind') ?? '';
  const by = params.get('by') ?? '';
  const ledger = useLedger(agent_id);
  const agents = useAgents().data;
  const verify = useVerify();
  const number = seq !== undefined && /^\d{1,15}$/.test(seq) ? Number(seq) : undefined;
  const known = ledger.data?.find((entry) => entry.seq === number);
  const fetched = useEntry(known === undefined ? number : undefined);
  const open = known ?? (fetched.data?.seq === number ? fetched.data : undefined);

  const shown = useMemo(
    () =>
      ledger.data?.filter(
        (entry) =>
          (kind === '' || entry.kind === kind) &&
          (by === '' || (by === 'rule') === (entry.body.rule_id !== null && entry.body.channel === 'policy')),
      ),
    [ledger.data, kind, by],
  );
  const choose = (name: string, value: string): void =>
    setParams(
      (before) => {
        if (value === '') before.delete(name);
        else before.set(name, value);
        return before;
      },
      { replace: true },
    );
  const query = params.size === 0 ? '' : `?${params.toString()}`;
  return (
    <div className="page ledger">
      <PageHead
        title="Ledger of decisions"
        summary="Each entry is bound to the one before it; nothing can be taken out."
      >
        <CommandHint commands={['nox audit ls', 'nox audit verify']} />
        <Button
          type="button"
          outlined
          icon={<Icon name="down" />}
          label="Export"
          title="The entries shown here, as JSON"
          disabled={shown === undefined || shown.length === 0}
          onClick={() => shown !== undefined && download(shown)}
        />
        <Button
          type="button"
          icon={<Icon name="check" />}
          label={verify.isPending ? 'Verifying…' : 'Verify'}
          disabled={verify.isPending}
          onClick={() => verify.mutate()}
        />
      </PageHead>
      <AuditTabs />
      {verify.data !== undefined && <Verdict verdict={verify.data} />}
      {verify.error !== null && (
        <Banner tone="red" icon="warning">
          The ledger could not be verified: {messageOf(verify.error)}
        </Banner>
      )}
      <div className="filters">
        <select
          className="select"
          aria-label="Agent"
          value={agent_id}
          onChange={(e) => choose('agent', e.target.value)}
        >
          <option value="">every agent</option>
          {agents?.map((agent) => (
            <option key={agent.id} value={agent.id}>
              {agent.name}
            </option>
          ))}
        </select>
        <select className="select" aria-label="What" value={kind} onChange={(e) => choose('kind', e.target.value)}>
          <option value="">everything</option>
          {LedgerKind.options.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <select className="select" aria-label="By whom" value={by} onChange={(e) => choose('by', e.target.value)}>
          <option value="">by anybody</option>
          <option value="rule">by a rule</option>
          <option value="person">not by a rule</option>
        </select>
      </div>
      {open !== undefined && <EntryDetail key={open.seq} entry={open} />}
      {number !== undefined && open === undefined && !fetched.isFetching && (
        <Banner tone="amber">The ledger has no entry {number}.</Banner>
      )}
      {shown === undefined && ledger.error !== null && (
        <ErrorState
          title="The ledger could not be read"
          error={ledger.error}
          kept="None of it is lost."
          retry={() => void ledger.refetch()}
        />
      )}
      {shown === undefined && ledger.error === null && <SkeletonRows rows={10} />}
      {shown !== undefined && (
        <section className="card" aria-label="Entries">
          {shown.length === 0 ? (
            <EmptyState icon="events" title="No decision fits" command="nox audit ls">
              Requests, decisions and what ran are written here as they happen.
            </EmptyState>
          ) : (
            <ul className="ledger-list">
              {shown.map((entry) => (
                <li key={entry.seq}>
                  <Link
                    to={`/audit/ledger/${entry.seq}${query}`}
                    className={entry.seq === number ? 'ledger-row active' : 'ledger-row'}
                    aria-current={entry.seq === number ? 'true' : undefined}
                  >
                    <span className="num muted ledger-seq">{entry.seq}</span>
                    <span className={`ledger-kind ledger-${entry.kind}`}>{kindWord(entry)}</span>
                    <span className="mono ledger-tool">{entry.body.tool_name}</span>
                    <span className="grow clip-line">
                      {entry.body.agent_id} · {byWhom(entry.body)}
                    </span>
                    <span className="muted">
                      <RelativeTime at={entry.at} />
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
          )}
        </section>
      )}
      {ledger.hasNextPage && (
        <div className="row">
          <Button
            type="button"
            outlined
            label={ledger.isFetchingNextPage ? 'Loading…' : 'Show older entries'}
            disabled={ledger.isFetchingNextPage}
            onClick={() => void ledger.fetchNextPage()}
          />
        </div>
      )}
    </div>
  );
}

function Verdict({ verdict: { ok, entries, anchors, problem, head } }: { readonly verdict: LedgerVerdict }) {
  if (!ok)
    return (
      <Banner tone="red" icon="warning">
        The ledger was changed{problem === null ? '.' : `, at entry ${problem.seq}: ${problem.message}`}
      </Banner>
    );
  return (
    <Banner tone="green" icon="check">
      {plural(entries, 'entry', 'entries')} verified, none was changed; {anchors.match} of {anchors.found} anchors in
      git fit{head === null ? '' : `; head ${head.slice(0, 12)}`}.
    </Banner>
  );
}

function download(entries: readonly unknown[]): void {
  saveFile(new Blob([`${JSON.stringify(entries, null, 2)}\n`], { type: 'application/json' }), 'nox-ledger.json');
}
