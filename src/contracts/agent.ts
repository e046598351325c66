import * as z from 'zod';
import { AgentId, PageQuery, Pagination, Timestamp } from './ids.js';

export const RuntimeName = z.enum(['claude', 'command']);
export type RuntimeName = z.infer<typeof RuntimeName>;

export const DesiredState = z.enum(['active', 'inactive']);
export const ProcessState = z.enum(['stopped', 'starting', 'running', 'stopping', 'backoff', 'hibernated', 'failed']);
export type ProcessState = z.infer<typeof ProcessState>;
export const Activity = z.enum(['idle', 'working', 'waiting_approval', 'waiting_input', 'parked', 'quota']);
export type Activity = z.infer<typeof Activity>;

/** One word for people, derived from the two axes above (DESIGN 4). */
export const AgentStatusWord = z.enum([
  'inactive',
  'starting',
  'idle',
  'busy',
  'waiting',
  'parked',
  'hibernated',
  'stopping',
  'crashed',
  'failed',
]);
export type AgentStatusWord = z.infer<typeof AgentStatusWord>;

export const Priority = z.enum(['critical', 'high', 'medium', 'low']);

const limits = {
  max_memory_mb: z.number().int().min(64).max(8192),
  max_cpu_percent: z.number().int().min(1).max(800),
  max_concurrent_tasks: z.number().int().min(1).max(100),
  max_spawn_rate: z.number().int().min(0).max(1000),
  max_depth: z.number().int().min(0).max(20),
};
export const ResourceLimits = z.object(limits);
export type ResourceLimits = z.infer<typeof ResourceLimits>;

/** The same with the defaults of `system-config.toml`. An agent's own table holds only what it says otherwise. */
export const DefaultResourceLimits = z.object({
  max_memory_mb: limits.max_memory_mb.default(2048),
  max_cpu_percent: limits.max_cpu_percent.default(50),
  max_concurrent_tasks: limits.max_concurrent_tasks.default(10),
  max_spawn_rate: limits.max_spawn_rate.default(10),
  max_depth: limits.max_depth.default(5),
});

const backoff = {
  initial: z.number().int().min(10).max(600_000),
  factor: z.number().min(1).max(10),
  max: z.number().int().min(10).max(3_600_000),
  jitter: z.number().min(0).max(1),
};
const restart = {
  policy: z.enum(['no', 'on-failure', 'always']),
  intensity: z.number().int().min(0).max(1000),
  period_s: z.number().int().min(1).max(86_400),
  reset_after_s: z.number().int().min(1).max(86_400),
};

/** More than `intensity` exits within `period_s` end in `failed`; `reset_after_s` of health forgets earlier exits. */
export const RestartConfig = z.object({ ...restart, backoff_ms: z.object(backoff) });
export type RestartConfig = z.infer<typeof RestartConfig>;

/** What an agent says otherwise. */
export const RestartOverrides = z.object({ ...restart, backoff_ms: z.object(backoff).partial() }).partial();

export const DefaultRestartConfig = z.object({
  policy: restart.policy.default('on-failure'),
  intensity: restart.intensity.default(5),
  period_s: restart.period_s.default(300),
  reset_after_s: restart.reset_after_s.default(600),
  backoff_ms: z
    .object({
      initial: backoff.initial.default(1000),
      factor: backoff.factor.default(2),
      max: backoff.max.default(60_000),
      jitter: backoff.jitter.default(0.25),
    })
    .prefault({}),
});

/**
 * Environment values are references, never values: `env:NAME` of Nox's own environment (but nothing of Nox itself, as its
 * first password) or `file:name` in `.nox/secrets`.
 */
export const SecretReference = z.string().regex(/^(env:(?!NOX_)[A-Z_][A-Z0-9_]*|file:[a-z0-9][a-z0-9._-]*)$/i, {
  message: 'must be a reference, env:NAME or file:name, never a value',
});

