import type { UsageTotals } from '../contracts/agent.js';
import type { Usage } from '../contracts/turn.js';

export type OpenStatus = 'queued' | 'running' | 'deferred';

/** An open turn as the journal has it. */
export interface OpenEntry {
  readonly id: string;
  readonly agent_id: string;
  readonly status: OpenStatus;
  /** Of what it did before it was parked or put back. */
  readonly usage: Usage | null;
}

/**
 * The turns that have not ended, beside the journal: what an agent has before it is asked several times for each message.
 * Follows the journal commit by commit.
 */
export class TurnIndex {
  private readonly agents = new Map<string, Map<string, OpenEntry>>();

  constructor(entries: Iterable<OpenEntry>) {
    for (const entry of entries) this.set(entry);
  }

  set(entry: OpenEntry): void {
    let turns = this.agents.get(entry.agent_id);
    if (turns === undefined) {
      turns = new Map();
      this.agents.set(entry.agent_id, turns);
    }
    turns.set(entry.id, entry);
  }

  ended(agent_id: string, id: string): void {
    const turns = this.agents.get(agent_id);
    turns?.delete(id);
    if (turns?.size === 0) this.agents.delete(agent_id);
  }

  /** Of one agent or of all, oldest first. */
  withStatus(status: OpenStatus, agent_id?: string): OpenEntry[] {
    const found: OpenEntry[] = [];
    const add = (turns?: ReadonlyMap<string, OpenEntry>): void => {
      for (const entry of turns?.values() ?? []) if (entry.status === status) found.push(entry);
    };
    if (agent_id !== undefined) add(this.agents.get(agent_id));
    else for (const turns of this.agents.values()) add(turns);
    return found.length < 2 ? found : found.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** What the turns of the agent that have begun have used so far. */
  used(agent_id: string): UsageTotals {
    const sum = { turns: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };
    for (const { status, usage } of this.agents.get(agent_id)?.values() ?? []) {
      if (status === 'queued') continue;
      sum.turns += 1;
      sum.input_tokens += usage?.input_tokens ?? 0;
      sum.output_tokens += usage?.output_tokens ?? 0;
      sum.cost_usd += usage?.cost_usd ?? 0;
    }
    return sum;
  }
}
