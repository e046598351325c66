import { Inject, Injectable } from '@nestjs/common';
import type { DayResources, ResourceUsageFile } from '../../contracts/resources.js';
import type { DayUsage } from '../../contracts/usage.js';
import { RegistryService } from '../../registry/registry.service.js';
import { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/nox-error.js';
import type { UsageStep } from './resource-monitor.js';

const EVERY_MS = 60_000;
/** Older days are in the history of the record. */
const DAYS_KEPT = 31;
/** Today, and yesterday for what ended just before midnight. */
const DAYS_OPEN = 2;
const NOTHING: DayResources = {
  cpu_s: 0,
  peak_memory_mb: 0,
  turns: 0,
  input_tokens: 0,
  output_tokens: 0,
  cost_usd: 0,
};

/**
 * Sums of what agents use, by agent and local day, as `resource-usage.toml` in the record. They are saved at most once a
 * minute and at the end, so a crash loses a minute of processor time; turns, tokens and dollars are taken from the journal.
 */
@Injectable()
export class UsageLedger {
  private agents: ResourceUsageFile['agents'] = {};
  /** What is too little to be saved yet. */
  private readonly cpu = new Map<string, number>();
  private cancel: () => void = () => undefined;
  private closed = false;
  /** Set by wiring: what the agent's turns have used on the last days, newest first. */
  spent: (agent_id: string, days: number) => readonly DayUsage[] = () => [];
  /** Set by wiring. */
  warn: (message: string, fields: object) => void = () => undefined;

  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Goes on with the sums of an earlier Nox. Never rejects: sums that cannot be read begin anew. */
  async start(): Promise<void> {
    try {
      this.agents = await this.registry.record.readResourceUsage();
    } catch (error) {
      this.warn('resource-usage.toml cannot be read and begins anew', { reason: messageOf(error) });
    }
    this.next();
  }

  add(agent_id: string, { cpu_s, memory_bytes }: UsageStep): void {
    const day = localDay(this.clock.now());
    const key = `${agent_id} ${day}`;
    const before = this.agents[agent_id]?.[day] ?? NOTHING;
    const cpu = (this.cpu.get(key) ?? before.cpu_s) + cpu_s;
    this.cpu.set(key, cpu);
    this.put(agent_id, day, {
      ...before,
      cpu_s: Math.floor(cpu),
      peak_memory_mb: Math.max(before.peak_memory_mb, Math.round(memory_bytes / 2 ** 20)),
    });
  }

  /** Saves what there is. */
  async save(): Promise<void> {
    if (Object.keys(this.agents).length === 0) return;
    const open = Array.from({ length: DAYS_OPEN }, (_, n) => localDay(this.clock.now(), n));
    for (const [agent_id, days] of Object.entries(this.agents)) {
      if (open.some((day) => days[day] !== undefined)) this.takeSpent(agent_id);
    }
    this.forgetOld();
    await this.registry.record.saveResourceUsage(this.agents);
  }

  /** Saves for the last time. */
  async close(): Promise<void> {
    this.closed = true;
    this.cancel();
    await this.saved();
  }

  private takeSpent(agent_id: string): void {
    for (const { day, ...totals } of this.spent(agent_id, DAYS_OPEN)) {
      const known = this.agents[agent_id]?.[day];
      if (known !== undefined || totals.turns > 0) this.put(agent_id, day, { ...(known ?? NOTHING), ...totals });
    }
  }

  private forgetOld(): void {
    const oldest = localDay(this.clock.now(), DAYS_KEPT);
    const yesterday = localDay(this.clock.now(), 1);
    this.agents = Object.fromEntries(
      Object.entries(this.agents).flatMap(([agent_id, days]) => {
        const kept = Object.entries(days).filter(([day]) => day > oldest);
        return kept.length === 0 ? [] : [[agent_id, Object.fromEntries(kept)]];
      }),
    );
    for (const key of this.cpu.keys()) if (key.slice(-yesterday.length) < yesterday) this.cpu.delete(key);
  }

  private put(agent_id: string, day: string, sums: DayResources): void {
    this.agents = { ...this.agents, [agent_id]: { ...this.agents[agent_id], [day]: sums } };
  }

  private next(): void {
    if (this.closed) return;
    this.cancel = this.clock.after(EVERY_MS, () => {
      void this.saved().finally(() => this.next());
    });
  }

  private saved(): Promise<void> {
    return this.save().catch((error: unknown) =>
      this.warn('resource-usage.toml was not saved', { reason: messageOf(error) }),
    );
  }
}

const two = (n: number): string => String(n).padStart(2, '0');

/** `2026-11-21` of a time, so many days earlier, where the server is. */
function localDay(at_ms: number, days_before = 0): string {
  const at = new Date(at_ms);
  at.setDate(at.getDate() - days_before);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
