import { Inject, Injectable } from '@nestjs/common';
import type { Budget, UsageTotals } from '../contracts/agent.js';
import type { DayUsage } from '../contracts/usage.js';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { addSpent, dayOf, midnightMs, NOTHING, type Spent } from './budget.js';

const SUMS = `COUNT(CASE WHEN started_ms IS NOT NULL THEN ended_ms END) AS turns,
  COALESCE(SUM(usage_json ->> 'input_tokens'), 0) AS input_tokens,
  COALESCE(SUM(usage_json ->> 'output_tokens'), 0) AS output_tokens,
  COALESCE(SUM(usage_json ->> 'cost_usd'), 0) AS cost_usd`;

const spentIn = ({ cost_usd, input_tokens, output_tokens, turns }: UsageTotals): Spent => ({
  usd: cost_usd,
  tokens: input_tokens + output_tokens,
  turns,
});

/** A change of one sum: of an agent, or of all together. */
export interface SpendChange {
  readonly before: Spent;
  readonly after: Spent;
}

/**
 * What agents use, day by day. The turns are the truth; today's sums of them are kept in memory. A turn belongs to the
 * day on which it ended, and what a turn that is put off has used meanwhile to the day on which it began to wait.
 */
@Injectable()
export class SpendBook {
  private day_ms = Number.NaN;
  private readonly spent = new Map<string, Spent>();
  private all: Spent = NOTHING;

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** What the agent has used today; what all have used, without an id. */
  today(agent_id?: string): Spent {
    this.load();
    return agent_id === undefined ? this.all : (this.spent.get(agent_id) ?? NOTHING);
  }

  /** To be called when a turn's usage has been stored and nobody asks how the sums have grown: they are made anew when next asked for. */
  forget(): void {
    this.day_ms = Number.NaN;
  }

  /** The same; answers how the sums have grown by it. */
  update(agent_id: string): { agent: SpendChange; fleet: SpendChange } {
    const same_day = midnightMs(this.clock.now()) === this.day_ms;
    const before = same_day ? { agent: this.today(agent_id), fleet: this.all } : { agent: NOTHING, fleet: NOTHING };
    if (same_day) {
      this.spent.set(agent_id, spentIn(this.sumOf(agent_id, this.day_ms, Number.MAX_SAFE_INTEGER)));
      this.all = [...this.spent.values()].reduce(addSpent, NOTHING);
    }
    return {
      agent: { before: before.agent, after: this.today(agent_id) },
      fleet: { before: before.fleet, after: this.today() },
    };
  }

  /** The last days of an agent, newest first. */
  days(agent_id: string, count: number): DayUsage[] {
    return this.lastDays(count).map(({ from_ms, until_ms }) => ({
      day: dayOf(from_ms),
      ...this.sumOf(agent_id, from_ms, until_ms),
    }));
  }

  /** The last days of all agents, newest first, and what each agent has used in them, the most expensive first. */
  fleetDays(count: number): { days: DayUsage[]; agents: (UsageTotals & { agent_id: string })[] } {
    const span = this.lastDays(count);
    const days = span.map(({ from_ms, until_ms }) => {
      const sql = `SELECT ${SUMS} FROM turns WHERE used_ms >= ? AND used_ms < ?`;
      return { day: dayOf(from_ms), ...NO_USAGE, ...this.db.get<UsageTotals>(sql, from_ms, until_ms) };
    });
    const agents = this.sumSince(span.at(-1)?.from_ms ?? 0).sort((a, b) => b.cost_usd - a.cost_usd);
    return { days, agents };
  }

  /** All agents that have used something today, the most expensive first, and their sum. */
  fleetToday(): { today: DayUsage; agents: (UsageTotals & { agent_id: string })[] } {
    const start_ms = midnightMs(this.clock.now());
    const agents = this.sumSince(start_ms).sort((a, b) => b.cost_usd - a.cost_usd);
    const today = agents.reduce(
      (sum, each) => ({
        day: sum.day,
        turns: sum.turns + each.turns,
        input_tokens: sum.input_tokens + each.input_tokens,
        output_tokens: sum.output_tokens + each.output_tokens,
        cost_usd: sum.cost_usd + each.cost_usd,
      }),
      { day: dayOf(start_ms), ...NO_USAGE },
    );
    return { today, agents };
  }

  /** Newest first; today has no end yet. */
  private lastDays(count: number): { from_ms: number; until_ms: number }[] {
    let until_ms = Number.MAX_SAFE_INTEGER;
    let from_ms = midnightMs(this.clock.now());
    return Array.from({ length: count }, () => {
      const day = { from_ms, until_ms };
      until_ms = from_ms;
      from_ms = midnightMs(from_ms - 1);
      return day;
    });
  }

  private load(): void {
    const day_ms = midnightMs(this.clock.now());
    if (day_ms === this.day_ms) return;
    this.day_ms = day_ms;
    this.spent.clear();
    for (const { agent_id, ...totals } of this.sumSince(day_ms)) {
      this.spent.set(agent_id, spentIn(totals));
    }
    this.all = [...this.spent.values()].reduce(addSpent, NOTHING);
  }

  private sumSince(from_ms: number): (UsageTotals & { agent_id: string })[] {
    return this.db.all(`SELECT agent_id, ${SUMS} FROM turns WHERE used_ms >= ? GROUP BY agent_id`, from_ms);
  }

  private sumOf(agent_id: string, from_ms: number, until_ms: number): UsageTotals {
    const sql = `SELECT ${SUMS} FROM turns WHERE agent_id = ? AND used_ms >= ? AND used_ms < ?`;
    return { ...NO_USAGE, ...this.db.get<UsageTotals>(sql, agent_id, from_ms, until_ms) };
  }
}

const NO_USAGE: UsageTotals = { turns: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };

/** Nothing unless a limit is set. */
export const hasBudget = (budget: Budget | undefined): budget is Budget =>
  budget !== undefined && Object.values(budget).some((limit) => limit !== undefined);
