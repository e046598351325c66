import type { Agent } from '@contracts/agent.js';
import type { Approval } from '@contracts/approval.js';
import { Button } from 'primereact/button';
import { useMemo } from 'react';
import { useOutletContext } from 'react-router';
import { JumpToLive } from '../../../components/jump-to-live.js';
import { EmptyState, ErrorState, SkeletonRows } from '../../../components/states.js';
import { usePending } from '../../../lib/queries.js';
import { useStickToBottom } from '../../../lib/stick-to-bottom.js';
import { useOlderTurns, useThread } from '../queries.js';
import { InlineApproval } from './inline-approval.js';
import { PromptBox } from './prompt-box.js';
import { TurnView } from './turn-view.js';

/** One list for all turns without such calls, so that they need not be drawn again. */
const NONE: readonly Approval[] = [];

/** The conversation as a thread, with the calls that wait in their places, and the prompt box below. */
export function Conversation() {
  const agent = useOutletContext<Agent>();
  const { data: thread, error, refetch } = useThread(agent.id);
  const older = useOlderTurns(agent.id);
  const pending = usePending().data;
  const { scroller, content, stuck, jump } = useStickToBottom();

  const own = useMemo(
    () => new Map((pending ?? []).filter((each) => each.agent_id === agent.id).map((each) => [each.id, each])),
    [pending, agent.id],
  );
  const inTurns = new Set(
    thread?.turns.flatMap((turn) =>
      turn.blocks.map((block) => (block.type === 'tool' ? block.tool.approval_id : null)),
    ),
  );
  // A call is asked for before its block is told, and one from before the loaded turns has none: shown all the same.
  const loose = Map.groupBy(
    [...own.values()].filter((approval) => !inTurns.has(approval.id)),
    ({ turn_id }) => (thread?.turns.some((turn) => turn.id === turn_id) === true ? turn_id : null),
  );
  const first = thread?.turns[0];

  return (
    <div className="conversation">
      <div className="thread-frame">
        <div className="thread" ref={scroller} role="log" aria-label={`Conversation with ${agent.name}`} tabIndex={0}>
          <div className="thread-content" ref={content}>
            {thread === undefined && error !== null && (
              <ErrorState
                title="The conversation could not be loaded"
                error={error}
                kept="It is kept on the server."
                retry={() => void refetch()}
              />
            )}
            {thread === undefined && error === null && <SkeletonRows rows={7} />}
            {thread?.has_more === true && first !== undefined && (
              <Button
                type="button"
                text
                size="small"
                className="thread-older"
                label={older.isPending ? 'Loading…' : 'Show older turns'}
                disabled={older.isPending}
                onClick={() => older.mutate(first.id)}
              />
            )}
            {thread?.turns.length === 0 && loose.size === 0 && (
              <EmptyState
                icon="agents"
                title={`Nothing has been said yet`}
                command={`nox agent prompt ${agent.id} "Hello, who are you?"`}
              >
                Write the first prompt below, or send it from a terminal.
              </EmptyState>
            )}
            {thread?.turns.map((turn) => (
              <TurnView
                key={turn.id}
                turn={turn}
                draft={thread.drafts[turn.id]}
                loose={loose.get(turn.id) ?? NONE}
                pending={own}
                agentName={agent.name}
              />
            ))}
            {loose.get(null)?.map((approval) => (
              <InlineApproval key={approval.id} approval={approval} />
            ))}
          </div>
        </div>
        <JumpToLive shown={!stuck} onJump={jump} />
      </div>
      <PromptBox agent={agent} onSent={jump} />
    </div>
  );
}
