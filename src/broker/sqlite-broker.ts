import { type MessagePriority, PRIORITIES } from '../contracts/message.js';
import type { Clock } from '../shared/clock.js';
import type { StateDb, Tx } from '../shared/db/state-db.js';
import {
  type BrokerHealth,
  BrokerPort,
  type Depth,
  type EntryRef,
  type JournalView,
  type NewEntry,
  type QueueEntry,
  sinceMs,
  type Want,
} from './broker-port.js';
import { chooseNext, type Heads, type PassedOver } from './order.js';
import { Shelves } from './sqlite-shelf.js';

const levelOf = (priority: MessagePriority): number => PRIORITIES.indexOf(priority);
const priorityOf = (level: number): MessagePriority => PRIORITIES[level] ?? 'low';

/** The embedded queue: rows of the journal, so that queue and ledger change in one transaction. */
export class SqliteBroker extends BrokerPort {
  readonly adapter = 'sqlite';
  readonly claims_unstored = true;
  /** Places grow; what comes later stands behind. */
  private place: number;
  private readonly shelves = new Shelves();

  constructor(
    private readonly db: StateDb,
    private readonly clock: Clock,
  ) {
    super();
    this.place = db.get<{ n: number | null }>('SELECT MAX(place) AS n FROM message_queue')?.n ?? 0;
  }

  /** After a crash nothing has to be put right, queue and ledger being one transaction; after a time on Redis all of it. */
  async open(view: JournalView): Promise<void> {
    this.shelves.clear();
    await this.db.write((tx) => {
      const rows = tx.all<{ id: string; state: string }>('SELECT id, state FROM message_queue');
      const known = new Set(rows.map(({ id }) => id));
      for (const { id, state } of rows) {
        const fate = view.fate(id);
        if (fate === 'ended' || fate === 'unknown') tx.run('DELETE FROM message_queue WHERE id = ?', id);
        else if (fate === 'leased' && state !== 'leased') this.setState(tx, id, 'leased');
        else if (fate === 'waiting' && state === 'leased') this.setState(tx, id, 'waiting');
      }
      for (const entry of view.waiting()) if (!known.has(entry.id)) this.insert(tx, entry);
    });
  }

  publish<T>(entries: readonly NewEntry[], journal: (tx: Tx) => T): Promise<T> {
    return this.change(entries, (tx) => {
      for (const entry of entries) this.insert(tx, entry);
      return journal(tx);
    });
  }

  claim<T>(agent_id: string, want: Want, journal: (tx: Tx, entries: readonly QueueEntry[]) => T): Promise<T> {
    return this.change([{ agent_id }], (tx) => {
      const shelf = this.shelves.of(tx, agent_id);
      if (shelf.delayed > 0) this.promote(tx, agent_id);
      const before = shelf.passed;
      const taken: QueueEntry[] = [];
      while (taken.length < want.limit) {
        const heads = this.heads(tx, agent_id);
        const choice = chooseNext(heads.since, shelf.passed, { ...want, now_ms: this.clock.now() });
        const head = choice && heads.ids[choice.priority];
        if (choice === undefined || head === undefined) break;
        if (taken[0] !== undefined && taken[0].priority !== choice.priority) break;
        this.setState(tx, head, 'leased');
        const row = tx.get<{ body: string }>('SELECT body FROM message_queue WHERE id = ?', head);
        taken.push({ id: head, agent_id, priority: choice.priority, body: row?.body ?? '' });
        shelf.waiting[choice.priority] -= 1;
        shelf.passed = choice.passed;
      }
      this.savePassed(tx, agent_id, before, shelf.passed);
      return journal(tx, taken);
    });
  }

  ack<T>(refs: readonly EntryRef[], journal: (tx: Tx) => T): Promise<T> {
    return this.db.write((tx) => {
      this.ackIn(tx, refs);
      return journal(tx);
    });
  }

  ackIn(tx: Tx, refs: readonly EntryRef[]): void {
    for (const { id } of refs) tx.run("DELETE FROM message_queue WHERE id = ? AND state = 'leased'", id);
  }

  requeue<T>(entry: NewEntry, journal: (tx: Tx) => T): Promise<T> {
    return this.change([entry], (tx) => {
      const state = this.isLater(entry.due_ms) ? 'delayed' : 'waiting';
      const { changes } = tx.run(
        "UPDATE message_queue SET state = ?, due_ms = ? WHERE id = ? AND state = 'leased'",
        state,
        entry.due_ms,
        entry.id,
      );
      if (changes === 1) this.count(entry, state);
      return journal(tx);
    });
  }

