import type { Task } from '@contracts/task.js';

const RANK: Readonly<Record<Task['priority'], number>> = { critical: 0, high: 1, medium: 2, low: 3 };

/** Priority, then deadline (none is last), then age: as agents take them. */
export function byUrgency(a: Task, b: Task): number {
  const due = ({ deadline }: Task): string => deadline ?? '9';
  return (
    RANK[a.priority] - RANK[b.priority] || due(a).localeCompare(due(b)) || a.created_at.localeCompare(b.created_at)
  );
}

/** What is over: the newest first. */
export const byEnd = (a: Task, b: Task): number => (b.completed_at ?? '').localeCompare(a.completed_at ?? '');

export const isOver = ({ status }: Pick<Task, 'status'>): boolean => ['done', 'failed', 'cancelled'].includes(status);
