import type { Task } from '@contracts/task.js';
import { EmptyState } from '../../../components/states.js';
import { graphOf, NODE } from '../graph.js';
import { WORDS } from '../look.js';

/** Who waits for whom, from left to right. */
export function Graph({
  tasks,
  all,
  selected,
  onOpen,
}: {
  readonly tasks: readonly Task[];
  readonly all: readonly Task[];
  readonly selected: string | undefined;
  readonly onOpen: (id: string) => void;
}) {
  const { nodes, edges, width, height } = graphOf(tasks, all);
  if (nodes.length === 0) {
    return (
      <EmptyState
        icon="tasks"
        title="No task waits for another"
        command='nox task add worker "Second" --depends t-first'
      >
        What depends on what is drawn here.
      </EmptyState>
    );
  }
  return (
    <div className="graph-scroll">
      <svg
        className="graph"
        width={width}
        height={height}
        viewBox={`0 0 ${width} ${height}`}
        role="group"
        aria-label="Dependencies"
      >
        {edges.map((edge) => (
          <path key={edge.key} className={edge.open ? 'edge edge-open' : 'edge'} d={edge.path} />
        ))}
        {nodes.map(({ task, x, y }) => (
          <g
            key={task.id}
            className={`node node-${task.status}${task.id === selected ? ' node-selected' : ''}`}
            transform={`translate(${x} ${y})`}
            tabIndex={0}
            role="button"
            aria-label={`${task.title}, ${WORDS[task.status]}`}
            onClick={() => onOpen(task.id)}
            onKeyDown={(event) => (event.key === 'Enter' || event.key === ' ') && onOpen(task.id)}
          >
            <rect width={NODE.width} height={NODE.height} rx={8} />
            <text x={12} y={21} className="node-title">
              {task.title.length > 26 ? `${task.title.slice(0, 25)}…` : task.title}
            </text>
            <text x={12} y={39} className="node-facts">
              {WORDS[task.status]} · {task.agent_id}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}
