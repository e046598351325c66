import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { UsageTotals } from '../contracts/agent.js';
import type { EventPayload } from '../contracts/event.js';
import type { Turn, TurnStatus, Usage } from '../contracts/turn.js';
import { EventLog } from '../events/event-log.js';
import { Clock } from '../shared/clock.js';
import { StateDb, type Tx } from '../shared/db/state-db.js';
import { newId } from '../shared/ids.js';
import type { Hold } from './hold-book.js';
import { type OpenEntry, type OpenStatus, TurnIndex } from './turn-index.js';
import { addUsage, type TurnEnd } from './turn-reducer.js';

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
  /** Times it was put off for want of a model. */
  tries: number;
  resume_ms: number | null;
  queued_ms: number;
  started_ms: number | null;
  ended_ms: number | null;
}

/** Why a turn that ran is put back: a hold, or a message that could not wait. */
export type Delay = Omit<Hold, 'cause'> & { readonly cause: EventPayload<'turn.postponed'>['cause'] };

/** A turn that can be handed to its agent. */
export interface WaitingTurn extends Turn {
  /** The uuid under which its prompt is sent. */
  readonly prompt_uuid: string;
  readonly tries: number;
}

/** A turn that begins without having waited. */
export type StartedTurn = Pick<Turn, 'id' | 'agent_id' | 'source' | 'actor' | 'prompt' | 'session_id'> & {
  readonly prompt_uuid: string;
};

export const NOTHING_USED: UsageTotals = { turns: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };

/** As the index `turns_open` says it: without these very words SQLite looks at all turns there have ever been. */
const OPEN = "status IN ('queued', 'running', 'deferred')";

const usageOf = ({ usage_json }: TurnRow): Usage | null =>
  usage_json === null ? null : (JSON.parse(usage_json) as Usage);