/** Names that would let a registry entry redirect the model, load code or change git (RELIABILITY abuse case 14). */
const FORBIDDEN_ENV =
  /^(ANTHROPIC_|CLAUDE_|DISABLE_|GIT_|LD_|DYLD_|NODE_OPTIONS$|NODE_PATH$|PATH$|HOME$|NOX_|BASH_ENV$|ENV$|PYTHONPATH$)/;
export const EnvName = z
  .string()
  .regex(/^[A-Z_][A-Z0-9_]{0,63}$/i, 'must be an environment variable name')
  .refine((name) => !FORBIDDEN_ENV.test(name.toUpperCase()), 'is set by Nox and cannot be set here');

const Name = z.string().trim().min(1).max(80);
const SystemPrompt = z.string().max(65_536);
const Capabilities = z.array(z.string().regex(/^[a-z0-9][a-z0-9_.-]{0,49}$/i)).max(50);

const perDay = z.number().positive();
/** What may be used between two midnights of the server's local time; what is not named is not limited. */
export const Budget = z.object({
  usd_per_day: perDay.max(1_000_000).optional(),
  /** Input and output tokens together, without those from the cache. */
  tokens_per_day: perDay.int().optional(),
  turns_per_day: perDay.int().optional(),
});
export type Budget = z.infer<typeof Budget>;

const hibernate_after_s = z.number().int().min(0).max(604_800);

const ToolNames = z
  .array(z.string().regex(/^[A-Za-z_][\w-]{0,199}\*?$/, 'must be the name of a tool, `*` at the end'))
  .max(200);

/**
 * What an agent may ever do; whatever rules and people allow, Nox refuses the rest. It gives nothing: what is left is
 * still judged by the policy.
 */
export const PermissionProfile = z.strictObject({
  /** `ro`: it reads; `none`: no tool that touches files, no shell. */
  filesystem: z.enum(['none', 'ro', 'rw']).default('rw'),
  /** `limited`: only hosts that are named here; `none`: nothing that may reach out. */
  network: z.enum(['none', 'limited', 'full']).default('full'),
  hosts: z
    .array(z.string().regex(/^(\*\.)?[a-z0-9.-]{1,253}$/i, 'must be a host, as api.example.org or *.example.org'))
    .max(200)
    .default([]),
  /** With `allow` only these; never those of `deny`. `*` at the end stands for the rest. */
  tools: z.strictObject({ allow: ToolNames.optional(), deny: ToolNames.optional() }).optional(),
});
export type PermissionProfile = z.infer<typeof PermissionProfile>;

/** An agent as it stands in `agents.toml`: what it should be. Unknown keys are kept. */
export const AgentConfig = z.looseObject({
  name: Name,
  system_prompt: SystemPrompt.default(''),
  runtime: RuntimeName.default('claude'),
  desired_state: DesiredState.default('inactive'),
  model: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@[\]-]{0,99}$/)
    .optional(),
  cwd: z.string().min(1).max(4096).optional(),
  /** The agent that had this one made; its `max_spawn_rate` and `max_depth` count. */
  parent_id: AgentId.optional(),
  /** For `runtime = "command"` only: the program and its arguments; started without a shell. */
  command: z.array(z.string().min(1).max(4096)).min(1).max(64).optional(),
  capabilities: Capabilities.default([]),
  priority: Priority.default('medium'),
  mcp_services: z.array(z.string()).default([]),
  created_at: Timestamp,
  last_modified: Timestamp,
  resource_limits: ResourceLimits.partial().optional(),
  restart: RestartOverrides.optional(),
  idle: z.object({ hibernate_after_s: hibernate_after_s.optional() }).optional(),
  budget: Budget.optional(),
  env: z.record(EnvName, SecretReference).optional(),
  permissions: PermissionProfile.optional(),
});
export type AgentConfig = z.infer<typeof AgentConfig>;

