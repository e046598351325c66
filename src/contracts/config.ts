import * as z from 'zod';
import { Budget, DefaultResourceLimits, DefaultRestartConfig, SecretReference } from './agent.js';
import { Attention } from './attention.js';
import { readRemote } from './remote-url.js';

const Port = z.number().int().min(0).max(65_535);

/** The CLI's own messaging, timers and worktrees: they would bypass Nox (DESIGN 2.6). */
export const DEFAULT_DISALLOWED_TOOLS = [
  'SendMessage',
  'ListAgents',
  'CronCreate',
  'CronDelete',
  'CronList',
  'ScheduleWakeup',
  'Monitor',
  'EnterWorktree',
  'ExitWorktree',
  'Workflow',
];

const RemoteUrl = z.string().superRefine((url, context) => {
  const read = url === '' ? undefined : readRemote(url);
  if (typeof read === 'string') context.addIssue({ code: 'custom', message: read });
});

/** `system-config.toml`: every setting with its default. Unknown keys are kept and reported. */
export const SystemConfig = z.looseObject({
  schema_version: z.literal(1).default(1),
  server: z
    .looseObject({
      host: z.string().default('127.0.0.1'),
      port: Port.default(3000),
      /** Beside its own. */
      allowed_origins: z.array(z.url()).default([]),
      /** Names beside the bound one under which browsers may reach Nox. */
      allowed_hosts: z.array(z.string()).default([]),
      /** Set it to listen beyond loopback without TLS, behind a proxy that has it. */
      insecure_bind: z.boolean().default(false),
      /** Where browsers reach Nox, for links in notices; empty: by the address it listens on. */
      public_url: z.union([z.literal(''), z.url({ protocol: /^https?$/ })]).default(''),
    })
    .prefault({}),
  agents: z
    .looseObject({
      allowed_roots: z.array(z.string().min(1)).min(1).default(['.']),
      max_agents: z.number().int().min(1).max(10_000).default(1000),
      max_live_agents: z.number().int().min(1).max(1000).default(50),
      hibernate_after_s: z.number().int().min(0).max(604_800).default(600),
      stop_grace_ms: z.number().int().min(0).max(120_000).default(10_000),
      // A user of its own would need a login of its own, and a person's files given away: refused, not quietly ignored.
      run_as: z
        .literal(
          'same',
          'must be "same": agents run as the user of Nox; agents.confine keeps them from what is not theirs',
        )
        .default('same'),
      confine: z.enum(['auto', 'require', 'off']).default('auto'),
      limits: DefaultResourceLimits.prefault({}),
      restart: DefaultRestartConfig.prefault({}),
      health: z
        .looseObject({
          sample_every_s: z.number().min(1).max(3600).default(5),
          /** Over how long the use of the processor is averaged before an agent is throttled. */
          cpu_average_s: z.number().int().min(1).max(3600).default(60),
          silent_turn_warn_s: z.number().int().min(1).max(86_400).default(300),
        })
        .prefault({}),
    })
    .prefault({}),
  claude_cli: z
    .looseObject({
      path: z.string().default(''),
      model_endpoint: z.enum(['auto', 'claude', 'scripted']).default('auto'),
      pass_env: z.array(z.string()).default(['ANTHROPIC_*', 'CLAUDE_*', 'DISABLE_*']),
      disallowed_tools: z.array(z.string()).default(DEFAULT_DISALLOWED_TOOLS),
      max_api_retries: z.number().int().min(0).max(20).default(2),
    })
    .prefault({}),
  /** How often, and after which waits, a turn is tried again that failed for want of a model. */
  quota: z
    .looseObject({
      initial_ms: z.number().int().min(1).max(3_600_000).default(15_000),
      max_ms: z.number().int().min(1).max(86_400_000).default(900_000),
      max_tries: z.number().int().min(1).max(1000).default(8),
    })
    .prefault({}),
  /** For all agents together, beside the budgets of their own. */
  budget: Budget.prefault({}),
  tasks: z
    .looseObject({
      /** Start what can be started, as soon as its agent can take it. */
      auto_start: z.boolean().default(true),
      max_attempts: z.number().int().min(1).max(100).default(3),
      retry_initial_ms: z.number().int().min(0).max(3_600_000).default(5000),
      retry_max_ms: z.number().int().min(0).max(86_400_000).default(300_000),
      /** For each acceptance command. */
      accept_timeout_s: z.number().int().min(1).max(86_400).default(600),
    })
    .prefault({}),
  broker: z
    .looseObject({
      low_waits_at_most: z.number().int().min(1).default(8),
      max_attempts: z.number().int().min(1).default(5),
      max_queued_per_agent: z.number().int().min(1).default(10_000),
      default_ttl_s: z.number().int().min(1).default(604_800),
    })
    .prefault({}),
  /** When agents are taken to run away, counted over `window_s`; 0 switches a limit off. */
  storms: z
    .looseObject({
      window_s: z.number().int().min(1).max(3600).default(60),
      /** Messages of one agent; a broadcast counts for each recipient. */
      max_messages: z.number().int().min(0).max(100_000).default(200),
      /** Times that two agents answered each other. */
      max_exchanges: z.number().int().min(0).max(10_000).default(20),
      /** Calls of one of Nox's tools with the same words. */
      max_same_calls: z.number().int().min(0).max(10_000).default(10),
      max_spawns: z.number().int().min(0).max(1000).default(5),
      /** Calls of one MCP client in a minute; the next ones are refused. */
      client_calls_per_min: z.number().int().min(1).max(100_000).default(120),
      /** How long such an agent is parked, unless a person prompts it before. */
      park_s: z.number().int().min(1).max(86_400).default(900),
    })
    .prefault({}),
  approvals: z
    .looseObject({
      ask_expires_after_s: z.number().int().min(1).max(2_592_000).default(3600),
      park_after_s: z.number().int().min(1).max(86_400).default(120),
      /** For so long a decision made in the dashboard or by a link can be undone before its call hears of it. */
      undo_s: z.number().int().min(0).max(60).default(3),
    })
    .prefault({}),
  attention: Attention.prefault({}),
  services: z
    .looseObject({
      max_per_agent: z.number().int().min(1).max(100).default(5),
      max_containers: z.number().int().min(1).max(1000).default(20),
      /** Address of a Docker Hub API and of an MCP registry to search in; empty: only the catalogue file. */
      hub_url: z.string().default(''),
      registry_url: z.string().default(''),
    })
    .prefault({}),
  auth: z
    .looseObject({
      access_token_s: z.number().int().min(30).max(86_400).default(600),
      refresh_token_s: z.number().int().min(60).max(31_536_000).default(1_209_600),
      login_attempts_per_min: z.number().int().min(1).max(1000).default(5),
    })
    .prefault({}),
  retention: z
    .looseObject({
      events_days: z.number().int().min(1).default(30),
      logs_days: z.number().int().min(1).default(30),
      record_days: z.number().int().min(0).default(0),
    })
    .prefault({}),
  git: z
    .looseObject({
      /** Where the registry is pushed to; empty: nowhere. */
      remote: RemoteUrl.default(''),
      push_every_s: z.number().int().min(1).max(86_400).default(60),
      push_timeout_s: z.number().int().min(1).max(3600).default(120),
      /** The name that goes with the token, when the remote asks for one. */
      remote_user: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$/)
        .default('x-access-token'),
      remote_token: z.union([z.literal(''), SecretReference]).default(''),
    })
    .prefault({}),
  logging: z
    .looseObject({
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
      format: z.enum(['json', 'pretty']).default('json'),
    })
    .prefault({}),
});
export type SystemConfig = z.infer<typeof SystemConfig>;
