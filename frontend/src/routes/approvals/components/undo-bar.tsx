import type { Approval } from '@contracts/approval.js';
import { Button } from 'primereact/button';
import { Countdown } from '../../../components/time.js';
import { oneLine } from '../../../lib/request-input.js';

interface UndoBarProps {
  /** What was decided here last. */
  readonly decided: readonly Approval[];
  readonly busy: boolean;
  readonly onUndo: () => void;
}

/** The last decision, as long as it can be taken back. */
export function UndoBar({ decided, busy, onUndo }: UndoBarProps) {
  const [first] = decided;
  if (first === undefined) return null;
  const { held, status, votes = [], approvals_needed = 1, tool_name, input } = first;
  const word = held?.status ?? (status === 'pending' || status === 'parked' ? 'approved by you' : status);
  return (
    <div className="undo-bar" role="status">
      <span className="truncate grow">
        <strong>{decided.length === 1 ? word : `${decided.length} ${word}`}</strong> {tool_name}{' '}
        <code>{oneLine(tool_name, input)}</code>
        {held === undefined && status === 'pending' && ` · ${votes.length} of ${approvals_needed}, another person must`}
      </span>
      {held !== undefined && (
        <span className="muted">
          the agent hears in <Countdown until={held.until} calm over="now" />
        </span>
      )}
      <Button type="button" size="small" outlined label="Undo" disabled={busy} onClick={onUndo} />
    </div>
  );
}
