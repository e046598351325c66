import type { RegistryCommit } from '@contracts/registry.js';
import { Button } from 'primereact/button';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import { CommandHint } from '../../components/command-hint.js';
import { Icon } from '../../components/icon.js';
import { PageHead } from '../../components/page-head.js';
import { Banner, EmptyState, ErrorState, SkeletonRows } from '../../components/states.js';
import { useAgents } from '../../lib/queries.js';
import { shortHash } from '../../lib/format.js';
import { useCan } from '../../lib/session.js';
import { BranchesDialog } from './components/branches-dialog.js';
import { CommitDetail } from './components/commit-detail.js';
import { ExternalEdits } from './components/external-edits.js';
import { RollbackDialog } from './components/rollback-dialog.js';
import { TransferDialog } from './components/transfer-dialog.js';
import { UndoDialog } from './components/undo-dialog.js';
import { Timeline } from './components/timeline.js';
import { type Goal, useHistory, useRegistryStatus } from './queries.js';
import './registry.css';

type RollbackTarget = 'undo' | 'time' | Pick<Goal, 'commit_hash' | 'tag'>;
const authorOf = (commit: RegistryCommit): string => commit.actor ?? commit.author;
/** What the server can answer the history of. */
const ONE_OBJECT = /^(agent|service|config|policy|relationships):[A-Za-z0-9][A-Za-z0-9._ >-]*$/;
const WIDE = '(min-width: 900px)';

