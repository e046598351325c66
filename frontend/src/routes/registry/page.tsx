import { Button } from 'primereact/button';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { Link, useNavigate, useParams, useSearchParams } from 'react-router';
import { CommandHint } from '../../components/command-hint.js';
import { Icon } from '../../components/icon.js';
import { PageHead } from '../../components/page-head.js';
import { Banner, EmptyState, ErrorState, SkeletonRows } from '../../components/states.js';
import { shortHash } from '../../lib/format.js';
import { CommitDetail } from './components/commit-detail.js';
import { RollbackDialog } from './components/rollback-dialog.js';
import { Timeline } from './components/timeline.js';
import { useHistory, useRegistryStatus } from './queries.js';
import './registry.css';

const WIDE = '(min-width: 900px)';

/** Who changed what and when; each version can be looked at and gone back to. */
export function RegistryPage() {
  const { hash } = useParams();
  const [params, setParams] = useSearchParams();
  const navigate = useNavigate();
  const history = useHistory();
  const status = useRegistryStatus().data;
  const [target, setTarget] = useState<string>();
  const object = params.get('object') ?? '';

  const commits = useMemo(
    () => history.data?.filter((commit) => object === '' || commit.object === object),
    [history.data, object],
  );
  const objects = useMemo(
    () =>
      [
        ...new Set((history.data ?? []).flatMap((commit) => commit.object ?? []).concat(object === '' ? [] : [object])),
      ].sort(),
    [history.data, object],
  );
  const query = object === '' ? '' : `?object=${encodeURIComponent(object)}`;
  const first = commits?.[0]?.hash;
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
          <CommandHint
            commands={[
              'nox registry history',
              `nox registry show ${hash ?? 'HASH'}`,
              `nox registry rollback ${hash ?? 'HASH'} --dry-run`,
            ]}
          />
        </PageHead>
        {status?.invalid.map(({ file, message }) => (
          <Banner key={file} tone="red" icon="warning">
            <strong>{file}</strong> on disk is not valid: {message}. The last good version stays in force until you mend
            it.
          </Banner>
        ))}
        {objects.length > 1 && (
          <div className="filters">
            <select
              className="select"
              aria-label="Object"
              value={object}
              onChange={(event) =>
                setParams(event.target.value === '' ? {} : { object: event.target.value }, { replace: true })
              }
            >
              <option value="">every object</option>
              {objects.map((each) => (
                <option key={each}>{each}</option>
              ))}
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
          title={object === '' ? 'No changes yet' : `No change of ${object} among these`}
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
                <CommitDetail key={hash} hash={hash} isHead={hash === status?.head} onGoBack={() => setTarget(hash)} />
              </>
            )}
          </div>
        </div>
      )}
      {target !== undefined && <RollbackDialog target={target} onClose={() => setTarget(undefined)} />}
    </div>
  );
}

const headOf = (branch: string, head: string | null): string =>
  head === null ? `Branch ${branch}, no commit yet` : `Branch ${branch} at ${shortHash(head)}`;
