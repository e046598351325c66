import type { LogBook } from '../agents/log-book.js';
import type { Budget } from '../contracts/agent.js';
import type { EventPayload } from '../contracts/event.js';
import type { EventLog } from '../events/event-log.js';
import type { RegistryService } from '../registry/registry.service.js';
import type { Clock } from '../shared/clock.js';
import { type BudgetName, budgetWords, checkBudget, crossed, spentOf, WARN_SHARE } from './budget.js';
import type { Hold } from './hold-book.js';
import { hasBudget, type SpendBook, type SpendChange } from './spend-book.js';

export interface BudgetGateParts {
  readonly spends: SpendBook;
  readonly registry: RegistryService;
  readonly events: EventLog;
  readonly logs: LogBook;
  readonly clock: Clock;
  readonly lost: (agent_id: string, error: unknown) => void;
}

interface OverBudget {
  readonly hold: Hold;
  readonly told: EventPayload<'agent.budget_exceeded'>;
}

/** The budgets of a day: whether one is used up, and a warning before it is. */
export class BudgetGate {
  constructor(private readonly parts: BudgetGateParts) {}

  /** To be called when what a turn has used is stored. Warns near the end of a budget. */
  spent(agent_id: string): void {
    const { registry, spends } = this.parts;
    const [own, all] = [registry.agents().get(agent_id)?.budget, registry.config().budget];
    // The sums of a whole day are not made after each turn for nobody.
    if (!hasBudget(own) && !hasBudget(all)) {
      spends.forget();
      return;
    }
    const { agent, fleet } = spends.update(agent_id);
    this.warnOf('agent', agent_id, agent, own);
    this.warnOf('fleet', agent_id, fleet, all);
  }

  /** The budget that is used up for today, the agent's own or that of all; undefined when none is. */
  over(agent_id: string): OverBudget | undefined {
    const budgets = [
      {
        scope: 'agent',
        budget: this.parts.registry.agents().get(agent_id)?.budget,
        spent: () => this.parts.spends.today(agent_id),
      },
      { scope: 'fleet', budget: this.parts.registry.config().budget, spent: () => this.parts.spends.today() },
    ] as const;
    for (const { scope, budget, spent } of budgets) {
      if (!hasBudget(budget)) continue;
      const verdict = checkBudget(spent(), budget, this.parts.clock.now());
      if (!verdict.over) continue;
      const { which, limit, resets_ms } = verdict;
      const resets_at = this.parts.clock.iso(resets_ms);
      const whose = scope === 'agent' ? 'the budget' : 'the budget of all agents';
      const reason = `${whose} for today is used, ${budgetWords(which, verdict.spent, limit)}; goes on at ${resets_at}`;
      return {
        hold: { cause: 'budget', reason, resume_ms: resets_ms },
        told: { scope, which, limit, spent: verdict.spent, resets_at },
      };
    }
    return undefined;
  }

  private warnOf(scope: 'agent' | 'fleet', agent_id: string, change: SpendChange, budget: Budget | undefined): void {
    if (!hasBudget(budget)) return;
    const limitOf = (which: BudgetName): number => budget[which] ?? 0;
    for (const which of crossed(change.before, change.after, budget, WARN_SHARE)) {
      const told = { scope, which, spent: spentOf(change.after, which), limit: limitOf(which) };
      this.parts.events
        .append('agent.budget_warning', told, agent_id)
        .catch((error: unknown) => this.parts.lost(agent_id, error));
    }
    for (const which of crossed(change.before, change.after, budget, 1)) {
      const words = budgetWords(which, spentOf(change.after, which), limitOf(which));
      this.parts.logs.add(agent_id, 'nox', `the turn that ended used up the budget (${words}); the next one waits`);
    }
  }
}
