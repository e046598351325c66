import * as z from 'zod';
import { Priority } from './agent.js';
import { AgentId, PageQuery, Pagination, Timestamp } from './ids.js';

/** As it stands in the comment of its line. */
export const TaskId = z.string().regex(/^t-[a-z0-9]{2,40}$/, 'must look like t-7f3k2m');

export const TaskStatus = z.enum(['todo', 'in_progress', 'blocked', 'done', 'failed', 'cancelled']);
export type TaskStatus = z.infer<typeof TaskStatus>;

/** Fields that could be read as another part of the line are refused, so that what is written is what is read. */
const Title = z
  .string()
  .trim()
  .min(1)
  .max(300)
  .refine((text) => !/[\p{Cc}\u2028\u2029]/u.test(text), 'must be one line without control characters')
  .refine((text) => !text.includes('<!--'), 'must not hold a comment')
  .refine(
    (text) => !/\([ \t]*(priority|completed)[ \t]*:[^()]*\)$/i.test(text),
    'must not end like a field of its line',
  );
const Description = z
  .string()
  .max(20_000)
  .refine((text) => !text.includes('\u0000'), 'must not hold a zero byte')
  .refine((text) => !/<!--[ \t]*id:/i.test(text), 'must not hold the id comment of a task');
const Command = z
  .string()
  .trim()
  .min(1)
  .max(2000)
  .refine((text) => !/[\p{Cc}\u2028\u2029]/u.test(text), 'must be one line without control characters');
const Note = z.string().trim().min(1).max(2000);
const Dependencies = z.array(TaskId).max(100);
const Accept = z.array(Command).max(20);
const Progress = z.number().int().min(0).max(100);

/** One acceptance command as it was run. */
export const AcceptanceResult = z.object({
  command: z.string(),
  /** Null when it was ended by a signal or never started. */
  exit_code: z.number().int().nullable(),
  passed: z.boolean(),
  timed_out: z.boolean(),
  /** stdout and stderr as they came; the middle of a long output is left out. */
  output: z.string(),
  duration_ms: z.number(),
});
export type AcceptanceResult = z.infer<typeof AcceptanceResult>;

/** What Nox itself saw when it ran a task's acceptance commands. */
export const Evidence = z.object({
  passed: z.boolean(),
  started_at: Timestamp,
  ended_at: Timestamp,
  results: z.array(AcceptanceResult),
});
export type Evidence = z.infer<typeof Evidence>;

export const DelegationType = z.enum(['request', 'assignment', 'collaboration']);
export type DelegationType = z.infer<typeof DelegationType>;

export const Delegation = z.object({
  type: DelegationType,
  from_agent: AgentId,
  to_agent: AgentId,
  /** The task that the other agent works on; the same one for an assignment. */
  task_id: TaskId.nullable(),
  status: z.enum(['pending', 'delegated', 'denied', 'returned']),
  approval_id: z.string().nullable(),
  /** Its own name; by it the other agent is told once. */
  id: z.string().optional(),
  at: Timestamp.optional(),
  /** Who wanted it: `agent:<id>`, or a user's name. */
  requested_by: z.string().optional(),
});
export type Delegation = z.infer<typeof Delegation>;

export const Task = z.object({
  id: TaskId,
  /** Whose file it stands in. */
  agent_id: AgentId,
  title: z.string(),
  description: z.string(),
  status: TaskStatus,
  priority: Priority,
  progress: Progress.nullable(),
  deadline: Timestamp.nullable(),
  /** Its deadline has passed and it is still open. */
  overdue: z.boolean(),
  dependencies: z.array(TaskId),
  /** Those of its dependencies that are not done. */
  blocked_by: z.array(TaskId),
  /** Commands that must succeed before it is done. */
  accept: z.array(z.string()),
  proof: z.enum(['none', 'running', 'passed', 'failed']),
  /** The last run of the acceptance commands. */
  evidence: Evidence.nullable(),
  requested_by: z.string(),
  /** The agent that delegated it. */
  from_agent: AgentId.nullable(),
  /** The task of which it is a part. */
  parent_id: TaskId.nullable(),
  delegations: z.array(Delegation),
  result: z.string().nullable(),
  /** Why it is where it is: what failed, what it waits for. */
  reason: z.string().nullable(),
  /** It starts only when a person says so. */
  held: z.boolean(),
  attempts: z.number().int(),
  /** When it is tried again after a failure. */
  next_try_at: Timestamp.nullable(),
  turn_id: z.string().nullable(),
  created_at: Timestamp,
  updated_at: Timestamp,
  started_at: Timestamp.nullable(),
  completed_at: Timestamp.nullable(),
});
export type Task = z.infer<typeof Task>;

export const CreateTask = z.strictObject({
  agent_id: AgentId,
  title: Title,
  description: Description.default(''),
  priority: Priority.default('medium'),
  deadline: Timestamp.nullable().default(null),
  dependencies: Dependencies.default([]),
  accept: Accept.default([]),
});
export type CreateTask = z.infer<typeof CreateTask>;

