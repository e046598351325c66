import type { Task, TaskStatus } from '@contracts/task.js';
import {
  type Announcements,
  DndContext,
  type DragEndEvent,
  DragOverlay,
  type KeyboardCoordinateGetter,
  KeyboardSensor,
  PointerSensor,
  pointerWithin,
  rectIntersection,
  useDraggable,
  useDroppable,
  useSensor,
  useSensors,
} from '@dnd-kit/core';
import { useState } from 'react';
import { StateTag } from '../../../components/status-badge.js';
import { taskLook, WORDS } from '../look.js';
import { byEnd, byUrgency, isOver } from '../order.js';
import { useMove } from '../queries.js';
import { CardFace } from './card.js';

const COLUMNS = ['todo', 'in_progress', 'blocked', 'done', 'failed', 'cancelled'] as const;
/** Nobody can move a card there: it gets there by itself. */
const CLOSED: ReadonlySet<TaskStatus> = new Set(['failed']);

interface BoardProps {
  readonly tasks: readonly Task[];
  readonly selected: string | undefined;
  readonly mayMove: boolean;
  readonly onOpen: (id: string) => void;
}

/** Cards by status; dragging one is the same as moving its line in the file. */
export function Board({ tasks, selected, mayMove, onOpen }: BoardProps) {
  const [dragged, setDragged] = useState<string>();
  const move = useMove();
  const sensors = useSensors(
    useSensor(PointerSensor, { activationConstraint: { distance: 6 } }),
    useSensor(KeyboardSensor, { coordinateGetter: toNextColumn }),
  );
  const of = (id: string | number): Task | undefined => tasks.find((task) => task.id === id);
  const onDragEnd = ({ active, over }: DragEndEvent): void => {
    setDragged(undefined);
    const task = of(active.id);
    const to = over?.id as TaskStatus | undefined;
    if (task === undefined || to === undefined || task.status === to || CLOSED.has(to)) return;
    move.mutate({ task, to });
  };
  const columns = COLUMNS.filter(
    (status) => !['failed', 'cancelled'].includes(status) || tasks.some((task) => task.status === status),
  );
  const held = dragged === undefined ? undefined : of(dragged);
  return (
    <DndContext
      sensors={sensors}
      collisionDetection={(args) => {
        const under = pointerWithin(args);
        return under.length > 0 ? under : rectIntersection(args);
      }}
      accessibility={{ announcements: announcements(of), screenReaderInstructions: { draggable: HOW } }}
      onDragStart={({ active }) => setDragged(String(active.id))}
      onDragCancel={() => setDragged(undefined)}
      onDragEnd={onDragEnd}
    >
      <div className="board" role="list" aria-label="Board">
        {columns.map((status) => (
          <Column key={status} status={status} count={tasks.filter((task) => task.status === status).length}>
            {tasks
              .filter((task) => task.status === status)
              .toSorted(isOver({ status }) ? byEnd : byUrgency)
              .map((task) => (
                <Card key={task.id} task={task} selected={task.id === selected} mayMove={mayMove} onOpen={onOpen} />
              ))}
          </Column>
        ))}
      </div>
      <DragOverlay dropAnimation={null}>{held !== undefined && <CardFace task={held} lifted />}</DragOverlay>
    </DndContext>
  );
}

const HOW =
  'Press space to lift the card, left and right to carry it to another column, space to put it down, escape to leave it.';

const announcements = (of: (id: string | number) => Task | undefined): Announcements => {
  const name = (id: string | number): string => of(id)?.title ?? String(id);
  const place = (id: string | number | undefined): string => (id === undefined ? 'no column' : WORDS[id as TaskStatus]);
  return {
    onDragStart: ({ active }) => `${name(active.id)} is lifted.`,
    onDragOver: ({ active, over }) => `${name(active.id)} is over ${place(over?.id)}.`,
    onDragEnd: ({ active, over }) => `${name(active.id)} was put into ${place(over?.id)}.`,
    onDragCancel: ({ active }) => `${name(active.id)} stays where it was.`,
  };
};

/** Left and right go from column to column: from the one that was said last, which the rectangle can lag behind. */
const toNextColumn: KeyboardCoordinateGetter = (event, { currentCoordinates, context }) => {
  const step = event.code === 'ArrowRight' ? 1 : event.code === 'ArrowLeft' ? -1 : 0;
  if (step === 0) return undefined;
  event.preventDefault();
  const { over, droppableRects, collisionRect } = context;
  const columns = COLUMNS.flatMap((status) => {
    const rect = droppableRects.get(status);
    return rect === undefined || CLOSED.has(status) ? [] : [{ status, rect }];
  });
  const middle = (collisionRect?.left ?? currentCoordinates.x) + (collisionRect?.width ?? 0) / 2;
  const said = columns.findIndex(({ status }) => status === over?.id);
  const at = said >= 0 ? said : columns.findIndex(({ rect }) => middle >= rect.left && middle <= rect.right);
  const next = at < 0 ? undefined : columns[at + step]?.rect;
  return next === undefined ? undefined : { x: next.left + 8, y: next.top + 40 };
};

function Column({
  status,
  count,
  children,
}: {
  readonly status: TaskStatus;
  readonly count: number;
  readonly children: React.ReactNode;
}) {
  const { setNodeRef, isOver } = useDroppable({ id: status, disabled: CLOSED.has(status) });
  return (
    <section
      ref={setNodeRef}
      role="listitem"
      aria-label={WORDS[status]}
      className={isOver ? 'column column-over' : 'column'}
    >
      <h2 className="column-head">
        <StateTag look={taskLook(status)} /> <span className="muted num">{count}</span>
      </h2>
      <div className="column-cards">{children}</div>
    </section>
  );
}

function Card({
  task,
  selected,
  mayMove,
  onOpen,
}: {
  readonly task: Task;
  readonly selected: boolean;
  readonly mayMove: boolean;
  readonly onOpen: (id: string) => void;
}) {
  const { setNodeRef, listeners, attributes, isDragging } = useDraggable({ id: task.id, disabled: !mayMove });
  return (
    <div
      ref={setNodeRef}
      className={isDragging ? 'card-slot card-gone' : 'card-slot'}
      {...(mayMove && listeners)}
      {...attributes}
      aria-label={`${task.title}, ${WORDS[task.status]}, ${task.agent_id}`}
      onClick={() => onOpen(task.id)}
      onKeyUp={(event) => event.key === 'Enter' && onOpen(task.id)}
    >
      <CardFace task={task} selected={selected} />
    </div>
  );
}
