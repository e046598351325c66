import { type MessagePriority, PRIORITIES } from '../contracts/message.js';
import type { Tx } from '../shared/db/state-db.js';
import type { PassedOver } from './order.js';

/** What lies in the queue of one agent, so that the database is asked only where there is something. */
export interface Shelf {
  readonly waiting: { [P in MessagePriority]: number };
  delayed: number;
  passed: PassedOver;
}

/**
 * The shelves of all agents, filled when they are first looked at. They follow each work as it is done; when one fails
 * they are forgotten, and the database says again what there is.
 */
export class Shelves {
  private readonly known = new Map<string, Shelf>();

  /** Only of one that has been looked at. */
  peek(agent_id: string): Shelf | undefined {
    return this.known.get(agent_id);
  }

  of(tx: Tx, agent_id: string): Shelf {
    const known = this.known.get(agent_id);
    if (known !== undefined) return known;
    const shelf: Shelf = { waiting: { critical: 0, high: 0, medium: 0, low: 0 }, delayed: 0, passed: {} };
    const rows = tx.all<{ level: number; state: string; n: number }>(
      "SELECT level, state, COUNT(*) AS n FROM message_queue WHERE agent_id = ? AND state <> 'leased' GROUP BY level, state",
      agent_id,
    );
    for (const { level, state, n } of rows) {
      const priority = PRIORITIES[level];
      if (state === 'delayed') shelf.delayed += n;
      else if (priority !== undefined) shelf.waiting[priority] += n;
    }
    const passed = tx.get<{ counts_json: string }>('SELECT counts_json FROM passed_over WHERE agent_id = ?', agent_id);
    if (passed !== undefined) shelf.passed = JSON.parse(passed.counts_json) as PassedOver;
    this.known.set(agent_id, shelf);
    return shelf;
  }

  forget(agent_ids: Iterable<string>): void {
    for (const id of agent_ids) this.known.delete(id);
  }

  clear(): void {
    this.known.clear();
  }
}