export const UpdateTask = z
  .strictObject({
    title: Title,
    description: Description,
    priority: Priority,
    deadline: Timestamp.nullable(),
    dependencies: Dependencies,
    accept: Accept,
    progress: Progress.nullable(),
    /** As if its line were moved: `done` runs the acceptance commands first. */
    status: TaskStatus,
    /** For the log of the task; with a status also the reason for it. */
    note: Note,
  })
  .partial()
  .refine((patch) => Object.keys(patch).length > 0, 'must change something');
export type UpdateTask = z.infer<typeof UpdateTask>;

export const DelegateTask = z.strictObject({
  to_agent: AgentId,
  /** Whose task it is; it must stand in that agent's file. */
  from_agent: AgentId.optional(),
  /** `assignment` hands the task over; `request` waits for the part; `collaboration` goes on meanwhile. */
  delegation_type: DelegationType.default('assignment'),
  /** The part, for a request or a collaboration; else the task's own. */
  title: Title.optional(),
  description: Description.optional(),
  accept: Accept.optional(),
  priority: Priority.optional(),
  /** A person has to agree first. */
  requires_approval: z.boolean().default(false),
});
export type DelegateTask = z.infer<typeof DelegateTask>;

export const CancelTask = z.strictObject({ reason: z.string().trim().min(1).max(500).optional() }).prefault({});

export const PriorityRequest = z.strictObject({ priority: Priority, reason: Note.optional() });
export type PriorityRequest = z.infer<typeof PriorityRequest>;
/** The task, and each that is more urgent now than before: itself, and open ones that it depends on. */
export const PriorityAnswer = z.object({ task: Task, raised: z.array(TaskId) });
export type PriorityAnswer = z.infer<typeof PriorityAnswer>;

export const TaskListQuery = PageQuery.extend({
  agent_id: AgentId.optional(),
  status: TaskStatus.optional(),
  priority: Priority.optional(),
  overdue: z.stringbool().optional(),
});
export const TaskList = z.object({ tasks: z.array(Task), pagination: Pagination });

export const TaskLogQuery = z.object({
  /** Server-Sent Events: `log` for each entry, then `end` with the task when it has ended. */
  follow: z.stringbool().default(false),
});
export const TaskLogEntry = z.object({
  id: z.number().int(),
  timestamp: Timestamp,
  kind: z.string(),
  actor: z.string(),
  text: z.string(),
});
export type TaskLogEntry = z.infer<typeof TaskLogEntry>;
export const TaskLog = z.object({ entries: z.array(TaskLogEntry), evidence: z.array(Evidence) });
export type TaskLog = z.infer<typeof TaskLog>;

/** What is wrong with a task file; `line` counts from 1, null when it is the file as a whole. */
export const TaskFileProblem = z.object({ line: z.number().int().nullable(), message: z.string() });
export type TaskFileProblem = z.infer<typeof TaskFileProblem>;

/** A task file as it is on the disk. While it has problems the last good one stays in force. */
export const TaskFile = z.object({
  agent_id: z.string(),
  path: z.string(),
  text: z.string(),
  problems: z.array(TaskFileProblem),
});
export type TaskFile = z.infer<typeof TaskFile>;

const Counts = z.object({
  total: z.number(),
  todo: z.number(),
  in_progress: z.number(),
  blocked: z.number(),
  done: z.number(),
  failed: z.number(),
  cancelled: z.number(),
});
export const TaskOverview = z.object({
  overview: Counts,
  agents: z.array(Counts.extend({ agent_id: z.string() })),
  blocked_tasks: z.array(Task),
  critical_tasks: z.array(Task),
  overdue_tasks: z.array(Task),
  /** Without an agent: a file in `tasks/inbox/` that is no task. */
  file_problems: z.array(
    z.object({ agent_id: z.string().nullable(), path: z.string(), problems: z.array(TaskFileProblem) }),
  ),
});
export type TaskOverview = z.infer<typeof TaskOverview>;

const changed = { task: Task, actor: z.string() };
export const TASK_EVENTS = {
  'task.created': z.object(changed),
  /** `fields`: what is other than before. A change of status is told by the events below. */
  'task.updated': z.object({ ...changed, fields: z.array(z.string()) }),
  'task.status_changed': z.object({ ...changed, previous: TaskStatus }),
  'task.progress': z.object(changed),
  'task.accepting': z.object(changed),
  /** The acceptance commands have been run. */
  'task.evidence': z.object({ ...changed, evidence: Evidence }),
  'task.delegated': z.object({ ...changed, delegation: Delegation }),
  'task.overdue': z.object(changed),
  /** The file is left as it is, and what it said before stays in force. */
  'task.file_error': z.object({ file: z.string(), problems: z.array(TaskFileProblem) }),
  'task.file_ok': z.object({ file: z.string() }),
} as const;
