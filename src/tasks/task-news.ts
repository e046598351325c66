import type { EventLog } from '../events/event-log.js';
import type { Tx } from '../shared/db/state-db.js';
import type { Draft } from './draft.js';
import { type KeptTask, viewOf } from './model.js';
import { logIn } from './task-store.js';

/** A task as it was and as it is. */
export interface TaskChange {
  readonly before: KeptTask | undefined;
  readonly after: KeptTask;
  readonly actor: string;
}

/** Writes the events and the log of a change together with it. */
export function tellIn(tx: Tx, events: EventLog, { before, after }: TaskChange, draft: Draft, at_ms: number): void {
  const { actor } = draft;
  const payload = { task: viewOf(after, draft, at_ms), actor };
  const { agent_id, id } = after;
  const log = (kind: string, text: string): void => logIn(tx, { task_id: id, kind, actor, text }, at_ms);
  if (before === undefined) {
    events.appendIn(tx, 'task.created', payload, agent_id);
    log('created', after.title);
    return;
  }
  const noted = draft.lines.some(({ task_id, kind }) => task_id === id && kind === 'note');
  const fields: string[] = FIELDS.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  if (fields.length > 0) log('updated', fields.join(', '));
  if (noted) fields.push('note');
  if (fields.length > 0) events.appendIn(tx, 'task.updated', { ...payload, fields }, agent_id);
  if (before.status !== after.status) {
    events.appendIn(tx, 'task.status_changed', { ...payload, previous: before.status }, agent_id);
    log('status', `${before.status} → ${after.status}${after.reason === null ? '' : `: ${after.reason}`}`);
  }
  if (before.progress !== after.progress) events.appendIn(tx, 'task.progress', payload, agent_id);
  if (before.proof !== 'running' && after.proof === 'running') events.appendIn(tx, 'task.accepting', payload, agent_id);
  if (before.overdue_told !== after.overdue_told && after.overdue_told !== null)
    events.appendIn(tx, 'task.overdue', payload, agent_id);
  const evidence = draft.evidence.get(id);
  if (evidence !== undefined) events.appendIn(tx, 'task.evidence', { ...payload, evidence }, agent_id);
  for (const { task_id, delegation } of draft.delegations)
    if (task_id === id) events.appendIn(tx, 'task.delegated', { ...payload, delegation }, agent_id);
}

/** What a change of is told as `task.updated`. */
const FIELDS = [
  'agent_id',
  'title',
  'description',
  'priority',
  'deadline',
  'dependencies',
  'accept',
  'from_agent',
  'held',
  'result',
  'delegations',
] as const satisfies readonly (keyof KeptTask)[];
