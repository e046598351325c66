import { Inject, Injectable } from '@nestjs/common';
import type { AnyNoxEvent, EventPayload, EventType, NoxEvent } from '../contracts/event.js';
import { Clock } from '../shared/clock.js';
import { StateDb, type Tx } from '../shared/db/state-db.js';
import { newId } from '../shared/ids.js';

export type Listener = (event: AnyNoxEvent) => void;

interface EventRow {
  seq: number;
  id: string;
  type: string;
  at_ms: number;
  agent_id: string | null;
  payload_json: string;
}

export interface ReplayFilter {
  readonly agent_id?: string | undefined;
  readonly areas?: readonly string[] | undefined;
  readonly limit?: number;
}

/**
 * What happened, in one global order. Contract: an event is announced to listeners only after it is durable, in the
 * order of `seq`, and never when the work that it was part of failed. A listener that throws harms nobody else.
 */
@Injectable()
export class EventLog {
  private readonly listeners = new Set<Listener>();
  /** Set by wiring: where the failure of a listener is reported. */
  onListenerError: (error: unknown) => void = () => undefined;

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Stores an event of its own, then announces it; `soon` when it may wait a moment for the commit of another work. */
  append<T extends EventType>(
    type: T,
    payload: EventPayload<T>,
    agent_id?: string,
    when: 'now' | 'soon' = 'now',
  ): Promise<NoxEvent<T>> {
    return this.db.write((tx) => this.appendIn(tx, type, payload, agent_id), when);
  }

  /** Stores an event with the change that it tells, in the same transaction. */
  appendIn<T extends EventType>(tx: Tx, type: T, payload: EventPayload<T>, agent_id?: string): NoxEvent<T> {
    const at_ms = this.clock.now();
    const id = newId('evt');
    const turn_id = turnOf(payload);
    const { last_id: seq } = tx.run(
      'INSERT INTO events (id, type, at_ms, agent_id, turn_id, payload_json) VALUES (?, ?, ?, ?, ?, ?)',
      id,
      type,
      at_ms,
      agent_id ?? null,
      turn_id,
      JSON.stringify(payload),
    );
    const timestamp = this.clock.iso(at_ms);
    const event: NoxEvent<T> = { id, seq, type, timestamp, ...(agent_id === undefined ? {} : { agent_id }), payload };
    tx.afterCommit(() => this.announce(event as unknown as AnyNoxEvent));
    return event;
  }

  /** Returns the function that ends the subscription. */
  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Stored events after `seq`, oldest first, at most `limit` (1000). */
  since(seq: number, filter: ReplayFilter = {}): AnyNoxEvent[] {
    const { agent_id, areas = [], limit = 1000 } = filter;
    const agent = agent_id === undefined ? '' : 'AND agent_id = ?';
    const area = areas.length === 0 ? '' : `AND (${areas.map(() => 'type LIKE ?').join(' OR ')})`;
    const rows = this.db.all<EventRow>(
      `SELECT seq, id, type, at_ms, agent_id, payload_json FROM events WHERE seq > ? ${agent} ${area} ORDER BY seq LIMIT ?`,
      seq,
      ...(agent_id === undefined ? [] : [agent_id]),
      ...areas.map((name) => `${name}.%`),
      limit,
    );
    return rows.map((row) => this.fromRow(row));
  }

  /** Seq of the newest stored event; 0 when there is none. */
  lastSeq(): number {
    return this.db.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'events'")?.seq ?? 0;
  }

  /** Seq of the oldest event still kept; 0 when there is none. */
  firstSeq(): number {
    return this.db.get<{ seq: number | null }>('SELECT MIN(seq) AS seq FROM events')?.seq ?? 0;
  }

  /** Forgets the deltas of a turn: its whole texts say the same. */
  dropDeltasIn(tx: Tx, turn_id: string): void {
    tx.run("DELETE FROM events WHERE turn_id = ? AND type = 'turn.text_delta'", turn_id);
  }

  /** Forgets events older than `days`; answers how many. Behind one that a clock dated ahead old ones stay until it is old. */
  prune(days: number): Promise<number> {
    const before_ms = this.clock.now() - days * 86_400_000;
    return this.db.write(
      (tx) => tx.run('DELETE FROM events WHERE seq < ? AND at_ms < ?', this.firstSince(before_ms), before_ms).changes,
    );
  }

  /** Seq of the first event since then, by halves: their times grow with them, and an index of times costs each event more. */
  private firstSince(at_ms: number): number {
    let [from, to] = [this.firstSeq(), this.lastSeq() + 1];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      const next = this.db.get<{ seq: number; at_ms: number }>(
        'SELECT seq, at_ms FROM events WHERE seq >= ? ORDER BY seq LIMIT 1',
        middle,
      );
      if (next === undefined || next.at_ms >= at_ms) to = middle;
      else from = next.seq + 1;
    }
    return from;
  }

  private announce(event: AnyNoxEvent): void {
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (error) {
        this.onListenerError(error);
      }
    }
  }

  private fromRow(row: EventRow): AnyNoxEvent {
    return {
      id: row.id,
      seq: row.seq,
      type: row.type,
      timestamp: this.clock.iso(row.at_ms),
      ...(row.agent_id === null ? {} : { agent_id: row.agent_id }),
      payload: JSON.parse(row.payload_json),
    } as AnyNoxEvent;
  }
}

function turnOf(payload: object): string | null {
  if ('turn_id' in payload && typeof payload.turn_id === 'string') return payload.turn_id;
  return null;
}
