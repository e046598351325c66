import type { Agent } from '@contracts/agent.js';
import type { Task, TaskStatus } from '@contracts/task.js';
import { Link, useOutletContext } from 'react-router';
import { CommandHint } from '../../../components/command-hint.js';
import { ExactText } from '../../../components/exact-text.js';
import { EmptyState, ErrorState, SkeletonRows } from '../../../components/states.js';
import { StateTag } from '../../../components/status-badge.js';
import { RelativeTime } from '../../../components/time.js';
import { proofLook, taskLook } from '../../tasks/look.js';
import { useTasks } from '../../tasks/queries.js';

/** What is done now comes first, what is over last. */
const ORDER: Readonly<Record<TaskStatus, number>> = {
  in_progress: 0,
  failed: 1,
  blocked: 2,
  todo: 3,
  done: 4,
  cancelled: 5,
};

/** The agent's tasks in a list. */
export function AgentTasks() {
  const agent = useOutletContext<Agent>();
  const { data, error, refetch } = useTasks();
  const own = data
    ?.filter(({ agent_id }) => agent_id === agent.id)
    .toSorted((a, b) => ORDER[a.status] - ORDER[b.status]);
  return (
    <div className="stack">
      <div className="row-wrap">
        <p className="muted grow">
          The lines of <code>tasks/{agent.id}.md</code>.
        </p>
        <CommandHint commands={[`nox task ls --agent ${agent.id}`, `nox task add ${agent.id} "…"`]} />
        <Link to={`/tasks?agent=${agent.id}`}>Board</Link>
      </div>
      {own === undefined && error === null && <SkeletonRows rows={5} />}
      {own === undefined && error !== null && (
        <ErrorState title="The tasks could not be loaded" error={error} retry={() => void refetch()} />
      )}
      {own?.length === 0 && (
        <EmptyState icon="tasks" title="No tasks" command={`nox task add ${agent.id} "Write the changelog"`}>
          {agent.name} has nothing on its list.
        </EmptyState>
      )}
      {own !== undefined && own.length > 0 && (
        <ul className="card agent-tasks">
          {own.map((task) => (
            <Row key={task.id} task={task} />
          ))}
        </ul>
      )}
    </div>
  );
}

function Row({ task }: { readonly task: Task }) {
  const proof = proofLook(task);
  return (
    <li>
      <Link to={`/tasks/${task.id}?agent=${task.agent_id}`} className="agent-task">
        <StateTag look={taskLook(task.status)} />
        <span className="grow agent-task-title">
          <ExactText text={task.title} />
        </span>
        {proof !== undefined && <StateTag look={proof} />}
        {task.priority !== 'medium' && <span className="chip">{task.priority}</span>}
        {task.deadline !== null && (
          <span className={task.overdue ? 'agent-task-late' : 'muted'}>
            {task.overdue ? 'overdue ' : 'due '}
            <RelativeTime at={task.deadline} />
          </span>
        )}
      </Link>
    </li>
  );
}
