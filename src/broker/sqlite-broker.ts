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

interface QueueRow {
  id: string;
  agent_id: string;
  level: number;
  body: string;
}

const levelOf = (priority: MessagePriority): number => PRIORITIES.indexOf(priority);
const priorityOf = (level: number): MessagePriority => PRIORITIES[level] ?? 'low';

/** The embedded queue: rows of the journal, so that queue and ledger change in one transaction. */
export class SqliteBroker extends BrokerPort {
  readonly adapter = 'sqlite';
  /** Places grow; what comes later stands behind. */
  private place: number;

  constructor(
    private readonly db: StateDb,
    private readonly clock: Clock,
  ) {
    super();
    this.place = db.get<{ n: number | null }>('SELECT MAX(place) AS n FROM message_queue')?.n ?? 0;
  }

  /** After a crash nothing has to be put right, queue and ledger being one transaction; after a time on Redis all of it. */
  async open(view: JournalView): Promise<void> {
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
    return this.db.write((tx) => {
      for (const entry of entries) this.insert(tx, entry);
      return journal(tx);
    });
  }

  claim<T>(agent_id: string, want: Want, journal: (tx: Tx, entries: readonly QueueEntry[]) => T): Promise<T> {
    return this.db.write((tx) => {
      this.promote(tx, agent_id);
      const before = this.passed(tx, agent_id);
      let passed = before;
      const taken: QueueEntry[] = [];
      while (taken.length < want.limit) {
        const heads = this.heads(tx, agent_id);
        const choice = chooseNext(heads.since, passed, { ...want, now_ms: this.clock.now() });
        const head = choice && heads.rows[choice.priority];
        if (choice === undefined || head === undefined) break;
        if (taken[0] !== undefined && taken[0].priority !== choice.priority) break;
        this.setState(tx, head.id, 'leased');
        taken.push({ id: head.id, agent_id, priority: choice.priority, body: head.body });
        passed = choice.passed;
      }
      this.savePassed(tx, agent_id, before, passed);
      return journal(tx, taken);
    });
  }

  ack<T>(refs: readonly EntryRef[], journal: (tx: Tx) => T): Promise<T> {
    return this.db.write((tx) => {
      for (const { id } of refs) tx.run("DELETE FROM message_queue WHERE id = ? AND state = 'leased'", id);
      return journal(tx);
    });
  }

  requeue<T>(entry: NewEntry, journal: (tx: Tx) => T): Promise<T> {
    return this.db.write((tx) => {
      const state = this.isLater(entry.due_ms) ? 'delayed' : 'waiting';
      tx.run(
        "UPDATE message_queue SET state = ?, due_ms = ? WHERE id = ? AND state = 'leased'",
        state,
        entry.due_ms,
        entry.id,
      );
      return journal(tx);
    });
  }

  remove<T>(refs: readonly EntryRef[], journal: (tx: Tx) => T): Promise<T> {
    return this.db.write((tx) => {
      for (const { id } of refs) tx.run("DELETE FROM message_queue WHERE id = ? AND state <> 'leased'", id);
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

  private insert(tx: Tx, { id, agent_id, priority, body, due_ms }: NewEntry): void {
    this.place += 1;
    tx.run(
      'INSERT INTO message_queue (id, agent_id, level, place, state, since_ms, due_ms, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      id,
      agent_id,
      levelOf(priority),
      this.place,
      this.isLater(due_ms) ? 'delayed' : 'waiting',
      sinceMs(id),
      due_ms,
      body,
    );
  }

  private setState(tx: Tx, id: string, state: 'waiting' | 'leased'): void {
    tx.run('UPDATE message_queue SET state = ? WHERE id = ?', state, id);
  }

  private isLater(due_ms: number | null): boolean {
    return due_ms !== null && due_ms > this.clock.now();
  }

  /** Those that are due now stand behind what waits. */
  private promote(tx: Tx, agent_id: string): void {
    const due = tx.all<{ id: string }>(
      "SELECT id FROM message_queue WHERE agent_id = ? AND state = 'delayed' AND due_ms <= ? ORDER BY due_ms, place",
      agent_id,
      this.clock.now(),
    );
    for (const { id } of due) {
      this.place += 1;
      tx.run("UPDATE message_queue SET state = 'waiting', place = ? WHERE id = ?", this.place, id);
    }
  }

  private heads(tx: Tx, agent_id: string): { since: Heads; rows: { [P in MessagePriority]?: QueueRow } } {
    const since: { [P in MessagePriority]?: number } = {};
    const rows: { [P in MessagePriority]?: QueueRow } = {};
    for (const [level, priority] of PRIORITIES.entries()) {
      const row = tx.get<QueueRow & { since_ms: number }>(
        "SELECT id, agent_id, level, body, since_ms FROM message_queue WHERE agent_id = ? AND level = ? AND state = 'waiting' ORDER BY place LIMIT 1",
        agent_id,
        level,
      );
      if (row === undefined) continue;
      since[priority] = row.since_ms;
      rows[priority] = row;
    }
    return { since, rows };
  }

  private passed(tx: Tx, agent_id: string): PassedOver {
    const row = tx.get<{ counts_json: string }>('SELECT counts_json FROM passed_over WHERE agent_id = ?', agent_id);
    return row === undefined ? {} : (JSON.parse(row.counts_json) as PassedOver);
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
