import type { UsageTotals } from '../contracts/agent.js';
import type { Turn, Usage } from '../contracts/turn.js';
import type { Clock } from '../shared/clock.js';
import type { Tx } from '../shared/db/state-db.js';
import { failpoint } from '../shared/failpoint.js';
import { untilStored } from '../shared/db/until-stored.js';
import { messageOf } from '../shared/nox-error.js';
import type { TurnEnd } from './turn-reducer.js';
import { type Delay, NOTHING_USED, type TurnStore } from './turn-store.js';
import { TurnWaiters } from './turn-waiters.js';

export interface BookParts {
  readonly turns: TurnStore;
  readonly clock: Clock;
  readonly warn: (message: string, fields: object) => void;
  /** What a turn that ran has used is stored. */
  readonly spent: (agent_id: string) => void;
}

/**
 * How many turns wait for each agent, what all have used, and how each comes to its one end. Contract: an end is stored
 * before anyone hears of it; what becomes of a turn that ran (its end, its way back into the queue) is tried until the
 * journal takes it.
 */
export class TurnBook {
  readonly waiters = new TurnWaiters();
  private readonly queued = new Map<string, number>();
  /** Of the turns that have ended. */
  private readonly totals = new Map<string, UsageTotals>();

  constructor(private readonly parts: BookParts) {}

  queuedCount(agent_id: string): number {
    return this.queued.get(agent_id) ?? 0;
  }

  /** Usage of all turns of the agent. */
  usage(agent_id: string): UsageTotals {
    let ended = this.totals.get(agent_id);
    if (ended === undefined) {
      ended = this.parts.turns.totals(agent_id, 'ended');
      this.totals.set(agent_id, ended);
    }
    return addTotals(ended, this.parts.turns.totals(agent_id, 'running'));
  }

  /** After a start of Nox: counts what waits. */
  recount(agent_id: string): void {
    this.queued.set(agent_id, this.parts.turns.queuedCount(agent_id));
  }

  async queue(given: Parameters<TurnStore['queue']>[0]): Promise<Turn> {
    const turn = await this.parts.turns.queue(given);
    this.add(given.agent_id, 1);
    return turn;
  }

  /** False when it no longer waits. */
  async begin(agent_id: string, id: string, session_id: string | null): Promise<boolean> {
    if (!(await this.parts.turns.begin(id, session_id, null))) return false;
    this.add(agent_id, -1);
    return true;
  }

  /** Puts a turn back that never reached the process. */
  async requeue(agent_id: string, id: string): Promise<void> {
    await this.stored(id, () => this.parts.turns.requeue(id));
    this.add(agent_id, 1);
  }

  /**
   * Puts a turn back that was cut short through no fault of its own; false when it no longer runs. It counts as waiting
   * from now on, not from when that is stored: what holds it is in force already, and says so.
   */
  async putBack(agent_id: string, id: string, delay: Delay, usage: Usage, also: (tx: Tx) => void): Promise<boolean> {
    this.add(agent_id, 1);
    let put_back = false;
    try {
      put_back = await this.stored(id, () => this.parts.turns.putBack(id, delay, usage, also));
    } finally {
      if (!put_back) this.add(agent_id, -1);
    }
    if (put_back) this.parts.spent(agent_id);
    return put_back;
  }

  /** Its call is parked; false when it no longer runs. */
  defer(id: string, usage: Usage | null): Promise<boolean> {
    return this.stored(id, () => this.parts.turns.defer(id, usage));
  }

  /** Ends a turn. `beforeTold` runs when that is stored, before those who wait hear of it; `also` is stored with it. Undefined: it had ended. */
  async finish(
    agent_id: string,
    id: string,
    end: TurnEnd,
    beforeTold: () => void = () => undefined,
    also?: (tx: Tx) => void,
  ): Promise<Turn | undefined> {
    const before = this.totals.get(agent_id);
    const turn = await this.stored(id, async () => {
      await failpoint('turn.end.before');
      return this.parts.turns.end(id, end, also);
    });
    await failpoint('turn.end.after');
    if (turn === undefined) return undefined;
    // A sum that somebody else has made meanwhile may have this turn in it already.
    if (before === undefined || this.totals.get(agent_id) !== before) this.totals.delete(agent_id);
    else this.totals.set(agent_id, addTotals(before, { ...NOTHING_USED, ...turn.usage, turns: 1 }));
    if (turn.started_at === null) this.add(agent_id, -1);
    else this.parts.spent(agent_id);
    beforeTold();
    this.waiters.answer(turn);
    return turn;
  }

  async cancelQueued(agent_id: string, reason: string): Promise<void> {
    for (const { id } of this.parts.turns.withStatus('queued', agent_id)) {
      await this.finish(agent_id, id, { status: 'cancelled', text: '', reason, usage: null });
    }
  }

  private add(agent_id: string, count: number): void {
    this.queued.set(agent_id, Math.max(0, this.queuedCount(agent_id) + count));
  }

  /** A turn that ran has to go somewhere, also on a disk that is full for a while. */
  private stored<T>(turn_id: string, write: () => Promise<T>): Promise<T> {
    return untilStored(this.parts.clock, write, (error) =>
      this.parts.warn('what became of a turn was not stored; it is tried again', {
        turn_id,
        reason: messageOf(error),
      }),
    );
  }
}

const addTotals = (a: UsageTotals, b: UsageTotals): UsageTotals => ({
  turns: a.turns + b.turns,
  input_tokens: a.input_tokens + b.input_tokens,
  output_tokens: a.output_tokens + b.output_tokens,
  cost_usd: a.cost_usd + b.cost_usd,
});