/** Body of POST /agents. */
export const CreateAgent = z.strictObject({
  id: AgentId.optional(),
  name: Name,
  system_prompt: SystemPrompt.default(''),
  runtime: RuntimeName.default('claude'),
  model: AgentConfig.shape.model,
  cwd: AgentConfig.shape.cwd,
  parent_id: AgentConfig.shape.parent_id,
  command: AgentConfig.shape.command,
  capabilities: Capabilities.optional(),
  priority: Priority.optional(),
  resource_limits: ResourceLimits.partial().optional(),
  restart: RestartOverrides.optional(),
  idle: AgentConfig.shape.idle,
  budget: AgentConfig.shape.budget,
  env: AgentConfig.shape.env,
  permissions: AgentConfig.shape.permissions,
  start: z.boolean().default(false),
});
export type CreateAgent = z.infer<typeof CreateAgent>;

/** Every key may be null, too: it is taken away, so that the default counts again. */
function unsettable<S extends z.ZodRawShape>(shape: S) {
  const entries = Object.entries(shape).map(([key, schema]) => [key, z.nullable(z.optional(schema))]);
  const members = Object.fromEntries(entries) as { [K in keyof S]: z.ZodNullable<z.ZodOptional<S[K]>> };
  return z.strictObject(members).nullable().optional();
}

/**
 * Body of PATCH /agents/:id: what is not named stays; null takes a setting away, whole or by its key. A running agent
 * restarts when what it runs with has changed.
 */
export const UpdateAgent = CreateAgent.omit({ id: true, start: true, runtime: true, parent_id: true })
  .partial()
  .extend({
    system_prompt: SystemPrompt.optional(),
    model: AgentConfig.shape.model.nullable(),
    cwd: AgentConfig.shape.cwd.nullable(),
    env: AgentConfig.shape.env.nullable(),
    permissions: AgentConfig.shape.permissions.nullable(),
    resource_limits: unsettable(limits),
    restart: unsettable({ ...restart, backoff_ms: z.strictObject(backoff).partial() }),
    idle: unsettable({ hibernate_after_s }),
    budget: unsettable(Budget.shape),
  });
export type UpdateAgent = z.infer<typeof UpdateAgent>;

/**
 * Body of PUT /agents/:id: all that a person sets; what is not named has its default again. What an agent is made with
 * (id, runtime, parent), whether it is wanted and its services stay.
 */
export const ReplaceAgent = CreateAgent.omit({ id: true, start: true, runtime: true, parent_id: true });
export type ReplaceAgent = z.infer<typeof ReplaceAgent>;

/** What PATCH can take away by name, as `model` or `budget.usd_per_day`. */
export const UNSETTABLE: readonly string[] = [
  'model',
  'cwd',
  'env',
  'permissions',
  'restart.backoff_ms',
  'idle.hibernate_after_s',
  ...tableKeys('resource_limits', limits),
  ...tableKeys('restart', restart),
  ...tableKeys('budget', Budget.shape),
];

function tableKeys(table: string, keys: object): string[] {
  return [table, ...Object.keys(keys).map((key) => `${table}.${key}`)];
}

/** Who last said what an axis of an agent's state shows. */
export const StateSource = z.enum([
  /** Found or decided when Nox started. */
  'recovery',
  /** Nox starts a process. */
  'spawn',
  'initialize reply',
  /** Nox is ending the process; `reason` says why. */
  'stop',
  'exit',
  'supervisor',
  'prompt',
  'prompt receipt',
  'result',
  'tool question',
  'tool decision',
  'operator',
  'watchdog',
  /** An error of the model, or a budget. */
  'quota',
]);
export type StateSource = z.infer<typeof StateSource>;
const Observation = z.object({ source: StateSource, at: Timestamp });

/** Whether an agent that crashed too often is left alone: `open` until then (or until a person resets it), then one probe. */
export const BreakerStatus = z.object({
  state: z.enum(['closed', 'open', 'half_open']),
  open_until: Timestamp.optional(),
  reason: z.string().optional(),
});
export type BreakerStatus = z.infer<typeof BreakerStatus>;

