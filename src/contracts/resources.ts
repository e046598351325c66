import * as z from 'zod';
import { ResourceLimits, UsageTotals } from './agent.js';
import { AgentId, Timestamp } from './ids.js';

/** What a process tree used at one time: resident memory, and percent of one core since the sample before. */
export const ResourceSample = z.object({
  timestamp: Timestamp,
  memory_bytes: z.number(),
  cpu_percent: z.number(),
  processes: z.number().int(),
});
export type ResourceSample = z.infer<typeof ResourceSample>;

export const ResourceQuery = z.object({
  /** Samples after this one only. */
  since: Timestamp.optional(),
  /** At most so many: neighbours are put together, with their mean use of the processor and their highest of the rest. */
  points: z.coerce.number().int().min(1).max(5000).default(300),
});

/** Oldest sample first: each one of the last hour, one per minute of the last day; `now` is null while nothing runs. */
export const AgentResources = z.object({
  limits: ResourceLimits,
  now: ResourceSample.nullable(),
  history: z.array(ResourceSample),
});
export type AgentResources = z.infer<typeof AgentResources>;

/** What one agent has used on one day of the server's local time. */
export const DayResources = UsageTotals.extend({ cpu_s: z.number(), peak_memory_mb: z.number() });
export type DayResources = z.infer<typeof DayResources>;

/** `resource-usage.toml`: by agent and day (`2026-11-21`). */
export const ResourceUsageFile = z.object({
  schema_version: z.literal(1),
  agents: z.record(AgentId, z.record(z.iso.date(), DayResources)).default({}),
});
export type ResourceUsageFile = z.infer<typeof ResourceUsageFile>;
