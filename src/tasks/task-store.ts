import type { Evidence, TaskLog } from '../contracts/task.js';
import type { Clock } from '../shared/clock.js';
import type { StateDb, Tx } from '../shared/db/state-db.js';
import type { KeptTask } from './model.js';

/** A line of what happened to a task. */
export interface LogLine {
  readonly task_id: string;
  readonly kind: string;
  readonly actor: string;
  readonly text: string;
  readonly evidence?: Evidence;
}

interface LogRow {
  id: number;
  at_ms: number;
  kind: string;
  actor: string;
  text: string;
  evidence_json: string | null;
}

/** The tasks in the journal: what their files do not say, and what was cancelled and can be brought back. */
export const loadTasks = (db: StateDb): KeptTask[] =>
  db.all<{ task_json: string }>('SELECT task_json FROM tasks').map((row) => JSON.parse(row.task_json) as KeptTask);

export const saveTaskIn = (tx: Tx, task: KeptTask): void => {
  tx.run(
    'INSERT INTO tasks (id, agent_id, task_json) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET agent_id = excluded.agent_id, task_json = excluded.task_json',
    task.id,
    task.agent_id,
    JSON.stringify(task),
  );
};

export const logIn = (tx: Tx, { task_id, kind, actor, text, evidence }: LogLine, at_ms: number): void => {
  tx.run(
    'INSERT INTO task_log (task_id, at_ms, kind, actor, text, evidence_json) VALUES (?, ?, ?, ?, ?, ?)',
    task_id,
    at_ms,
    kind,
    actor,
    text,
    evidence === undefined ? null : JSON.stringify(evidence),
  );
};

/** Oldest first, the newest 1000. */
export function readLog(db: StateDb, clock: Clock, task_id: string): TaskLog {
  const rows = db
    .all<LogRow>('SELECT * FROM task_log WHERE task_id = ? ORDER BY id DESC LIMIT 1000', task_id)
    .toReversed();
  return {
    entries: rows.map(({ id, at_ms, kind, actor, text }) => ({ id, timestamp: clock.iso(at_ms), kind, actor, text })),
    evidence: rows.flatMap(({ evidence_json }) =>
      evidence_json === null ? [] : [JSON.parse(evidence_json) as Evidence],
    ),
  };
}
