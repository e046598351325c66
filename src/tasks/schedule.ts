import { isOpen, isOverdue, type KeptTask } from './model.js';

/** What the clock asks for. */
export interface Agenda {
  /** Agents with open tasks. */
  readonly owners: ReadonlySet<string>;
  /** Tasks whose deadline has passed and was not told yet. */
  readonly overdue: readonly string[];
  /** When it is to be looked at again; undefined: not before something happens. */
  readonly next_ms: number | undefined;
}

/** Who has work, what is late, and when the next task is tried again or comes due. */
export function agendaOf(tasks: ReadonlyMap<string, KeptTask>, now_ms: number): Agenda {
  const owners = new Set<string>();
  const overdue: string[] = [];
  const later: number[] = [];
  for (const task of tasks.values()) {
    if (!isOpen(task)) continue;
    owners.add(task.agent_id);
    const untold = task.overdue_told !== task.deadline;
    for (const at of [task.next_try_at, untold ? task.deadline : null])
      if (at !== null && Date.parse(at) > now_ms) later.push(Date.parse(at));
    if (untold && isOverdue(task, now_ms)) overdue.push(task.id);
  }
  return { owners, overdue, next_ms: later.length === 0 ? undefined : later.reduce((a, b) => Math.min(a, b)) };
}
