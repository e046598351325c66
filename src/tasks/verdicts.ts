import type { Evidence } from '../contracts/task.js';
import type { Turn } from '../contracts/turn.js';
import { askDone, withStatus } from './ingest.js';
import { afterFailure, blockedBy, type KeptTask, type KnownTasks, type RetryPolicy } from './model.js';

const CRASHED = /^(the process ended|Nox ended)/;
const MAX_RESULT = 20_000;

/** The task as it is while the turn for it is being asked for. */
export const begun = (before: KeptTask, reset: Partial<KeptTask>, now: string): KeptTask => {
  const base = { ...before, ...reset };
  return {
    ...base,
    status: 'in_progress',
    proof: 'none',
    held: false,
    attempts: base.attempts + 1,
    told: base.dependencies,
    started_at: before.status === 'in_progress' ? (before.started_at ?? now) : now,
    completed_at: null,
    next_try_at: null,
    said: null,
    // Held until the turn is there, so that nobody starts it a second time.
    turn_id: 'pending',
    updated_at: now,
  };
};

/** The task after its turn could not be asked for: that is no attempt. */
export const notBegun = (task: KeptTask, reason: string, next_try_at: string): KeptTask => ({
  ...task,
  status: 'todo',
  turn_id: null,
  attempts: Math.max(0, task.attempts - 1),
  reason,
  next_try_at,
});

/** What the end of its turn makes of a task. */
export function afterTurn(
  task: KeptTask,
  turn: Pick<Turn, 'status' | 'reason' | 'text'>,
  tasks: KnownTasks,
  policy: RetryPolicy,
  now: string,
): KeptTask {
  const gone: KeptTask = { ...task, turn_id: null, said: null, updated_at: now };
  if (turn.status === 'complete') {
    const done = { ...gone, result: turn.text.slice(0, MAX_RESULT) };
    const said = task.said ?? null;
    if (said !== null && ['failed', 'blocked', 'cancelled'].includes(said.status))
      return { ...withStatus(done, said.status, now), reason: said.reason ?? `its agent says: ${said.status}` };
    const open = blockedBy(task, tasks);
    if (open.length > 0) return { ...done, status: 'blocked', reason: `waits for ${open.join(', ')}` };
    // What came in while the turn ran has not been read by anybody yet.
    if (task.dependencies.some((each) => !task.told.includes(each)))
      return { ...done, status: 'todo', attempts: 0, reason: null };
    return askDone(done, now);
  }
  const reason = turn.reason ?? turn.status;
  if (turn.status === 'error' || (turn.status === 'interrupted' && CRASHED.test(reason)))
    return afterFailure(gone, reason, policy, Date.parse(now));
  if (turn.status === 'interrupted' || reason.startsWith('cancelled by'))
    return {
      ...gone,
      status: 'todo',
      held: true,
      attempts: 0,
      reason: `${reason}; it starts again when a person says so`,
    };
  // Its agent was stopped before it came to it: that is no attempt.
  return { ...gone, status: 'todo', attempts: Math.max(0, task.attempts - 1), reason };
}

/** The task after a run of its acceptance, and whether its agent is to go on with it. */
export function afterProof(
  task: KeptTask,
  evidence: Evidence,
  limits: { readonly max_attempts: number; readonly can_work: boolean },
  now: string,
): { task: KeptTask; again: boolean } {
  const known: KeptTask = { ...task, evidence, updated_at: now, turn_id: null };
  if (evidence.passed) {
    const done = { status: 'done', held: false, proof: 'passed', reason: null } as const;
    return { task: { ...known, ...done, completed_at: now, next_try_at: null }, again: false };
  }
  const unproved: KeptTask = { ...known, proof: 'failed', reason: `the acceptance failed: ${failedCommand(evidence)}` };
  // A person asked for done, not its agent: a person says how it goes on.
  if (task.status !== 'in_progress' || task.attempts === 0) return { task: { ...unproved, held: true }, again: false };
  if (task.attempts >= limits.max_attempts || !limits.can_work)
    return { task: { ...unproved, status: 'failed', completed_at: now }, again: false };
  return { task: { ...unproved, held: true }, again: true };
}

export const failedCommand = ({ results }: Evidence): string => results.find(({ passed }) => !passed)?.command ?? '';

/** Whether its agent was to go on with it after a failed proof, and has not been told so yet. */
export const toGoOn = ({ status, proof, held, attempts, turn_id }: KeptTask): boolean =>
  status === 'in_progress' && proof === 'failed' && held && attempts > 0 && turn_id === null;
