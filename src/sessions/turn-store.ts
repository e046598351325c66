import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { UsageTotals } from '../contracts/agent.js';
import type { Turn, TurnStatus, Usage } from '../contracts/turn.js';
import { EventLog } from '../events/event-log.js';
import { Clock } from '../shared/clock.js';
import { StateDb, type Tx } from '../shared/db/state-db.js';
import { newId } from '../shared/ids.js';
import type { TurnEnd } from './turn-reducer.js';

interface TurnRow {
  id: string;
  agent_id: string;
  session_id: string | null;
  prompt_uuid: string;
  source: string;
  actor: string;
  prompt: string;
  status: TurnStatus;
  text: string;
  blocks_json: string;
  usage_json: string | null;
  reason: string | null;
  queued_ms: number;
  started_ms: number | null;
  ended_ms: number | null;
}

/** The turns in the journal. Each change of a turn is stored together with the event that tells it. */
@Injectable()
export class TurnStore {
  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  async queue(given: { agent_id: string; prompt: string; source: string; actor: string }): Promise<Turn> {
    const id = newId('trn');
    return this.db.write((tx) => {
      tx.run(
        "INSERT INTO turns (id, agent_id, prompt_uuid, source, actor, prompt, status, queued_ms) VALUES (?, ?, ?, ?, ?, ?, 'queued', ?)",
        id,
        given.agent_id,
        randomUUID(),
        given.source,
        given.actor,
        given.prompt,
        this.clock.now(),
      );
      const turn = this.inTx(tx, id);
      this.events.appendIn(tx, 'turn.queued', { turn }, given.agent_id);
      return turn;
    });
  }

  /** The oldest waiting turn of the agent, with the uuid under which its prompt is sent. */
  next(agent_id: string): { id: string; prompt: string; prompt_uuid: string } | undefined {
    return this.db.get(
      "SELECT id, prompt, prompt_uuid FROM turns WHERE status = 'queued' AND agent_id = ? ORDER BY id LIMIT 1",
      agent_id,
    );
  }

  queuedCount(agent_id: string): number {
    return (
      this.db.get<{ n: number }>("SELECT COUNT(*) AS n FROM turns WHERE status = 'queued' AND agent_id = ?", agent_id)
        ?.n ?? 0
    );
  }

  /** Ids of turns in this state, of one agent or of all, oldest first. */
  withStatus(status: 'queued' | 'running', agent_id?: string): { id: string; agent_id: string }[] {
    return this.db.all(
      'SELECT id, agent_id FROM turns WHERE status = ? AND (? IS NULL OR agent_id = ?) ORDER BY id',
      status,
      agent_id ?? null,
      agent_id ?? null,
    );
  }

  /** Marks a queued turn as running; false when it is no longer queued. */
  async begin(id: string, session_id: string | null, model: string | null): Promise<boolean> {
    return this.db.write((tx) => {
      const { changes } = tx.run(
        "UPDATE turns SET status = 'running', session_id = ?, started_ms = ? WHERE id = ? AND status = 'queued'",
        session_id,
        this.clock.now(),
        id,
      );
      if (changes === 0) return false;
      this.events.appendIn(tx, 'turn.started', { turn_id: id, session_id, model }, this.inTx(tx, id).agent_id);
      return true;
    });
  }

  /** Puts a turn back that never reached the process. */
  async requeue(id: string): Promise<void> {
    await this.db.write((tx) => {
      tx.run("UPDATE turns SET status = 'queued', started_ms = NULL WHERE id = ? AND status = 'running'", id);
      const turn = this.inTx(tx, id);
      this.events.appendIn(tx, 'turn.queued', { turn }, turn.agent_id);
    });
  }

  /** Stores the reply as far as it has come; `tell` appends the event of the same change. */
  saveBlocks(id: string, blocks: Turn['blocks'], tell: (tx: Tx) => void): Promise<void> {
    return this.db.write((tx) => {
      tx.run('UPDATE turns SET blocks_json = ? WHERE id = ?', JSON.stringify(blocks), id);
      tell(tx);
    });
  }

  /** Ends an open turn; undefined when it had ended already. */
  async end(id: string, end: TurnEnd): Promise<Turn | undefined> {
    return this.db.write((tx) => {
      const { changes } = tx.run(
        "UPDATE turns SET status = ?, text = ?, reason = ?, usage_json = ?, ended_ms = ? WHERE id = ? AND status IN ('queued', 'running')",
        end.status,
        end.text,
        end.reason,
        end.usage === null ? null : JSON.stringify(end.usage),
        this.clock.now(),
        id,
      );
      if (changes === 0) return undefined;
      const turn = this.inTx(tx, id);
      this.events.dropDeltasIn(tx, id);
      this.events.appendIn(tx, 'turn.ended', { turn, usage: end.usage }, turn.agent_id);
      return turn;
    });
  }

  get(id: string): Turn | undefined {
    const row = this.db.get<TurnRow>('SELECT * FROM turns WHERE id = ?', id);
    return row === undefined ? undefined : this.fromRow(row);
  }

  /** The newest turns before `before`, oldest first, and whether there are older ones. */
  page(agent_id: string, limit: number, before?: string): { turns: Turn[]; has_more: boolean } {
    const rows = this.db.all<TurnRow>(
      'SELECT * FROM turns WHERE agent_id = ? AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?',
      agent_id,
      before ?? null,
      before ?? null,
      limit + 1,
    );
    return {
      turns: rows
        .slice(0, limit)
        .toReversed()
        .map((row) => this.fromRow(row)),
      has_more: rows.length > limit,
    };
  }

  totals(agent_id: string): UsageTotals {
    return (
      this.db.get<UsageTotals>(
        `SELECT COUNT(*) AS turns,
           COALESCE(SUM(usage_json ->> 'input_tokens'), 0) AS input_tokens,
           COALESCE(SUM(usage_json ->> 'output_tokens'), 0) AS output_tokens,
           COALESCE(SUM(usage_json ->> 'cost_usd'), 0) AS cost_usd
         FROM turns WHERE agent_id = ? AND status <> 'queued'`,
        agent_id,
      ) ?? { turns: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 }
    );
  }

  private inTx(tx: Tx, id: string): Turn {
    const row = tx.get<TurnRow>('SELECT * FROM turns WHERE id = ?', id);
    if (row === undefined) throw new Error(`turn ${id} vanished`);
    return this.fromRow(row);
  }

  private fromRow(row: TurnRow): Turn {
    const time = (ms: number | null): string | null => (ms === null ? null : this.clock.iso(ms));
    return {
      id: row.id,
      agent_id: row.agent_id,
      session_id: row.session_id,
      source: row.source,
      actor: row.actor,
      prompt: row.prompt,
      status: row.status,
      text: row.text,
      blocks: JSON.parse(row.blocks_json) as Turn['blocks'],
      usage: row.usage_json === null ? null : (JSON.parse(row.usage_json) as Usage),
      reason: row.reason,
      queued_at: this.clock.iso(row.queued_ms),
      started_at: time(row.started_ms),
      ended_at: time(row.ended_ms),
    };
  }
}
