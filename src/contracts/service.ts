import * as z from 'zod';
import { EnvName, SecretReference } from './agent.js';
import { RiskLevel } from './approval.js';
import { AgentId, ApprovalId, Timestamp } from './ids.js';

/** A service is named like an agent: it becomes a container's name, a table key and a URL segment. */
export const ServiceName = AgentId;

/** `none`: no network at all · `internal`: its own network, which reaches nothing · `egress`: only `egress_hosts`, through a proxy. */
export const ServiceNetwork = z.enum(['none', 'internal', 'egress']);

const HostName = z
  .string()
  .max(253)
  .regex(/^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+(:\d{1,5})?$/, 'must be a host name');

/** An image bound to its bytes. */
export const ImageDigest = z
  .string()
  .max(400)
  .regex(
    /^[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}$/,
    'must name a digest, as image@sha256:…; "nox mcp install" finds it for a tag',
  );

const Argument = z.string().max(4096);

/** One table `[services.<name>]` of `mcp-services.toml`: a container (`image`), a process (`command`) or a server elsewhere (`url`). */
export const ServiceConfig = z
  .looseObject({
    image: ImageDigest.optional(),
    /** A server that Nox starts as a process of its own. */
    command: z.string().min(1).max(4096).optional(),
    args: z.array(Argument).max(100).default([]),
    /** A server that runs elsewhere and speaks streamable HTTP. */
    url: z.url({ protocol: /^https?$/ }).optional(),
    transport: z.enum(['stdio', 'http']).default('stdio'),
    /** Port and path inside the container, for `transport = "http"`. */
    port: z.number().int().min(1).max(65_535).default(8080),
    path: z.string().regex(/^\//, 'must start with /').max(200).default('/mcp'),
    network: ServiceNetwork.default('none'),
    egress_hosts: z.array(HostName).max(100).default([]),
    /** One container for all agents; else one for each. */
    shared: z.boolean().default(true),
    env: z.record(EnvName, SecretReference).default({}),
    limits: z
      .looseObject({
        memory_mb: z.number().int().min(16).max(65_536).default(1024),
        cpus: z.number().min(0.05).max(64).default(0.5),
        pids: z.number().int().min(4).max(4096).default(128),
        calls_per_min: z.number().int().min(1).max(100_000).default(600),
        call_timeout_s: z.number().int().min(1).max(3600).default(60),
      })
      .prefault({}),
    agents: z.array(AgentId).max(1000).default([]),
    /** Tools that agents may call, as names or with `*`; empty: all. `denied_tools` wins. */
    allowed_tools: z.array(z.string().max(200)).max(500).default([]),
    denied_tools: z.array(z.string().max(200)).max(500).default([]),
    desired_state: z.enum(['active', 'inactive']).default('active'),
    approved_by: z.string().max(100).optional(),
    approval_id: ApprovalId.optional(),
  })
  .superRefine((service, context) => {
    const kinds = (['image', 'command', 'url'] as const).filter((key) => service[key] !== undefined);
    const issue = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (kinds.length === 0) issue('image', 'is needed; or command, or url');
    if (kinds.length > 1) issue(kinds[1] ?? 'image', `cannot stand beside ${kinds[0] ?? ''}`);
    if (service.image !== undefined && service.transport === 'http' && service.network === 'none')
      issue('network', 'must be internal or egress for transport = "http": without a network nothing can reach it');
    if (service.egress_hosts.length > 0 && service.network !== 'egress')
      issue('egress_hosts', 'is for network = "egress" only');
    if (service.url !== undefined && Object.keys(service.env).length > 1)
      issue('env', 'of a server elsewhere can hold AUTHORIZATION only');
  });
export type ServiceConfig = z.output<typeof ServiceConfig>;

export const ServiceStatus = z.enum([
  'pending_approval',
  'pulling',
  'starting',
  'running',
  'unhealthy',
  'stopped',
  'failed',
  'removing',
]);
export type ServiceStatus = z.infer<typeof ServiceStatus>;

/** What is known of an image before it is trusted. Null: not known. */
export const Evaluation = z.object({
  image: z.string(),
  digest: z.string().nullable(),
  size_bytes: z.number().nullable(),
  official: z.boolean(),
  pulls: z.number().nullable(),
  updated_at: Timestamp.nullable(),
  /** Where these facts come from: `catalogue`, `hub`, `registry`, `engine`. */
  sources: z.array(z.string()),
  risk_level: RiskLevel,
  reasons: z.array(z.string()),
});
export type Evaluation = z.infer<typeof Evaluation>;

export const ToolInfo = z.object({
  name: z.string(),
  description: z.string(),
  input_schema: z.record(z.string(), z.unknown()),
  /** May agents call it? */
  allowed: z.boolean(),
});
export type ToolInfo = z.infer<typeof ToolInfo>;

export const PullProgress = z.object({
  layers: z.number(),
  layers_done: z.number(),
  percent: z.number(),
  /** Of the layers whose size the engine has told so far; null while it has told none. */
  bytes: z.number().nullable().default(null),
  bytes_total: z.number().nullable().default(null),
});
export type PullProgress = z.infer<typeof PullProgress>;

export const CallCount = z.object({ agent_id: z.string(), calls: z.number(), errors: z.number(), refused: z.number() });

/** A service as the API shows it. */
export const Service = z.object({
  name: ServiceName,
  kind: z.enum(['container', 'command', 'remote']),
  config: z.unknown(),
  agents: z.array(AgentId),
  status: ServiceStatus,
  reason: z.string().nullable(),
  /** Containers or processes that serve it. */
  instances: z.number(),
  restarts: z.number(),
  since: Timestamp,
  server: z.object({ name: z.string(), version: z.string() }).nullable(),
  tools: z.number(),
  pull: PullProgress.nullable(),
  evaluation: Evaluation.nullable(),
  approval_id: ApprovalId.nullable(),
  calls: z.array(CallCount),
});
export type Service = z.infer<typeof Service>;

/** `engine` says whether containers can be had at all. */
export const EngineState = z.object({
  available: z.boolean(),
  version: z.string().nullable(),
  reason: z.string().nullable(),
});
export type EngineState = z.infer<typeof EngineState>;
export const ServiceList = z.object({ services: z.array(Service), engine: EngineState });

export const CatalogueEntry = z.object({
  name: ServiceName,
  title: z.string(),
  description: z.string(),
  /** With a tag or a digest. */
  image: z.string(),
  transport: z.enum(['stdio', 'http']).default('stdio'),
  network: ServiceNetwork.default('none'),
  egress_hosts: z.array(z.string()).default([]),
  env: z.array(z.object({ name: z.string(), required: z.boolean(), description: z.string() })).default([]),
  official: z.boolean().default(false),
  pulls: z.number().nullable().default(null),
  source: z.enum(['catalogue', 'hub', 'registry']).default('catalogue'),
  installed: z.boolean().default(false),
});
export type CatalogueEntry = z.infer<typeof CatalogueEntry>;

export const ServiceSearchQuery = z.object({
  query: z.string().trim().max(100).default(''),
  limit: z.coerce.number().int().min(1).max(100).default(25),
});
/** `offline`: only the catalogue file was asked, and why. */
export const ServiceSearch = z.object({ results: z.array(CatalogueEntry), offline: z.string().nullable() });
export type ServiceSearch = z.infer<typeof ServiceSearch>;

const Settings = z.strictObject({
  transport: z.enum(['stdio', 'http']).optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  path: z.string().optional(),
  network: ServiceNetwork.optional(),
  egress_hosts: z.array(z.string()).optional(),
  shared: z.boolean().optional(),
  env: z.record(z.string(), SecretReference).optional(),
  args: z.array(z.string()).optional(),
  limits: z.record(z.string(), z.number()).optional(),
  allowed_tools: z.array(z.string()).optional(),
  denied_tools: z.array(z.string()).optional(),
});

/** Body of POST /mcp/install. Without `auto_approve` (admins only) a person decides on the evaluation first. */
export const InstallService = Settings.extend({
  service_name: ServiceName.optional(),
  image: z.string().min(1).max(400).optional(),
  command: z.string().min(1).max(4096).optional(),
  url: z.url({ protocol: /^https?$/ }).optional(),
  agent_id: AgentId.optional(),
  auto_approve: z.boolean().default(false),
}).refine(({ service_name, image, command, url }) => (service_name ?? image ?? command ?? url) !== undefined, {
  message: 'needs service_name or image (or command, or url with service_name)',
});
export type InstallService = z.infer<typeof InstallService>;

export const UpdateService = Settings.extend({
  image: ImageDigest.optional(),
  desired_state: z.enum(['active', 'inactive']).optional(),
});
export type UpdateService = z.infer<typeof UpdateService>;

/** Query of DELETE: `image=true` takes the image away as well, unless something else uses it. */
export const RemoveService = z.object({ image: z.stringbool().default(false) });

export const AttachService = z.strictObject({ agent_id: AgentId });
export const ServiceLogQuery = z.object({ lines: z.coerce.number().int().min(1).max(5000).default(200) });
export const ServiceLogs = z.object({
  lines: z.array(z.object({ stream: z.enum(['stdout', 'stderr']), line: z.string() })),
});
export const ServiceStats = z.object({
  memory_bytes: z.number(),
  memory_limit_bytes: z.number(),
  cpu_percent: z.number(),
  pids: z.number(),
});
export const ServiceTools = z.object({ tools: z.array(ToolInfo) });
export const CallTool = z.strictObject({
  tool: z.string().min(1).max(200),
  input: z.record(z.string(), z.unknown()).default({}),
});
export const CallToolReply = z.object({
  is_error: z.boolean(),
  content: z.array(z.unknown()),
  duration_ms: z.number(),
});
export type CallToolReply = z.infer<typeof CallToolReply>;

const name = { service: z.string() };
/** What is told of services; the area of the dashboard's page. */
export const SERVICE_EVENTS = {
  /** The whole service, so that a client need not ask. */
  'service.changed': z.object({ ...name, status: ServiceStatus, reason: z.string().nullable() }),
  'service.pull_progress': z.object({ ...name, ...PullProgress.shape }),
  'service.installed': z.object({ ...name, image: z.string().nullable(), actor: z.string() }),
  'service.removed': z.object({ ...name, actor: z.string() }),
  'service.attached': z.object({ ...name, actor: z.string() }),
  'service.detached': z.object({ ...name, actor: z.string() }),
  /** One call through the gateway; `outcome` refused: it never reached the service. */
  'service.call': z.object({
    ...name,
    tool: z.string(),
    outcome: z.enum(['ok', 'error', 'refused', 'timeout', 'cancelled']),
    reason: z.string().nullable(),
    duration_ms: z.number(),
  }),
} as const;
