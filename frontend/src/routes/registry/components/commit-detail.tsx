import { Button } from 'primereact/button';
import { useState } from 'react';
import { Link } from 'react-router';
import { CopyButton } from '../../../components/copy-button.js';
import { Diff } from '../../../components/diff.js';
import { Icon } from '../../../components/icon.js';
import { ErrorState, SkeletonRows } from '../../../components/states.js';
import { RelativeTime } from '../../../components/time.js';
import { shortHash } from '../../../lib/format.js';
import { patchLines } from '../../../lib/line-diff.js';
import { useCan } from '../../../lib/session.js';
import { useCommit } from '../queries.js';
import { ObjectChanges } from './object-changes.js';

interface CommitDetailProps {
  readonly hash: string;
  readonly isHead: boolean;
  readonly onGoBack: () => void;
}

/** One commit: who and what, its changes by object first, as text second, and the way back. */
export function CommitDetail({ hash, isHead, onGoBack }: CommitDetailProps) {
  const { data, error, refetch } = useCommit(hash);
  const [text, setText] = useState(false);
  const mayRollBack = useCan('admin');
  if (data === undefined) {
    return error === null ? (
      <SkeletonRows rows={8} />
    ) : (
      <ErrorState title={`Commit ${shortHash(hash)} could not be loaded`} error={error} retry={() => void refetch()} />
    );
  }
  const { commit, objects, patch } = data;
  return (
    <article className="card commit" aria-label={`Commit ${shortHash(hash)}`}>
      <header className="commit-head">
        <h2>{commit.subject}</h2>
        <div className="row-wrap muted">
          <span>{commit.actor ?? commit.author}</span>
          <RelativeTime at={commit.timestamp} />
          <span className="row commit-hash">
            <span className="mono">{shortHash(hash)}</span>
            <CopyButton text={hash} label="Copy commit hash" />
          </span>
          {commit.rollback_to !== null && (
            <span>
              back to <Link to={`/registry/${commit.rollback_to}`}>{shortHash(commit.rollback_to)}</Link>
            </span>
          )}
        </div>
        <div className="row-wrap commit-actions">
          <Button
            type="button"
            outlined
            icon={<Icon name="restart" />}
            label={isHead ? 'This is in force now' : 'Go back to here'}
            disabled={isHead || !mayRollBack}
            title={mayRollBack ? undefined : 'Only an admin can go back'}
            onClick={onGoBack}
          />
          <div className="segmented" role="group" aria-label="Show the changes">
            <Button
              type="button"
              className={text ? '' : 'p-highlight'}
              aria-pressed={!text}
              label="By object"
              onClick={() => setText(false)}
            />
            <Button
              type="button"
              className={text ? 'p-highlight' : ''}
              aria-pressed={text}
              label="As text"
              onClick={() => setText(true)}
            />
          </div>
        </div>
      </header>
      <div className="commit-body">
        {text ? (
          <Diff lines={patchLines(patch)} label="Changes as text" />
        ) : (
          <ObjectChanges objects={objects} none="Nothing that Nox knows has changed; see the text." />
        )}
      </div>
    </article>
  );
}
