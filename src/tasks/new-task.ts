import type { CreateTask } from '../contracts/task.js';
import { redact } from '../registry/redact.js';
import { NoxError } from '../shared/nox-error.js';
import { EMPTY } from './ingest.js';
import type { KeptTask } from './model.js';

/** A task as it begins; what looks like a secret is blackened. */
export const freshTask = (id: string, body: CreateTask, requested_by: string, now: string): KeptTask => ({
  ...EMPTY,
  ...body,
  id,
  title: redact(body.title),
  description: redact(body.description),
  deadline: toMinute(body.deadline),
  requested_by,
  created_at: now,
  updated_at: now,
});

/** Files have minutes. */
export const toMinute = (iso: string | null): string | null => (iso === null ? null : `${iso.slice(0, 16)}:00.000Z`);

/** TASK_NOT_FOUND. */
export function mustHave(draft: { get(id: string): KeptTask | undefined }, id: string): KeptTask {
  const task = draft.get(id);
  if (task === undefined) throw new NoxError('TASK_NOT_FOUND', `No task has the id ${id}.`);
  return task;
}

export const defined = <T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
