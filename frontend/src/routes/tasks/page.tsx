import { Button } from 'primereact/button';
import { useState } from 'react';
import { useNavigate, useParams, useSearchParams } from 'react-router';
import { CommandHint } from '../../components/command-hint.js';
import { Icon } from '../../components/icon.js';
import { PageHead } from '../../components/page-head.js';
import { Banner, EmptyState, ErrorState, SkeletonRows } from '../../components/states.js';
import { plural } from '../../lib/format.js';
import { useAgents } from '../../lib/queries.js';
import { useCan } from '../../lib/session.js';
import { Board } from './components/board.js';
import { CreateTaskDialog } from './components/create-task-dialog.js';
import { FileView } from './components/file-view.js';
import { Graph } from './components/graph.js';
import { TaskDetail } from './components/task-detail.js';
import { useFileProblems, useTasks } from './queries.js';
import './tasks.css';

const ONLY = { '': 'every task', blocked: 'blocked', overdue: 'overdue', proof: 'with acceptance' } as const;

/** The board, the file that it stands for, and one task in full. */
export function TasksPage() {
  const { id } = useParams();
  const [params, setParams] = useSearchParams();
  const navigate = useNavigate();
  const { data: tasks, error, refetch } = useTasks();
  const agents = useAgents().data;
  const problems = useFileProblems().data;
  const mayChange = useCan('operator');
  const [creating, setCreating] = useState(false);
  const agent = params.get('agent') ?? undefined;
  const only = (params.get('only') ?? '') as keyof typeof ONLY;
  const view = params.get('view') === 'graph' ? 'graph' : 'board';
  const selected = tasks?.find((task) => task.id === id);
  const owner = selected?.agent_id ?? agent;

  const change = (name: string, value: string): void => {
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        if (value === '') next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  };
  const open = (to: string | undefined): void => {
    void navigate(`/tasks${to === undefined ? '' : `/${to}`}${params.size === 0 ? '' : `?${params.toString()}`}`);
  };
  const shown = tasks?.filter(
    (task) =>
      (agent === undefined || task.agent_id === agent) &&
      (only !== 'blocked' || task.status === 'blocked' || task.blocked_by.length > 0) &&
      (only !== 'overdue' || task.overdue) &&
      (only !== 'proof' || task.accept.length > 0),
  );
  const create = mayChange && (
    <Button type="button" icon={<Icon name="plus" />} label="Add task" onClick={() => setCreating(true)} />
  );
  const doing = tasks?.filter(({ status }) => status === 'in_progress').length ?? 0;
  const overdue = tasks?.filter((task) => task.overdue).length ?? 0;

  return (
    <div className="page tasks-page">
      <PageHead
        title="Tasks"
        summary={
          tasks && `${plural(tasks.length, 'task')}, ${doing} in progress${overdue > 0 ? `, ${overdue} overdue` : ''}`
        }
      >
        <CommandHint commands={['nox task ls', 'nox task add worker "Write the changelog"', 'nox task overview']} />
        {create}
      </PageHead>
      {problems?.map((problem) => (
        <Banner key={problem.path} tone="red" icon="warning">
          <strong>{problem.path}</strong>{' '}
          {problem.agent_id === null ? 'is no task yet.' : 'cannot be read; what it said before stays in force.'}{' '}
          {problem.problems.map(({ line, message }) => `${line === null ? '' : `Line ${line}: `}${message}`).join('; ')}
        </Banner>
      ))}
      {tasks === undefined && error !== null && (
        <ErrorState
          title="The tasks could not be loaded"
          error={error}
          kept="The files are as they were, and agents go on."
          retry={() => void refetch()}
        />
      )}
      {tasks === undefined && error === null && <SkeletonRows rows={8} height="28px" />}
      {tasks?.length === 0 && (
        <EmptyState
          icon="tasks"
          title="No tasks yet"
          action={create}
          command={'nox task add worker "Write the changelog"'}
        >
          Tasks are lines in <code>tasks/&lt;agent&gt;.md</code> of the registry. Write one in any editor, here, or from
          a terminal; its agent starts it by itself.
        </EmptyState>
      )}
      {tasks !== undefined && tasks.length > 0 && (
        <>
          <div className="filters">
            <select
              className="select"
              aria-label="Tasks of"
              value={agent ?? ''}
              onChange={(event) => change('agent', event.target.value)}
            >
              <option value="">every agent</option>
              {agents?.map((each) => (
                <option key={each.id} value={each.id}>
                  {each.name}
                </option>
              ))}
            </select>
            <select
              className="select"
              aria-label="Show"
              value={only}
              onChange={(event) => change('only', event.target.value)}
            >
              {Object.entries(ONLY).map(([value, words]) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </select>
            <div className="task-views" role="group" aria-label="View">
              {(['board', 'graph'] as const).map((each) => (
                <Button
                  key={each}
                  type="button"
                  size="small"
                  outlined={view !== each}
                  aria-pressed={view === each}
                  label={each === 'board' ? 'Board' : 'Dependencies'}
                  onClick={() => change('view', each === 'board' ? '' : each)}
                />
              ))}
            </div>
          </div>
          <div className={owner === undefined ? 'tasks-body' : 'tasks-body tasks-body-split'}>
            {view === 'board' ? (
              <Board tasks={shown ?? []} selected={id} mayMove={mayChange} onOpen={open} />
            ) : (
              <Graph tasks={shown ?? []} all={tasks} selected={id} onOpen={open} />
            )}
            {owner !== undefined && (
              <aside className="tasks-aside" aria-label="Beside the board">
                {selected !== undefined && (
                  <TaskDetail task={selected} all={tasks} onClose={() => open(undefined)} onOpen={open} />
                )}
                <FileView agent_id={owner} selected={selected?.id} />
              </aside>
            )}
          </div>
        </>
      )}
      {creating && <CreateTaskDialog agent={owner} onClose={() => setCreating(false)} />}
    </div>
  );
}
