import type { Approval } from '@contracts/approval.js';
import type { Turn } from '@contracts/turn.js';
import { Button } from 'primereact/button';
import { memo, useDeferredValue } from 'react';
import { Markdown } from '../../../components/markdown.js';
import { TurnBadge } from '../../../components/status-badge.js';
import { Countdown, RelativeTime } from '../../../components/time.js';
import { compact, dollars, duration, withClockTimes } from '../../../lib/format.js';
import { useCan } from '../../../lib/session.js';
import { useCancelTurn } from '../queries.js';
import { InlineApproval } from './inline-approval.js';
import { ToolLine } from './tool-line.js';

interface TurnViewProps {
  readonly turn: Turn;
  /** Calls of this turn that wait and have no block of their own yet. */
  readonly loose: readonly Approval[];
  /** What is being written right now. */
  readonly draft: string | undefined;
  readonly pending: ReadonlyMap<string, Approval>;
  readonly agentName: string;
}

/** A prompt and all that came of it, in order. */
export const TurnView = memo(function TurnView({ turn, draft, loose, pending, agentName }: TurnViewProps) {
  const writing = useDeferredValue(draft);
  return (
    <article className="turn" aria-label={`Prompt by ${turn.actor}`}>
      <div className="turn-prompt">
        <p className="turn-who">
          <strong>{speaker(turn)}</strong>
          <span className="muted">
            <RelativeTime at={turn.queued_at} />
          </span>
        </p>
        <p className="turn-text" dir="auto">
          {turn.prompt}
        </p>
      </div>
      {(turn.blocks.length > 0 || writing !== undefined || loose.length > 0) && (
        <div className="turn-reply">
          <p className="turn-who">
            <strong>{agentName}</strong>
          </p>
          {/* Blocks only ever grow at the end, so the place is the identity; a draft stands where its block will be. */}
          {turn.blocks.map((block, i) => {
            if (block.type === 'text') return <Markdown key={i} text={block.text} />;
            const approval = block.tool.approval_id === null ? undefined : pending.get(block.tool.approval_id);
            return approval === undefined ? (
              <ToolLine key={i} tool={block.tool} />
            ) : (
              <InlineApproval key={i} approval={approval} />
            );
          })}
          {writing !== undefined && <Markdown key={turn.blocks.length} text={writing} />}
          {loose.map((approval) => (
            <InlineApproval key={approval.id} approval={approval} />
          ))}
        </div>
      )}
      <TurnFoot turn={turn} />
    </article>
  );
});

function speaker(turn: Turn): string {
  return turn.source === 'user' ? turn.actor : turn.source;
}

const span = (ms: number): string => (ms < 1000 ? '< 1 s' : duration(ms));

function TurnFoot({ turn }: { readonly turn: Turn }) {
  const cancel = useCancelTurn();
  const mayOperate = useCan('operator');
  const { usage } = turn;
  return (
    <div className="turn-foot muted num">
      {turn.status !== 'complete' && <TurnBadge status={turn.status} />}
      {turn.reason !== null && <span className="turn-reason">{withClockTimes(turn.reason)}</span>}
      {turn.status === 'queued' && turn.resume_at !== undefined && (
        <span>
          Tried in <Countdown until={turn.resume_at} calm />
        </span>
      )}
      {turn.status === 'queued' && (
        <Button
          type="button"
          text
          size="small"
          label="Cancel"
          aria-label="Cancel this prompt"
          disabled={!mayOperate || cancel.isPending}
          onClick={() => cancel.mutate(turn.id)}
        />
      )}
      {turn.started_at !== null && turn.ended_at !== null && (
        <span>{span(Date.parse(turn.ended_at) - Date.parse(turn.started_at))}</span>
      )}
      {usage !== null && usage.input_tokens + usage.output_tokens > 0 && (
        <span title={`${usage.input_tokens} tokens in, ${usage.output_tokens} out`}>
          {compact(usage.input_tokens + usage.output_tokens)} tokens · {dollars(usage.cost_usd)}
        </span>
      )}
    </div>
  );
}