/** Who changed what and when; each version can be looked at and gone back to. */
export function RegistryPage() {
  const { hash } = useParams();
  const [params, setParams] = useSearchParams();
  const navigate = useNavigate();
  const [hours, setHours] = useState(0);
  const since = useMemo(
    () => (hours === 0 ? undefined : new Date(Date.now() - hours * 3_600_000).toISOString()),
    [hours],
  );
  const object = params.get('object') ?? '';
  const history = useHistory(since, object);
  const everything = useHistory(since);
  const agents = useAgents().data;
  const status = useRegistryStatus().data;
  const [target, setTarget] = useState<RollbackTarget>();
  const [panel, setPanel] = useState<'branches' | 'transfer'>();
  const mayRollBack = useCan('admin');
  const author = params.get('by') ?? '';

  const commits = useMemo(
    () => history.data?.filter((commit) => author === '' || authorOf(commit) === author),
    [history.data, author],
  );
  const objects = useMemo(
    () =>
      [
        ...new Set([
          ...(agents ?? []).map(({ id }) => `agent:${id}`),
          // Those that are gone, and what is no agent.
          ...(everything.data ?? []).flatMap((commit) => commit.object ?? []).filter((each) => ONE_OBJECT.test(each)),
          ...(object === '' ? [] : [object]),
        ]),
      ].sort(),
    [agents, everything.data, object],
  );
  const authors = useMemo(
    () => [...new Set((history.data ?? []).map(authorOf).concat(author === '' ? [] : [author]))].sort(),
    [history.data, author],
  );
  const filter = (name: 'object' | 'by', value: string): void => {
    // From the address, not from the last render: two filters may be set within one.
    const next = new URLSearchParams(window.location.search);
    if (value === '') next.delete(name);
    else next.set(name, value);
    setParams(next, { replace: true });
  };
  const query = params.size === 0 ? '' : `?${params.toString()}`;
  const first = commits?.[0]?.hash;
  const newest = everything.data?.find((commit) => commit.hash === status?.head);
  const open = useCallback(
    (to: string) => void navigate(`/registry/${to}${query}`, { replace: true }),
    [navigate, query],
  );
  useEffect(() => {
    if (hash === undefined && first !== undefined && matchMedia(WIDE).matches) open(first);
  }, [hash, first, open]);

  return (
    <div className={hash === undefined ? 'page page-fill registry' : 'page page-fill registry registry-open'}>
      <div className="registry-head">
        <PageHead title="Registry" summary={status && headOf(status.branch, status.head)}>
          {mayRollBack && status !== undefined && (
            <>
              {newest?.rollback_to != null && (
                <Button type="button" outlined label="Undo rollback" onClick={() => setTarget('undo')} />
              )}
              <Button type="button" outlined label="Go back…" onClick={() => setTarget('time')} />
            </>
          )}
          <Button type="button" outlined label="Branches and tags" onClick={() => setPanel('branches')} />
          <Button type="button" outlined label="Export and import" onClick={() => setPanel('transfer')} />
          <CommandHint
            commands={[
              object.startsWith('agent:')
                ? `nox registry history --agent ${object.slice('agent:'.length)}`
                : 'nox registry history',
              `nox registry show ${hash ?? 'HASH'}`,
              `nox registry rollback ${hash ?? 'HASH'} --dry-run`,
            ]}
          />
        </PageHead>
        <ExternalEdits />
        {(status?.remote.state === 'failed' || status?.remote.state === 'diverged') && (
          <Banner tone="amber" icon="warning">
            The backup on the remote {status.remote.state === 'failed' ? 'failed' : 'has diverged'}:{' '}
            {status.remote.detail}
          </Banner>
        )}
        {everything.data !== undefined && (
          <div className="filters">
            <select
              className="select"
              aria-label="Object"
              value={object}
              onChange={(event) => filter('object', event.target.value)}
            >
              <option value="">every object</option>
              {objects.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
            <select
              className="select"
              aria-label="Author"
              value={author}
              onChange={(event) => filter('by', event.target.value)}
            >
              <option value="">by anybody</option>
              {authors.map((each) => (
                <option key={each} value={each}>
                  by {each}
                </option>
              ))}
            </select>
            <select
              className="select"
              aria-label="Time"
              value={hours}
              onChange={(event) => setHours(Number(event.target.value))}
            >
              <option value={0}>at any time</option>
              <option value={24}>in the last day</option>
              <option value={168}>in the last week</option>
            </select>
          </div>
        )}
      </div>
      {history.data === undefined && history.error !== null && (
        <ErrorState
          title="The history could not be loaded"
          error={history.error}
          kept="It is kept in git."
          retry={() => void history.refetch()}
        />
      )}
      {history.data === undefined && history.error === null && <SkeletonRows rows={8} height="36px" />}
      {commits?.length === 0 && (
        <EmptyState
          icon="registry"
          title={object === '' ? 'No changes yet' : `No change of ${object}`}
          command="nox registry history"
        >
          Every change of an agent or a setting becomes one commit here, and each can be undone.
        </EmptyState>
      )}
      {commits !== undefined && commits.length > 0 && (
        <div className="registry-panes">
          <div className="registry-list">
            <Timeline commits={commits} selected={hash} head={status?.head ?? undefined} query={query} />
            {history.hasNextPage && (
              <Button
                type="button"
                text
                label={history.isFetchingNextPage ? 'Loading…' : 'Show older commits'}
                disabled={history.isFetchingNextPage}
                onClick={() => void history.fetchNextPage()}
              />
            )}
          </div>
          <div className="registry-detail">
            {hash !== undefined && (
              <>
                <Link to={`/registry${query}`} className="back-link">
                  <Icon name="back" /> All commits
                </Link>
                <CommitDetail
                  key={hash}
                  hash={hash}
                  isHead={hash === status?.head}
                  onGoBack={() => setTarget({ commit_hash: hash })}
                />
              </>
            )}
          </div>
        </div>
      )}
      {target === 'undo' && <UndoDialog onClose={() => setTarget(undefined)} />}
      {target !== undefined && target !== 'undo' && (
        <RollbackDialog target={target === 'time' ? undefined : target} onClose={() => setTarget(undefined)} />
      )}
      {panel === 'transfer' && <TransferDialog onClose={() => setPanel(undefined)} />}
      {panel === 'branches' && (
        <BranchesDialog
          onClose={() => setPanel(undefined)}
          onGoBack={(tag) => {
            setPanel(undefined);
            setTarget({ tag });
          }}
        />
      )}
    </div>
  );
}

const headOf = (branch: string, head: string | null): string =>
  head === null ? `Branch ${branch}, no commit yet` : `Branch ${branch} at ${shortHash(head)}`;