/** What a person sees of a run. Times RFC 3339; `memory_usage` bytes and `cpu_usage` percent of one core, null while not running. */
export const AgentStatus = z.object({
  id: AgentId,
  status: AgentStatusWord,
  desired_state: DesiredState,
  process_state: ProcessState,
  activity: Activity,
  process_state_since: Timestamp,
  activity_since: Timestamp,
  /** What each axis was last seen or decided by, and when: later than `…_since` where it was confirmed. */
  observed: z.object({ process: Observation, activity: Observation }),
  /** When the process last wrote anything, in this run or the one before. */
  last_output_at: Timestamp.nullable(),
  /** Id of the agent's process as the host sees it. */
  pid: z.number().int().nullable(),
  started_at: Timestamp.nullable(),
  restart_count: z.number().int(),
  breaker: BreakerStatus,
  memory_usage: z.number().nullable(),
  cpu_usage: z.number().nullable(),
  /** It has used more than `max_cpu_percent` for a while and is held to that; absent while it is not. */
  throttled: z.literal(true).optional(),
  session_id: z.string().nullable(),
  /** The turn that has the pipe now. */
  current_turn_id: z.string().nullable(),
  queued_turns: z.number().int(),
  pending_approvals: z.number().int(),
  /** Why it is in this state, when that is not plain: the last exit, the next attempt. */
  reason: z.string().optional(),
  /** When a crashed agent is started again. */
  next_start_at: Timestamp.optional(),
  /** When an agent that waits for its model or for its budget goes on by itself. */
  resume_at: Timestamp.optional(),
});
export type AgentStatus = z.infer<typeof AgentStatus>;

/** Usage since the agent was made. */
export const UsageTotals = z.object({
  turns: z.number(),
  input_tokens: z.number(),
  output_tokens: z.number(),
  cost_usd: z.number(),
});
export type UsageTotals = z.infer<typeof UsageTotals>;

/** By what each part of a profile is kept: `gate` refuses tool calls; `os` holds for whatever a program does, too. */
export const ProfileGuard = z.object({
  filesystem: z.enum(['gate', 'os']),
  network: z.enum(['gate', 'os']),
  /** For people: what that means, and what it does not. */
  detail: z.string(),
});
export type ProfileGuard = z.infer<typeof ProfileGuard>;

/** An agent as the API shows it: configuration plus where its run stands. */
export const Agent = AgentConfig.extend(AgentStatus.shape).extend({
  usage: UsageTotals,
  /** Only with a profile. */
  permissions_kept_by: ProfileGuard.optional(),
});
export type Agent = z.infer<typeof Agent>;

export const AgentListQuery = PageQuery.extend({
  status: AgentStatusWord.optional(),
  capability: z.string().max(50).optional(),
});
export const AgentList = z.object({ agents: z.array(Agent), pagination: Pagination });

/** For whoever ends a turn before its time. */
const Requeue = z
  .boolean()
  .default(false)
  .describe('Messages that the turn was reading are handed over again; without it they are cancelled with the turn.');
export const InterruptOptions = z.strictObject({ requeue: Requeue }).prefault({});
export type InterruptOptions = z.infer<typeof InterruptOptions>;

export const StopOptions = z
  .strictObject({
    /** End it now, without asking it first. */
    force: z.boolean().default(false),
    grace_ms: z.number().int().min(0).max(120_000).optional(),
    requeue: Requeue,
  })
  .prefault({});
export type StopOptions = z.infer<typeof StopOptions>;

/** One line that an agent's process wrote outside the protocol, or that Nox wrote about it. */
export const LogLine = z.object({
  id: z.number().int(),
  timestamp: Timestamp,
  stream: z.enum(['stderr', 'stdout', 'nox']),
  line: z.string(),
});
export type LogLine = z.infer<typeof LogLine>;
export const LogQuery = z.object({
  lines: z.coerce.number().int().min(1).max(10_000).default(100),
  follow: z.stringbool().default(false),
});
export const LogList = z.object({ lines: z.array(LogLine) });
