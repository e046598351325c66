import type { Task } from '@contracts/task.js';
import { StateTag } from '../../../components/status-badge.js';
import { RelativeTime } from '../../../components/time.js';
import { proofLook } from '../look.js';
import { isOver } from '../order.js';

/** What a card shows; it is lifted while it is carried. */
export function CardFace({
  task,
  selected = false,
  lifted = false,
}: {
  readonly task: Task;
  readonly selected?: boolean;
  readonly lifted?: boolean;
}) {
  const proof = proofLook(task);
  const progress = isOver(task) ? null : task.progress;
  return (
    <article className={`task-card${selected ? ' card-selected' : ''}${lifted ? ' card-lifted' : ''}`}>
      <p className="card-title">{task.title}</p>
      <p className="card-facts muted">
        <span>{task.agent_id}</span>
        {task.priority !== 'medium' && <span className={`priority priority-${task.priority}`}>{task.priority}</span>}
        {task.deadline !== null && (
          <span className={task.overdue ? 'overdue' : undefined}>
            {task.overdue ? 'overdue ' : 'due '}
            <RelativeTime at={task.deadline} />
          </span>
        )}
        {progress !== null && <span className="num">{progress} %</span>}
        {task.held && <span>waits for you to start it</span>}
      </p>
      {(proof !== undefined || task.blocked_by.length > 0) && (
        <p className="card-facts">
          {proof !== undefined && <StateTag look={proof} />}
          {task.blocked_by.length > 0 && <span className="muted mono">needs {task.blocked_by.join(', ')}</span>}
        </p>
      )}
      {progress !== null && <progress className="card-progress" max={100} value={progress} aria-label="Progress" />}
    </article>
  );
}
