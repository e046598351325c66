import type { RegistryCommit } from '@contracts/registry.js';
import { memo } from 'react';
import { Link } from 'react-router';
import { RelativeTime } from '../../../components/time.js';
import { shortHash } from '../../../lib/format.js';

interface TimelineProps {
  readonly commits: readonly RegistryCommit[];
  readonly selected: string | undefined;
  readonly head: string | undefined;
  /** Kept in the address while one goes through the list. */
  readonly query: string;
}

/** Commits on a line, newest first. */
export function Timeline({ commits, selected, head, query }: TimelineProps) {
  return (
    <ol className="timeline" aria-label="Commits">
      {commits.map((commit) => (
        <Row
          key={commit.hash}
          commit={commit}
          selected={commit.hash === selected}
          isHead={commit.hash === head}
          query={query}
        />
      ))}
    </ol>
  );
}

interface RowProps {
  readonly commit: RegistryCommit;
  readonly selected: boolean;
  readonly isHead: boolean;
  readonly query: string;
}

const Row = memo(function Row({ commit, selected, isHead, query }: RowProps) {
  const kind = commit.rollback_to !== null ? 'commit-row commit-rollback' : 'commit-row';
  return (
    <li>
      <Link
        to={`/registry/${commit.hash}${query}`}
        replace
        className={kind}
        aria-current={selected ? 'true' : undefined}
      >
        <span className="row">
          <span className="truncate grow commit-subject">{commit.subject}</span>
          {isHead && <span className="chip">now</span>}
        </span>
        <span className="row muted commit-meta">
          <span className="truncate">{commit.actor ?? commit.author}</span>
          <span className="mono">{shortHash(commit.hash)}</span>
          <span className="grow" />
          <RelativeTime at={commit.timestamp} />
        </span>
      </Link>
    </li>
  );
});
