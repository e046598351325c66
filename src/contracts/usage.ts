import * as z from 'zod';
import { Budget, UsageTotals } from './agent.js';
import { AgentId } from './ids.js';

export const UsageQuery = z.object({ days: z.coerce.number().int().min(1).max(366).default(7) });

/** A day of the server's local time, as `2026-11-21`. */
export const DayUsage = UsageTotals.extend({ day: z.iso.date() });
export type DayUsage = z.infer<typeof DayUsage>;

/** Newest day first, with the days on which nothing happened; `budget` is what a day may use. */
export const AgentUsage = z.object({ agent_id: AgentId, days: z.array(DayUsage), budget: Budget });

/** `agents` holds those that have used something today, the most expensive first. */
export const FleetUsage = z.object({
  today: DayUsage,
  agents: z.array(UsageTotals.extend({ agent_id: AgentId })),
  budget: Budget,
});

/** Newest day first; `agents` holds those that have used something in these days, the most expensive first, also deleted ones. */
export const FleetDays = z.object({
  days: z.array(DayUsage),
  agents: z.array(UsageTotals.extend({ agent_id: AgentId })),
  budget: Budget,
});
export type FleetDays = z.infer<typeof FleetDays>;
