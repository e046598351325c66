import type { RollbackResult } from '@contracts/registry.js';
import { Button } from 'primereact/button';
import { useState } from 'react';
import { Link } from 'react-router';
import { CommandLine } from '../../../components/copy-button.js';
import { WideDialog } from '../../../components/form-dialog.js';
import { Banner, ErrorState, SkeletonRows } from '../../../components/states.js';
import { RelativeTime } from '../../../components/time.js';
import { messageOf } from '../../../lib/http.js';
import { plural, shortHash } from '../../../lib/format.js';
import { type Goal, usePreview, useRollback } from '../queries.js';
import { AgentScope } from './agent-scope.js';
import { ObjectChanges } from './object-changes.js';
import { Steps } from './steps.js';

interface RollbackDialogProps {
  /** Where to; without it the person chooses a time. */
  readonly target?: Pick<Goal, 'commit_hash' | 'tag'> | undefined;
  readonly onClose: () => void;
}

const TIMES = [
  [1, 'an hour ago'],
  [6, 'six hours ago'],
  [24, 'yesterday, at this time'],
  [168, 'a week ago'],
] as const;

/** What going back would do, to everything or to one agent; then, once confirmed, what it did, and one click that undoes it. */
export function RollbackDialog({ target, onClose }: RollbackDialogProps) {
  const rollback = useRollback();
  const [hours, setHours] = useState(24);
  const [agent, setAgent] = useState('');
  const done = rollback.data;
  const scope = agent === '' ? {} : { agents: [agent] };
  const preview = usePreview(rollback.isIdle ? { ...(target ?? { hours }), ...scope } : undefined);
  const version = preview.data?.target.hash;

  const confirm = (): void => {
    // Exactly what was shown: the hour goes on meanwhile.
    if (target?.tag !== undefined) rollback.mutate({ tag: target.tag, ...scope });
    else if (version !== undefined) rollback.mutate({ commit_hash: version, ...scope });
  };
  const undone = done !== undefined && rollback.variables === 'undo';
  const what = agent === '' ? '' : ` with ${agent}`;
  const title = undone
    ? 'Undone'
    : done !== undefined
      ? `Went back${what} to ${shortHash(done.target.hash)}`
      : rollback.isPending
        ? `Going back${what}…`
        : `Go back${what}${version === undefined ? '' : ` to ${shortHash(version)}`}?`;
  return (
    <WideDialog
      header={title}
      onHide={onClose}
      footer={
        done === undefined ? (
          <>
            <Button type="button" outlined label="Cancel" disabled={rollback.isPending} onClick={onClose} />
            <Button
              type="button"
              label={rollback.isError ? 'Try again' : 'Confirm rollback'}
              disabled={rollback.isPending || version === undefined || preview.data?.objects.length === 0}
              onClick={confirm}
            />
          </>
        ) : (
          <>
            {done.commit !== null && (
              <Button
                type="button"
                outlined
                label={undone ? 'Do it again' : 'Undo this rollback'}
                onClick={() => rollback.mutate('undo')}
              />
            )}
            <Button type="button" label="Done" onClick={onClose} />
          </>
        )
      }
    >
      <div className="stack">
        {rollback.isIdle && (
          <div className="filters">
            {target === undefined && (
              <select
                className="select"
                aria-label="When"
                value={hours}
                onChange={(event) => setHours(Number(event.target.value))}
              >
                {TIMES.map(([value, words]) => (
                  <option key={value} value={value}>
                    as it was {words}
                  </option>
                ))}
              </select>
            )}
            <AgentScope label="What" value={agent} onChange={setAgent} />
          </div>
        )}
        {rollback.isError && (
          <Banner tone="red" icon="warning">
            {messageOf(rollback.error)} Nothing was changed.
          </Banner>
        )}
        {rollback.isIdle && preview.isError && (
          <ErrorState
            title="The preview failed"
            error={preview.error}
            kept="Nothing was changed."
            retry={() => void preview.refetch()}
          />
        )}
        {(rollback.isPending || (rollback.isIdle && preview.isPending)) && <SkeletonRows rows={5} />}
        {rollback.isIdle && preview.data !== undefined && <Plan result={preview.data} agent={agent} />}
        {done !== undefined && <Report result={done} onLeave={onClose} />}
      </div>
    </WideDialog>
  );
}

function Plan({ result, agent }: { readonly result: RollbackResult; readonly agent: string }) {
  return (
    <>
      <p>
        {agent === '' ? 'Agents and settings become' : <>Agent {agent} becomes</>} as{' '}
        {agent === '' ? 'they were' : 'it was'} after “{result.target.subject}” (
        <RelativeTime at={result.target.timestamp} />
        ), by a new commit. Conversations, tasks and approval history are not touched.
      </p>
      <Steps steps={result.reconciled} title="In the live system" none="No running agent is touched." />
      <div>
        <h3 className="field-label">In the registry</h3>
        <ObjectChanges objects={result.objects} none="Nothing differs: the registry is already so." />
      </div>
      <CommandLine command={`nox registry rollback ${result.target.hash}${agent === '' ? '' : ` --agent ${agent}`}`} />
    </>
  );
}

function Report({ result, onLeave }: { readonly result: RollbackResult; readonly onLeave: () => void }) {
  return (
    <>
      <Banner tone="green" icon="check">
        {result.commit === null ? (
          'Nothing differed, so no commit was made.'
        ) : (
          <>
            Committed as{' '}
            <Link to={`/registry/${result.commit.hash}`} onClick={onLeave}>
              {shortHash(result.commit.hash)}
            </Link>
            , {plural(result.objects.length, 'object')} changed.
          </>
        )}
      </Banner>
      <Steps steps={result.reconciled} title="What the live system did" none="No running agent was touched." />
    </>
  );
}
