import { Inject, Injectable } from '@nestjs/common';
import type { AnyNoxEvent } from '../contracts/event.js';
import type { Turn } from '../contracts/turn.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { StateDb } from '../shared/db/state-db.js';
import { messageOf } from '../shared/nox-error.js';

/** Up to which event the record has all turns, on the disk. */
const RECORDED_UP_TO = 'record.turns_seq';

const PAGE = 1000;

/**
 * Brings each turn that has ended from the journal into the record. Contract: what the journal has and a crash, a loss of
 * power or a full disk kept from the record is there after the next start, once.
 */
@Injectable()
export class TurnRecorder {
  /** Set by wiring: failures of work that nobody waits for. */
  warn: (message: string, fields: object) => void = () => undefined;
  /** Events whose turn is not in its file: under way, or refused by the disk. */
  private readonly owed = new Set<number>();
  private recorded_seq = 0;

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(RegistryService) private readonly registry: RegistryService,
  ) {}

  /** Resolves when the record has all turns that ended before. Call it before any turn can end. */
  async start(): Promise<void> {
    const known = this.db.getMeta(RECORDED_UP_TO);
    this.recorded_seq = known === undefined ? this.events.lastSeq() : Number(known);
    this.registry.record.safepoint = () => this.safepoint();
    const before = this.turnsSince(this.recorded_seq);
    for (const { seq } of before) this.owed.add(seq);
    this.events.subscribe((event) => {
      const ended = endOf(event);
      if (ended === undefined) return;
      this.owed.add(ended.seq);
      void this.record(ended.turn, ended.seq);
    });
    for (const { turn, seq } of before) await this.record(turn, seq, 'unless it is there');
  }

  private async record(turn: Turn, seq: number, how: 'new' | 'unless it is there' = 'new'): Promise<void> {
    const { record } = this.registry;
    try {
      if (how === 'new' || !(await record.holdsTurn(turn))) await record.appendTurn(turn);
      this.owed.delete(seq);
    } catch (error) {
      const fields = { turn_id: turn.id, reason: messageOf(error) };
      this.warn('a turn is in the journal but not in the record; the next start makes up for it', fields);
    }
  }

  /** What is appended now will be on the disk when the answer is called. */
  private safepoint(): () => void {
    const [oldest] = this.owed;
    const seq = oldest === undefined ? this.events.lastSeq() : oldest - 1;
    return () => {
      if (seq <= this.recorded_seq) return;
      this.recorded_seq = seq;
      const set = 'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value';
      this.db
        .write((tx) => tx.run(set, RECORDED_UP_TO, String(seq)), 'soon')
        .catch((error: unknown) =>
          this.warn('how far the record has come was not stored', { reason: messageOf(error) }),
        );
    };
  }

  private turnsSince(seq: number): { turn: Turn; seq: number }[] {
    const found: { turn: Turn; seq: number }[] = [];
    for (let from = seq; ;) {
      const page = this.events.since(from, { areas: ['turn'], limit: PAGE });
      found.push(...page.flatMap((event) => endOf(event) ?? []));
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return found;
      from = last.seq;
    }
  }
}

const endOf = (event: AnyNoxEvent): { turn: Turn; seq: number } | undefined =>
  event.type === 'turn.ended' ? { turn: event.payload.turn, seq: event.seq } : undefined;