/** The turns in the journal. Each change of a turn is stored together with the event that tells it. */
@Injectable()
export class TurnStore {
  private open_turns: TurnIndex | undefined;

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  async queue(given: { agent_id: string; prompt: string; source: string; actor: string }): Promise<Turn> {
    const id = newId('trn');
    return this.db.write((tx) => {
      this.indexIn(tx, { id, agent_id: given.agent_id, status: 'queued', usage: null });
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

  /** A turn that has the pipe at once: messages bring it when the agent can take it. `also` is stored with it. */
  async start(given: StartedTurn, also: (tx: Tx) => void): Promise<void> {
    await this.db.write((tx) => {
      this.startIn(tx, given);
      also(tx);
    });
  }

  /** The same as part of another change. */
  startIn(tx: Tx, { id, agent_id, prompt_uuid, source, actor, prompt, session_id }: StartedTurn): void {
    const now_ms = this.clock.now();
    this.indexIn(tx, { id, agent_id, status: 'running', usage: null });
    tx.run(
      "INSERT INTO turns (id, agent_id, prompt_uuid, source, actor, prompt, status, queued_ms, started_ms, session_id) VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?, ?)",
      id,
      agent_id,
      prompt_uuid,
      source,
      actor,
      prompt,
      now_ms,
      now_ms,
      session_id,
    );
    const now = this.clock.iso(now_ms);
    const turn: Turn = {
      id,
      agent_id,
      session_id,
      source,
      actor,
      prompt,
      status: 'running',
      text: '',
      blocks: [],
      usage: null,
      reason: null,
      queued_at: now,
      started_at: now,
      ended_at: null,
    };
    this.events.appendIn(tx, 'turn.queued', { turn }, agent_id);
    this.events.appendIn(tx, 'turn.started', { turn_id: id, session_id, model: null }, agent_id);
  }

  /** The newest turn that was for this task. */
  latestOfTask(task_id: string): Turn | undefined {
    const row = this.db.get<TurnRow>(
      "SELECT * FROM turns WHERE source = ? AND source GLOB 'task:*' ORDER BY id DESC LIMIT 1",
      `task:${task_id}`,
    );
    return row === undefined ? undefined : this.fromRow(row);
  }

  /** The oldest waiting turn of the agent. */
  next(agent_id: string): WaitingTurn | undefined {
    const row = this.db.get<TurnRow>(
      `SELECT * FROM turns WHERE ${OPEN} AND status = 'queued' AND agent_id = ? ORDER BY id LIMIT 1`,
      agent_id,
    );
    return row === undefined ? undefined : { ...this.fromRow(row), prompt_uuid: row.prompt_uuid, tries: row.tries };
  }

  /** Times the turn was put off for want of a model. */
  tries(id: string): number {
    return this.db.get<{ tries: number }>('SELECT tries FROM turns WHERE id = ?', id)?.tries ?? 0;
  }

  queuedCount(agent_id: string): number {
    return this.index.withStatus('queued', agent_id).length;
  }

  /** The turns in this state, of one agent or of all, oldest first. */
  withStatus(status: OpenStatus, agent_id?: string): OpenEntry[] {
    return this.index.withStatus(status, agent_id);
  }

  /** Marks a queued turn as running; false when it is no longer queued. */
  async begin(id: string, session_id: string | null, model: string | null): Promise<boolean> {
    return this.db.write((tx) => {
      const { changes } = tx.run(
        "UPDATE turns SET status = 'running', session_id = ?, started_ms = ?, reason = NULL, resume_ms = NULL WHERE id = ? AND status = 'queued'",
        session_id,
        this.clock.now(),
        id,
      );
      if (changes === 0) return false;
      const { agent_id } = this.indexed(tx, id);
      this.events.appendIn(tx, 'turn.started', { turn_id: id, session_id, model }, agent_id);
      return true;
    });
  }

  /** The turn's call is parked: it goes on when that is decided. False when it no longer runs. */
  async defer(id: string, usage: Usage | null): Promise<boolean> {
    return this.db.write((tx) => {
      const row = tx.get<TurnRow>("SELECT * FROM turns WHERE id = ? AND status = 'running'", id);
      if (row === undefined) return false;
      const used = usage === null ? usageOf(row) : addUsage(usageOf(row), usage);
      tx.run(
        "UPDATE turns SET status = 'deferred', reason = 'a tool call waits for a decision', usage_json = ?, used_ms = ? WHERE id = ?",
        used === null ? null : JSON.stringify(used),
        this.clock.now(),
        id,
      );
      this.indexed(tx, id);
      return true;
    });
  }

  /** The parked call of a turn has come back. */
  async resume(id: string): Promise<void> {
    await this.db.write((tx) => {
      const { changes } = tx.run(
        "UPDATE turns SET status = 'running', reason = NULL WHERE id = ? AND status = 'deferred'",
        id,
      );
      if (changes === 0) return;
      const turn = this.indexed(tx, id);
      this.events.appendIn(
        tx,
        'turn.started',
        { turn_id: id, session_id: turn.session_id, model: null },
        turn.agent_id,
      );
    });
  }

  /** Puts a turn back that never reached the process. */
  async requeue(id: string): Promise<void> {
    await this.db.write((tx) => {
      tx.run("UPDATE turns SET status = 'queued', started_ms = NULL WHERE id = ? AND status = 'running'", id);
      const turn = this.indexed(tx, id);
      this.events.appendIn(tx, 'turn.queued', { turn }, turn.agent_id);
    });
  }

  /**
   * Puts a running turn back in its place, to be tried again later under a new uuid: the CLI ignores one that it has
   * seen. What it has said and used so far stays. False when it no longer runs.
   */
  async putBack(
    id: string,
    { cause, reason, resume_ms }: Delay,
    usage: Usage,
    also: (tx: Tx) => void,
  ): Promise<boolean> {
    return this.db.write((tx) => {
      const row = tx.get<TurnRow>("SELECT * FROM turns WHERE id = ? AND status = 'running'", id);
      if (row === undefined) return false;
      tx.run(
        `UPDATE turns SET status = 'queued', started_ms = NULL, prompt_uuid = ?, tries = tries + 1, reason = ?,
           resume_ms = ?, usage_json = ?, used_ms = ? WHERE id = ?`,
        randomUUID(),
        reason,
        resume_ms,
        JSON.stringify(addUsage(usageOf(row), usage)),
        this.clock.now(),
        id,
      );
      also(tx);
      this.indexed(tx, id);
      this.events.dropDeltasIn(tx, id);
      const payload = { turn_id: id, cause, reason, tries: row.tries + 1 };
      this.events.appendIn(tx, 'turn.postponed', { ...payload, resume_at: this.isoOf(resume_ms) }, row.agent_id);
      return true;
    });
  }

  /** Says of a queued turn what it waits for, and stores that; nothing when it says so already. */
  async tellHold(id: string, { cause, reason, resume_ms }: Hold): Promise<void> {
    await this.db.write((tx) => {
      const { changes } = tx.run(
        "UPDATE turns SET reason = ?, resume_ms = ? WHERE id = ? AND status = 'queued' AND (reason IS NOT ? OR resume_ms IS NOT ?)",
        reason,
        resume_ms,
        id,
        reason,
        resume_ms,
      );
      if (changes === 0) return;
      const row = tx.get<TurnRow>('SELECT * FROM turns WHERE id = ?', id);
      const payload = { turn_id: id, cause, reason, tries: row?.tries ?? 0 };
      this.events.appendIn(tx, 'turn.postponed', { ...payload, resume_at: this.isoOf(resume_ms) }, row?.agent_id);
    });
  }

  /** Stores the reply as far as it has come; `tell` appends the event of the same change. */
  saveBlocks(id: string, blocks: Turn['blocks'], tell: (tx: Tx) => void): Promise<void> {
    return this.db.write((tx) => {
      tx.run('UPDATE turns SET blocks_json = ? WHERE id = ?', JSON.stringify(blocks), id);
      tell(tx);
    });
  }

  /** Ends an open turn; undefined when it had ended already. `also` belongs to the same change. */
  async end(id: string, end: TurnEnd, also: (tx: Tx) => void = () => undefined): Promise<Turn | undefined> {
    return this.db.write((tx) => {
      const row = tx.get<TurnRow>(`SELECT * FROM turns WHERE id = ? AND ${OPEN}`, id);
      if (row === undefined) return undefined;
      tx.afterCommit(() => this.index.ended(row.agent_id, id));
      const [before, now_ms] = [usageOf(row), this.clock.now()];
      const usage = end.usage === null ? before : addUsage(before, end.usage);
      tx.run(
        `UPDATE turns SET status = ?, text = ?, reason = ?, usage_json = ?, ended_ms = ?, resume_ms = NULL,
           used_ms = CASE WHEN started_ms IS NULL THEN used_ms ELSE ? END WHERE id = ?`,
        end.status,
        end.text,
        end.reason,
        usage === null ? null : JSON.stringify(usage),
        now_ms,
        now_ms,
        id,
      );
      also(tx);
      const turn = this.inTx(tx, id);
      this.events.dropDeltasIn(tx, id);
      this.events.appendIn(tx, 'turn.ended', { turn, usage }, turn.agent_id);
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

  /** What the agent's turns have used: those that have ended, or those that run. */
  totals(agent_id: string, which: 'ended' | 'running'): UsageTotals {
    if (which === 'running') return this.index.used(agent_id);
    return (
      this.db.get<UsageTotals>(
        `SELECT COUNT(*) AS turns,
           COALESCE(SUM(usage_json ->> 'input_tokens'), 0) AS input_tokens,
           COALESCE(SUM(usage_json ->> 'output_tokens'), 0) AS output_tokens,
           COALESCE(SUM(usage_json ->> 'cost_usd'), 0) AS cost_usd
         FROM turns WHERE agent_id = ? AND ended_ms IS NOT NULL`,
        agent_id,
      ) ?? NOTHING_USED
    );
  }

  private get index(): TurnIndex {
    this.open_turns ??= new TurnIndex(
      this.db.all<TurnRow & { status: OpenStatus }>(`SELECT * FROM turns WHERE ${OPEN} ORDER BY id`).map((row) => {
        const { id, agent_id, status } = row;
        return { id, agent_id, status, usage: usageOf(row) };
      }),
    );
    return this.open_turns;
  }

  private indexIn(tx: Tx, entry: OpenEntry): void {
    tx.afterCommit(() => this.index.set(entry));
  }

  /** The turn as this change has left it, which the index follows. */
  private indexed(tx: Tx, id: string): Turn {
    const turn = this.inTx(tx, id);
    const { agent_id, status, usage } = turn;
    if (status === 'queued' || status === 'running' || status === 'deferred')
      this.indexIn(tx, { id, agent_id, status, usage });
    return turn;
  }

  private inTx(tx: Tx, id: string): Turn {
    const row = tx.get<TurnRow>('SELECT * FROM turns WHERE id = ?', id);
    if (row === undefined) throw new Error(`turn ${id} vanished`);
    return this.fromRow(row);
  }

  private isoOf(at_ms: number | null): string | null {
    return at_ms === null ? null : this.clock.iso(at_ms);
  }

  private fromRow(row: TurnRow): Turn {
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
      usage: usageOf(row),
      reason: row.reason,
      ...(row.resume_ms === null ? {} : { resume_at: this.clock.iso(row.resume_ms) }),
      queued_at: this.clock.iso(row.queued_ms),
      started_at: this.isoOf(row.started_ms),
      ended_at: this.isoOf(row.ended_ms),
    };
  }
}
