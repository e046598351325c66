import type { Task, TaskStatus } from '@contracts/task.js';
import { Button } from 'primereact/button';
import { useState } from 'react';
import { Link } from 'react-router';
import { Icon } from '../../../components/icon.js';
import { ExactText } from '../../../components/exact-text.js';
import { Markdown } from '../../../components/markdown.js';
import { StateTag } from '../../../components/status-badge.js';
import { RelativeTime } from '../../../components/time.js';
import { useCan } from '../../../lib/session.js';
import { proofLook, taskLook, WORDS } from '../look.js';
import { isOver } from '../order.js';
import { useMove, useTaskLog } from '../queries.js';
import { DelegateDialog } from './delegate-dialog.js';
import { EditTaskDialog } from './edit-task-dialog.js';

const TARGETS = ['todo', 'in_progress', 'blocked', 'done', 'cancelled'] as const satisfies readonly TaskStatus[];

interface DetailProps {
  readonly task: Task;
  readonly all: readonly Task[];
  readonly onOpen: (id: string) => void;
  readonly onClose: () => void;
}

/** One task in full, with what Nox saw when it ran its acceptance. */
export function TaskDetail({ task, all, onOpen, onClose }: DetailProps) {
  const move = useMove();
  const mayChange = useCan('operator');
  const log = useTaskLog(task.id, task.updated_at).data;
  const [asking, setAsking] = useState<'edit' | 'delegate'>();
  const proof = proofLook(task);
  const parts = all.filter((each) => each.parent_id === task.id);
  const whole = all.find((each) => each.id === task.parent_id);
  return (
    <article className="task-detail" aria-label={`Task ${task.title}`}>
      <header className="row-wrap">
        <h2 className="grow">{task.title}</h2>
        <Button type="button" text size="small" icon={<Icon name="cross" />} aria-label="Close" onClick={onClose} />
      </header>
      <p className="card-facts">
        <StateTag look={taskLook(task.status)} />
        {proof !== undefined && <StateTag look={proof} />}
        <span className="mono muted">{task.id}</span>
        <Link to={`/agents/${task.agent_id}`}>{task.agent_id}</Link>
      </p>
      {task.reason !== null && <p className="muted">{task.reason}</p>}
      {mayChange && (
        <div className="row-wrap task-deeds">
          <label className="task-move">
            Move to{' '}
            <select
              className="select"
              value={task.status}
              disabled={move.isPending}
              onChange={(event) => move.mutate({ task, to: event.target.value as TaskStatus })}
            >
              {[...TARGETS, ...(task.status === 'failed' ? (['failed'] as const) : [])].map((status) => (
                <option key={status} value={status}>
                  {WORDS[status]}
                </option>
              ))}
            </select>
          </label>
          <Button type="button" outlined size="small" label="Edit" onClick={() => setAsking('edit')} />
          {!isOver(task) && (
            <Button type="button" outlined size="small" label="Delegate" onClick={() => setAsking('delegate')} />
          )}
        </div>
      )}
      {asking === 'edit' && <EditTaskDialog task={task} onClose={() => setAsking(undefined)} />}
      {asking === 'delegate' && <DelegateDialog task={task} onClose={() => setAsking(undefined)} />}
      {task.description !== '' && <Markdown text={task.description} />}
      {task.dependencies.length > 0 && (
        <p className="card-facts">
          <span className="muted">needs</span>
          {task.dependencies.map((id) => (
            <button key={id} type="button" className="link-button" onClick={() => onOpen(id)}>
              {all.find((each) => each.id === id)?.title ?? id}
            </button>
          ))}
        </p>
      )}
      {whole !== undefined && (
        <p className="card-facts">
          <span className="muted">part of</span>
          <button type="button" className="link-button" onClick={() => onOpen(whole.id)}>
            {whole.title}
          </button>
        </p>
      )}
      {parts.map((part) => (
        <p key={part.id} className="card-facts">
          <span className="muted">part</span>
          <button type="button" className="link-button" onClick={() => onOpen(part.id)}>
            {part.title}
          </button>
          <StateTag look={taskLook(part.status)} />
        </p>
      ))}
      {task.delegations.map((each) => (
        <p key={`${each.task_id}${each.approval_id}`} className="card-facts">
          <span className="muted">
            {each.type} to {each.to_agent}: {each.status}
          </span>
          {each.status === 'pending' && each.approval_id !== null && (
            <Link to={`/approvals/${each.approval_id}`}>decide</Link>
          )}
        </p>
      ))}
      {task.result !== null && task.result !== '' && (
        <section>
          <h3>Result</h3>
          <Markdown text={task.result} />
        </section>
      )}
      {task.accept.length > 0 && (
        <section aria-label="Acceptance">
          <h3>Acceptance</h3>
          {task.accept.map((command, index) => {
            const result = task.evidence?.results[index];
            return (
              <div key={`${index}${command}`} className="evidence">
                <p className="card-facts">
                  <StateTag
                    look={
                      result === undefined
                        ? { word: 'not run', sign: 'dashed', colour: 'grey' }
                        : result.passed
                          ? { word: 'passed', sign: 'check', colour: 'green' }
                          : { word: 'failed', sign: 'cross', colour: 'red' }
                    }
                  />
                  <code>
                    <ExactText text={command} />
                  </code>
                  {result !== undefined && (
                    <span className="muted num">
                      {result.timed_out
                        ? 'not in time'
                        : result.exit_code === null
                          ? 'ended by a signal'
                          : `exit ${result.exit_code}`}
                    </span>
                  )}
                </p>
                {result !== undefined && result.output !== '' && <pre className="evidence-output">{result.output}</pre>}
              </div>
            );
          })}
          {task.evidence !== null && (
            <p className="muted">
              run <RelativeTime at={task.evidence.ended_at} />
            </p>
          )}
        </section>
      )}
      {log !== undefined && log.entries.length > 0 && (
        <details>
          <summary>What happened ({log.entries.length})</summary>
          <ul className="task-log">
            {log.entries.map((entry) => (
              <li key={entry.id}>
                <RelativeTime at={entry.timestamp} /> <strong>{entry.kind}</strong> {entry.text}{' '}
                <span className="muted">by {entry.actor}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </article>
  );
}