  remove<T>(refs: readonly EntryRef[], journal: (tx: Tx) => T): Promise<T> {
    return this.change(refs, (tx) => {
      for (const { id } of refs) tx.run("DELETE FROM message_queue WHERE id = ? AND state <> 'leased'", id);
      this.shelves.forget(refs.map(({ agent_id }) => agent_id));
      return journal(tx);
    });
  }

  async depth(): Promise<Depth[]> {
    return this.db
      .all<{ agent_id: string; level: number; waiting: number; delayed: number; leased: number }>(
        `SELECT agent_id, level, SUM(state = 'waiting') AS waiting, SUM(state = 'delayed') AS delayed,
           SUM(state = 'leased') AS leased FROM message_queue GROUP BY agent_id, level ORDER BY agent_id, level`,
      )
      .map(({ level, ...row }) => ({ ...row, priority: priorityOf(level) }));
  }

  status(): BrokerHealth {
    return { available: true, health: { status: 'ok', detail: 'embedded queue in the journal (SQLite)' } };
  }

  async close(): Promise<void> {
    // The journal is closed by its owner.
  }

  /** Work on the queues of these agents; when it fails, what is known of them by heart is forgotten. */
  private async change<T>(refs: readonly Pick<EntryRef, 'agent_id'>[], work: (tx: Tx) => T): Promise<T> {
    const forget = (): void => this.shelves.forget(refs.map(({ agent_id }) => agent_id));
    try {
      return await this.db.write((tx) => {
        try {
          return work(tx);
        } catch (error) {
          // At once: the next work of the same commit must not see it.
          forget();
          throw error;
        }
      });
    } catch (error) {
      forget();
      throw error;
    }
  }

  private count({ agent_id, priority }: Pick<EntryRef, 'agent_id' | 'priority'>, state: 'waiting' | 'delayed'): void {
    const shelf = this.shelves.peek(agent_id);
    if (shelf === undefined) return;
    if (state === 'delayed') shelf.delayed += 1;
    else shelf.waiting[priority] += 1;
  }

  private insert(tx: Tx, { id, agent_id, priority, body, due_ms }: NewEntry): void {
    this.place += 1;
    const state = this.isLater(due_ms) ? 'delayed' : 'waiting';
    const { changes } = tx.run(
      'INSERT INTO message_queue (id, agent_id, level, place, state, since_ms, due_ms, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      id,
      agent_id,
      levelOf(priority),
      this.place,
      state,
      sinceMs(id),
      due_ms,
      body,
    );
    if (changes === 1) this.count({ agent_id, priority }, state);
  }

  private setState(tx: Tx, id: string, state: 'waiting' | 'leased'): void {
    tx.run('UPDATE message_queue SET state = ? WHERE id = ?', state, id);
  }

  private isLater(due_ms: number | null): boolean {
    return due_ms !== null && due_ms > this.clock.now();
  }

  /** Those that are due now stand behind what waits. */
  private promote(tx: Tx, agent_id: string): void {
    const shelf = this.shelves.of(tx, agent_id);
    const due = tx.all<{ id: string; level: number }>(
      "SELECT id, level FROM message_queue WHERE agent_id = ? AND state = 'delayed' AND due_ms <= ? ORDER BY due_ms, place",
      agent_id,
      this.clock.now(),
    );
    for (const { id, level } of due) {
      this.place += 1;
      shelf.delayed -= 1;
      shelf.waiting[priorityOf(level)] += 1;
      tx.run("UPDATE message_queue SET state = 'waiting', place = ? WHERE id = ?", this.place, id);
    }
  }

  /** The first of each priority, and since when it waits. Their texts are not looked at: most stay where they are. */
  private heads(tx: Tx, agent_id: string): { since: Heads; ids: { [P in MessagePriority]?: string } } {
    const since: { [P in MessagePriority]?: number } = {};
    const ids: { [P in MessagePriority]?: string } = {};
    const shelf = this.shelves.of(tx, agent_id);
    for (const [level, priority] of PRIORITIES.entries()) {
      if (shelf.waiting[priority] === 0) continue;
      const row = tx.get<{ id: string }>(
        "SELECT id FROM message_queue WHERE agent_id = ? AND level = ? AND state = 'waiting' ORDER BY place LIMIT 1",
        agent_id,
        level,
      );
      if (row === undefined) continue;
      since[priority] = sinceMs(row.id);
      ids[priority] = row.id;
    }
    return { since, ids };
  }

  private savePassed(tx: Tx, agent_id: string, before: PassedOver, after: PassedOver): void {
    if (PRIORITIES.every((each) => before[each] === after[each])) return;
    tx.run(
      'INSERT INTO passed_over (agent_id, counts_json) VALUES (?, ?) ON CONFLICT (agent_id) DO UPDATE SET counts_json = excluded.counts_json',
      agent_id,
      JSON.stringify(after),
    );
  }
}
