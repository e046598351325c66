import * as z from 'zod';
import { Timestamp } from './ids.js';

export const ComponentHealth = z.object({
  status: z.enum(['ok', 'degraded', 'failed']),
  /** One sentence for a person; names the remedy when not ok. */
  detail: z.string(),
});
export type ComponentHealth = z.infer<typeof ComponentHealth>;

/** Whether the Claude CLI in use has been seen to hold tool calls back when Nox's gate breaks; agents start only then. */
export const GateView = z.object({
  /** `refused`: a call ran that nobody had allowed. `unproven`: not tried yet, or it could not be found out. */
  state: z.enum(['unproven', 'proving', 'proven', 'refused']),
  /** One sentence for a person; names the remedy. */
  detail: z.string(),
  version: z.string().nullable(),
  binary_sha256: z.string().nullable(),
  proven_at: Timestamp.nullable(),
  /** Ways of breaking the gate that were tried, of how many. */
  tried: z.number().int(),
  ways: z.number().int(),
  failed: z.array(z.object({ way: z.string(), detail: z.string() })),
});
export type GateView = z.infer<typeof GateView>;

/** Public, so it says nothing about agents. */
export const Health = z.object({
  status: z.enum(['ok', 'degraded', 'failed']),
  version: z.string(),
  uptime_s: z.number(),
  /** Whether agents may start with the Claude CLI that is there. */
  gate: GateView.shape.state,
  /** Where messages wait: in the journal, or on Redis, and whether it can be used. */
  queue: z.object({ adapter: z.enum(['sqlite', 'redis']), available: z.boolean() }).optional(),
});

/** How agents reach their model: the person's own Claude, or the scripted one of the demo. */
export const ModelMode = z.enum(['claude', 'scripted']);
export type ModelMode = z.infer<typeof ModelMode>;

/** While it is in force no agent starts, whoever asks. */
export const EmergencyStop = z.object({
  since: Timestamp,
  actor: z.string(),
  reason: z.string().nullable(),
});
export type EmergencyStop = z.infer<typeof EmergencyStop>;

export const EmergencyStopRequest = z
  .strictObject({ reason: z.string().trim().min(1).max(500).optional() })
  .prefault({});

export const EmergencyStopReply = z.object({
  emergency_stop: EmergencyStop.nullable(),
  /** Agents whose processes were ended by this call. */
  ended: z.number(),
  /** What did not work, in words: an agent that is still being ended, a stop that a restart of Nox would forget. */
  problems: z.array(z.string()),
});
export type EmergencyStopReply = z.infer<typeof EmergencyStopReply>;

export const SystemStatus = z.object({
  status: z.enum(['ok', 'degraded', 'failed']),
  version: z.string(),
  server_name: z.string(),
  started_at: Timestamp,
  uptime_s: z.number(),
  /** Names `claude_cli`, `registry`, `journal`, `process_isolation`, … */
  components: z.record(z.string(), ComponentHealth),
  agents: z.object({ total: z.number(), active: z.number(), running: z.number(), failed: z.number() }),
  approvals_pending: z.number(),
  emergency_stop: EmergencyStop.nullable(),
  last_seq: z.number(),
  model: z.object({
    mode: ModelMode,
    /** True while this mode was chosen by Nox at its first start and no person has confirmed it. */
    demo: z.boolean(),
    detail: z.string(),
  }),
  process: z.object({ rss_bytes: z.number(), pid: z.number() }),
});
export type SystemStatus = z.infer<typeof SystemStatus>;

export const UseModel = z.strictObject({ mode: ModelMode });
